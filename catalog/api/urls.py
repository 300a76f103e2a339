"""REST API of this app."""

from rest_framework.routers import SimpleRouter

from catalog.api import views

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("providers", views.ProviderViewSet, basename="provider")
router.register("llms", views.LLMViewSet, basename="llm")
router.register("embedding-models", views.EmbeddingModelViewSet, basename="embedding-model")
router.register("image-generators", views.ImageGeneratorViewSet, basename="image-generator")
router.register("audio-generators", views.AudioGeneratorViewSet, basename="audio-generator")

urlpatterns = router.urls
