from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import autodiscover_modules


class SiteConfig(AppConfig):
    """The composition root as an app: its commands, checks and tests."""

    name = "restai_site"
    verbose_name = "Site"

    def ready(self) -> None:
        """Load the checks of the security posture that every app declares."""
        autodiscover_modules("posture")


class PlatformAdminConfig(AdminConfig):
    """Django's admin behind the platform's own log-in."""

    default_site = "restai_site.admin.PlatformAdminSite"

    def ready(self) -> None:
        """Leave out Django's groups: rights here come from teams, and no service writes groups."""
        super().ready()
        from django.contrib.admin import site
        from django.contrib.auth.models import Group

        site.unregister(Group)
