"""Forms of this app's pages. They validate; services save."""

from django import forms

from accounts.models import User
from accounts.sections import PASSWORD_MOST
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
    """E-mail address and password."""

    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = password_field("Password", new=False)


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


class PasswordForm(PageForm):
    """A new password, proven by the current one."""

    current_password = password_field("Current password", new=False)
    password = password_field("New password", new=True, help_text=PASSWORD_HELP)


class ImpersonationForm(PageForm):
    """Why somebody acts as somebody else; kept in the audit trail."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="For example the number of the request for help. It stays in the audit trail.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
