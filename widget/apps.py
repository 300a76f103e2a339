from importlib import import_module

from django.apps import AppConfig


class WidgetConfig(AppConfig):
    name = "widget"
    verbose_name = "Widget"

    def ready(self) -> None:
        """Have the headers of other websites' pages decided here."""
        import_module("widget.cors")
