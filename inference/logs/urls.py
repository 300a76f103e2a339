"""Addresses of the pages of logs: pages of a project, beside the chats of this app."""

from django.urls import path

from inference.logs import pages

app_name = "logs"
urlpatterns = [
    path("projects/<int:project_id>/log", pages.log, name="log"),
    path("projects/<int:project_id>/log/<int:log_id>", pages.call, name="call"),
]
