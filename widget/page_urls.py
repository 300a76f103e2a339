"""Pages of this app, for editors of projects."""

from django.urls import path

from widget import pages

app_name = "widgets"
WIDGETS = "projects/<int:project_id>/widgets"
WIDGET = f"{WIDGETS}/<int:widget_id>"
urlpatterns = [
    path(WIDGETS, pages.widgets, name="widgets"),
    path(WIDGET, pages.widget, name="widget"),
    path(f"{WIDGET}/numbers", pages.numbers, name="numbers"),
    path(f"{WIDGET}/feedback", pages.feedback, name="feedback"),
    path(f"{WIDGET}/preview", pages.preview, name="preview"),
    path(f"{WIDGET}/key", pages.renew, name="renew"),
    path(f"{WIDGET}/identity", pages.identity, name="identity"),
    path(f"{WIDGET}/forget", pages.forget, name="forget"),
    path(f"{WIDGET}/delete", pages.delete, name="delete"),
]
