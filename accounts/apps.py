from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Show the identity providers among the settings; load what the apps above say.

        Of what keys can be narrowed to, what pages of users show, and who still reaches what.
        """
        from restai_site.ui.settings_tabs import PROVIDERS_PAGE, add_page

        add_page(PROVIDERS_PAGE, "Sign-in providers", "accounts:providers", order=20)
        autodiscover_modules("key_limits", "user_panels", "watched", "personal")
        import_module("accounts.personal.of_accounts")
