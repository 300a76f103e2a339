"""Forms for passwords and addresses. They validate; services save."""

from typing import Any

from django import forms

from accounts.forms import password_field
from accounts.models import User
from accounts.password_rules import minimum_length
from restai_site.ui.forms import PageForm


def _help(user: User | None) -> str:
    return (
        f"At least {minimum_length(user)} characters. A few unrelated words make a good one, and "
        "pasting works."
    )


class ForgottenForm(PageForm):
    """The address to which a link for a new password goes."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )


class NewPasswordForm(PageForm):
    """A new password for `user`."""

    password = password_field("New password", new=True)

    def __init__(self, *args: Any, user: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = _help(user)


class AcceptForm(NewPasswordForm):
    """Name and first password of somebody who has been invited."""

    name = forms.CharField(
        label="Your name",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "password")


class PasswordForm(NewPasswordForm):
    """A new password, proven by the current one."""

    current_password = password_field("Current password", new=False)
    field_order = ("current_password", "password")


class EmailForm(PageForm):
    """A new address, proven by the current password."""

    email = forms.EmailField(
        label="New e-mail address",
        max_length=254,
        help_text="A link that confirms it is sent there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    current_password = password_field("Current password", new=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Stands on a page with another form that asks for the current password.
        super().__init__(*args, **{"auto_id": "email_form_%s", **kwargs})
