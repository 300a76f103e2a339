"""Pages of this app."""

from django.urls import path

from inference import views

app_name = "inference"
CHAT = "projects/<int:project_id>/chat"
CONVERSATION = f"{CHAT}/<uuid:conversation_id>"
urlpatterns = [
    path("chat", views.chat, name="chat"),
    path(CHAT, views.project_chat, name="project_chat"),
    path(f"{CHAT}/history", views.history, name="history"),
    path(CONVERSATION, views.conversation, name="conversation"),
    path(f"{CONVERSATION}/rename", views.rename, name="rename"),
    path(f"{CONVERSATION}/pin", views.pin, name="pin"),
    path(f"{CONVERSATION}/delete", views.delete, name="delete"),
]
