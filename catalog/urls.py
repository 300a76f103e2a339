"""Pages of this app."""

from django.urls import path

from catalog import views

app_name = "catalog"
urlpatterns = [
    path("models", views.model_list, name="models"),
    path("models/providers", views.provider_list, name="providers"),
    path("models/providers/new", views.provider_new, name="provider_new"),
    path("models/providers/<int:provider_id>", views.provider_edit, name="provider_edit"),
    path("models/providers/<int:provider_id>/test", views.provider_test, name="provider_test"),
    path(
        "models/providers/<int:provider_id>/delete", views.provider_delete, name="provider_delete"
    ),
    path("models/<slug:slug>", views.model_list, name="list"),
    path("models/<slug:slug>/new", views.model_new, name="new"),
    path("models/<slug:slug>/<int:model_id>", views.model_edit, name="edit"),
    path("models/<slug:slug>/<int:model_id>/test", views.model_test, name="test"),
    path("models/<slug:slug>/<int:model_id>/delete", views.model_delete, name="delete"),
]
