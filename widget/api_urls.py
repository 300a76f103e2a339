"""REST API of this app."""

from django.urls import path

from widget.api import FeedbackViewSet, WidgetViewSet

WIDGETS = "projects/<int:project_id>/widgets"
urlpatterns = [
    path(
        WIDGETS,
        WidgetViewSet.as_view({"get": "list", "post": "create"}),
        name="project-widgets",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>",
        WidgetViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="project-widget",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>/key",
        WidgetViewSet.as_view({"post": "key"}),
        name="project-widget-key",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>/identity",
        WidgetViewSet.as_view({"post": "identity"}),
        name="project-widget-identity",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>/forget",
        WidgetViewSet.as_view({"post": "forget"}),
        name="project-widget-forget",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>/numbers",
        WidgetViewSet.as_view({"get": "numbers"}),
        name="project-widget-numbers",
    ),
    path(
        f"{WIDGETS}/<int:widget_id>/feedback",
        FeedbackViewSet.as_view({"get": "list"}),
        name="project-widget-feedback",
    ),
]
