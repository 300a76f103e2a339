"""REST API of conversations, and the chat itself."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from inference.api.chat import chat
from inference.api.views import ConversationViewSet
from inference.logs.api import LogViewSet, log_csv, log_jsonl

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("conversations", ConversationViewSet, basename="conversation")

urlpatterns: list[URLPattern | URLResolver] = [
    path("projects/<int:project_id>/chat", chat, name="project-chat"),
    path("projects/<int:project_id>/log.csv", log_csv, name="project-log-csv"),
    path("projects/<int:project_id>/log.jsonl", log_jsonl, name="project-log-jsonl"),
    path("projects/<int:project_id>/log", LogViewSet.as_view({"get": "list"}), name="project-log"),
    path(
        "projects/<int:project_id>/log/<int:log_id>",
        LogViewSet.as_view({"get": "retrieve"}),
        name="project-log-call",
    ),
    path("", include(router.urls)),
]
