"""Forms of this app's pages. They validate; services save."""

from typing import Any

from django import forms

from accounts.models import User
from accounts.sections import PASSWORD_MOST, LdapSection
from restai_site.lib.configuration import current
from restai_site.ui.forms import PageForm

PASSWORD_HELP = "A few unrelated words make a good one."  # noqa: S105 - a text to read


def password_field(label: str, *, new: bool, help_text: str = "") -> forms.CharField:
    """Return a password field that password managers understand."""
    kind = "new-password" if new else "current-password"
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_MOST,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": kind}),
    )


class LogInForm(PageForm):
    """E-mail address and password. With a directory in use, its names will do as well."""

    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = password_field("Password", new=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if current(LdapSection).enabled:
            self.fields["email"].label = "E-mail address or user name"
            self.fields["email"].widget = forms.TextInput(
                attrs={"autocomplete": "username", "autocapitalize": "none"}
            )


class SetUpForm(PageForm):
    """The first administrator."""

    name = forms.CharField(
        label="Your name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="You sign in with it. No mail is sent.",
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = password_field("Password", new=True, help_text=PASSWORD_HELP)


class ProfileForm(PageForm):
    """What people say about themselves."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        required=False,
        help_text="Shown to the members of your teams.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    theme = forms.ChoiceField(label="Theme", choices=User.Theme.choices, widget=forms.RadioSelect)


class ThemeForm(PageForm):
    """The theme alone, for the menu at the top."""

    theme = forms.ChoiceField(choices=User.Theme.choices)


class ImpersonationForm(PageForm):
    """Why somebody acts as somebody else; kept in the audit trail."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="For example the number of the request for help. It stays in the audit trail.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class LdapLinkForm(PageForm):
    """Which entry of the directory a user is."""

    login = forms.CharField(
        label="Name or e-mail address in the directory",
        max_length=254,
        help_text="As they would type it to sign in. Exactly one entry must fit.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
