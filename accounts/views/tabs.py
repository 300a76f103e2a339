"""The tabs of one's own account."""

from django.urls import reverse

from restai_site.ui.tables import tab


def account_tabs(current: str) -> list[dict[str, object]]:
    """Return the tabs; `current` is profile, security, keys or data."""
    return [
        tab("Profile", reverse("accounts:profile"), is_current=current == "profile"),
        tab("Security", reverse("accounts:security"), is_current=current == "security"),
        tab("API keys", reverse("accounts:keys"), is_current=current == "keys"),
        tab("Your data", reverse("accounts:data"), is_current=current == "data"),
    ]
