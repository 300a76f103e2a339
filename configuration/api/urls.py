"""REST API of this app."""

from django.urls import path

from configuration.api import views

urlpatterns = [
    path("settings", views.SettingsView.as_view(), name="settings-list"),
    path("settings/<slug:section>", views.SectionView.as_view(), name="settings-section"),
    path("settings/<slug:section>/test", views.SectionTestView.as_view(), name="settings-test"),
]
