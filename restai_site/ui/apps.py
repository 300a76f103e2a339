from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "restai_site.ui"
    label = "ui"
