"""Forms of this app's pages. They validate; services save."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.models import User
from restai_site.ui.forms import PageForm

WRONG = "The e-mail address or the password is not right."
PASSWORD_MAX_LENGTH = 128
PASSWORD_HELP = (
    f"At least {settings.PASSWORD_MIN_LENGTH} characters. A few unrelated words make a good one."
)
KEY_LIFETIMES = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "One year"),
    ("never", "Does not expire"),
]


def password_field(label: str, *, new: bool, help_text: str = "") -> forms.CharField:
    """Return a password field that password managers understand."""
    kind = "new-password" if new else "current-password"
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
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

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            found = authenticate(
                self._request, username=cleaned["email"], password=cleaned["password"]
            )
            self.user = found if isinstance(found, User) else None
            if self.user is None:
                raise forms.ValidationError(WRONG)
        return cleaned


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


class ApiKeyForm(PageForm):
    """A name to know the key by, and how long it lives."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="Where the key is used, for example “Nightly report”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    lifetime = forms.ChoiceField(label="Expires after", choices=KEY_LIFETIMES, initial="90")

    def clean_lifetime(self) -> timedelta | None:
        days = self.cleaned_data["lifetime"]
        return None if days == "never" else timedelta(days=int(days))
