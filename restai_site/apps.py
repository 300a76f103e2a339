from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import autodiscover_modules

from restai_site.lib.env import ConfigurationError
from restai_site.lib.releases import installed_bad_releases


class SiteConfig(AppConfig):
    """The composition root as an app: its commands, checks and tests."""

    name = "restai_site"
    verbose_name = "Site"

    def ready(self) -> None:
        """Load the checks of the posture and the queue that web processes, too, hand work to.

        Refuses to start with a package known to be malicious.

        Not a system check, which can be silenced and which the web server does not run.
        """
        bad = next(installed_bad_releases(), None)
        if bad is not None:
            raise ConfigurationError(
                f"{bad}. Do not start this environment again: remove .venv or the image, change "
                "every secret that this machine holds, and install what requirements.txt pins."
            )
        autodiscover_modules("posture")
        import_module("restai_site.celery")


class PlatformAdminConfig(AdminConfig):
    """Django's admin behind the platform's own log-in."""

    default_site = "restai_site.admin.PlatformAdminSite"

    def ready(self) -> None:
        """Leave out Django's groups, and the tables of allauth.

        Rights here come from teams, and no service writes groups; allauth's tables stay empty.
        """
        super().ready()
        from allauth.account.models import EmailAddress
        from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
        from django.contrib.admin import site
        from django.contrib.auth.models import Group

        for model in (Group, EmailAddress, SocialAccount, SocialApp, SocialToken):
            site.unregister(model)


class AllauthAccountConfig(AppConfig):
    """The part of allauth that the other imports; without its middleware, which nothing needs."""

    name = "allauth.account"
    default_auto_field = "django.db.models.AutoField"


class AllauthSocialAccountConfig(AppConfig):
    """The part of allauth that goes to identity providers; accounts.sso says which there are."""

    name = "allauth.socialaccount"
    default_auto_field = "django.db.models.AutoField"
