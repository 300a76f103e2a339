from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from restai_site.lib import configuration


class ConfigurationConfig(AppConfig):
    """Finds the sections that apps declare, and hands their values out from the database."""

    name = "configuration"
    verbose_name = "Settings"

    def ready(self) -> None:
        """Find the sections; stop the start where the environment gives one a wrong value."""
        from configuration.store import DatabaseStore

        autodiscover_modules("sections")
        configuration.check_environment()
        configuration.use_store(DatabaseStore())
