"""Addresses of the widget that pages of other websites use; those of administrators are apart."""

from django.urls import path

from widget import delivery, public

app_name = "widget"
WIDGET = "widget/<slug:public_id>"
urlpatterns = [
    path("widget/chat.js", delivery.newest, name="script"),
    path("widget/chat-<slug:script_hash>.js", delivery.versioned, name="script_version"),
    path(f"{WIDGET}/frame", delivery.frame, name="frame"),
    path(f"{WIDGET}/config", public.config, name="config"),
    path(f"{WIDGET}/session", public.session, name="session"),
    path(f"{WIDGET}/chat", public.chat, name="chat"),
    path(f"{WIDGET}/conversation", public.conversation, name="conversation"),
    path(f"{WIDGET}/conversations", public.conversations, name="conversations"),
    path(f"{WIDGET}/feedback", public.feedback, name="feedback"),
]
