"""Pages of this app."""

from django.urls import path

from configuration import views

app_name = "configuration"
urlpatterns = [
    path("settings", views.index, name="index"),
    path("settings/<slug:section>", views.section_page, name="section"),
    path("settings/<slug:section>/test", views.section_test, name="test"),
]
