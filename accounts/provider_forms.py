"""The form of an identity provider. It validates; services save."""

from typing import Any

from django import forms

from accounts.directory import team_choices
from accounts.models import IdentityProvider
from accounts.models.providers import SLUG
from restai_site.ui.forms import LongTextField, PageForm, kept_since

SECRET_MAX_LENGTH = 4096
OFF = {"autocomplete": "off"}
NO_TEAM = ("", "None")


class IdentityProviderForm(PageForm):
    """Who may vouch for people. The stored secret is never shown; empty keeps it."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="What people read on the button of the log-in page."
    )
    slug = forms.CharField(
        label="Short name",
        max_length=50,
        validators=[SLUG],
        help_text="Part of the call-back address; it cannot be changed later.",
        widget=forms.TextInput(attrs={"placeholder": "company", **OFF}),
    )
    kind = forms.ChoiceField(label="Kind", choices=IdentityProvider.Kind.choices)
    server_url = forms.CharField(
        label="Server address",
        max_length=500,
        required=False,
        help_text="The issuer, for OpenID Connect. For the others only where it is not the usual "
        "one, as with a GitHub Enterprise Server.",
        widget=forms.URLInput(attrs={"placeholder": "https://sso.example.org/realms/company"}),
    )
    tenant = forms.CharField(
        label="Directory (tenant) id",
        max_length=36,
        required=False,
        help_text="For Microsoft. “organizations” lets in people of every company.",
        widget=forms.TextInput(attrs=OFF),
    )
    client_id = forms.CharField(
        label="Client id", max_length=255, widget=forms.TextInput(attrs=OFF)
    )
    client_secret = forms.CharField(
        label="Client secret",
        max_length=SECRET_MAX_LENGTH,
        required=False,
        widget=forms.PasswordInput(attrs=OFF),
    )
    enabled = forms.BooleanField(label="Offer it on the log-in page", required=False)
    allowed_domains = LongTextField(
        label="Allowed domains",
        required=False,
        max_length=10_000,
        help_text="Of verified e-mail addresses, one a line. Empty: all.",
        widget=forms.Textarea(attrs={"rows": 3, **OFF}),
    )
    link_by_verified_email = forms.BooleanField(
        label="Link to users by their verified e-mail address",
        required=False,
        help_text="Never to platform administrators: they link their account in their profile.",
    )
    auto_create = forms.BooleanField(
        label="Create users who are not known yet",
        required=False,
        help_text="They start restricted: they may read and chat.",
    )
    default_team_id = forms.TypedChoiceField(
        label="Team of created users", required=False, coerce=int, empty_value=None
    )
    groups_claim = forms.CharField(
        label="Groups claim",
        max_length=100,
        required=False,
        help_text="Where the provider names a person's groups, for example groups or "
        "realm_access.roles.",
        widget=forms.TextInput(attrs=OFF),
    )
    position = forms.IntegerField(
        label="Position", min_value=0, max_value=1000, initial=0, help_text="Lowest first."
    )

    def __init__(self, *args: Any, provider: IdentityProvider | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = [NO_TEAM, *team_choices()]
        self.fields["default_team_id"].choices = choices  # type: ignore[attr-defined]
        if provider is None:
            return
        self.fields["slug"].disabled = True
        if provider.client_secret_set_at is not None:
            self.fields["client_secret"].label = "Replace the client secret"
            self.fields["client_secret"].help_text = kept_since(provider.client_secret_set_at)

    def clean_allowed_domains(self) -> list[str]:
        lines = str(self.cleaned_data["allowed_domains"]).replace(",", "\n").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def values(self) -> dict[str, Any]:
        """Return what a service takes: the secret only where it is to change."""
        values = dict(self.cleaned_data)
        if not values["client_secret"]:
            del values["client_secret"]
        return values


def initial_of(provider: IdentityProvider) -> dict[str, Any]:
    """Return what the form shows of `provider`; never its secret."""
    names = set(IdentityProviderForm.base_fields) - {"client_secret", "allowed_domains"}
    shown = {name: getattr(provider, name) for name in names}
    return shown | {"allowed_domains": "\n".join(provider.allowed_domains)}
