"""REST API of conversations, and the chat itself."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from inference.api.chat import chat
from inference.api.views import ConversationViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("conversations", ConversationViewSet, basename="conversation")

urlpatterns: list[URLPattern | URLResolver] = [
    path("projects/<int:project_id>/chat", chat, name="project-chat"),
    path("", include(router.urls)),
]
