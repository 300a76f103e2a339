from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Show the identity providers among the settings, after the section of sign-in."""
        from restai_site.ui.settings_tabs import PROVIDERS_PAGE, add_page

        add_page(PROVIDERS_PAGE, "Sign-in providers", "accounts:providers", order=20)
