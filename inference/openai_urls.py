"""The OpenAI-compatible API."""

from django.urls import path

from inference import media_views
from inference import openai_views as views

app_name = "openai"
urlpatterns = [
    path("chat/completions", views.chat_completions, name="chat-completions"),
    path("embeddings", views.embeddings, name="embeddings"),
    path("images/generations", media_views.images, name="images"),
    path("audio/speech", media_views.speech, name="speech"),
    path("audio/transcriptions", media_views.transcriptions, name="transcriptions"),
    path("models", views.models, name="models"),
    path("models/<path:name>", views.model, name="model"),
]
