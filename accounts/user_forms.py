"""Forms of the pages that administrators run users by. They validate; services save."""

from django import forms

from restai_site.ui.forms import PageForm, PerMinuteField

RESTRICTED_HELP = "May read and chat, and change nothing."
ADMINISTRATOR_HELP = "Runs the platform: users, models, settings, and all teams."


def _name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _email_field(help_text: str) -> forms.EmailField:
    return forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text=help_text,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class RoleForm(PageForm):
    """What a user may do on the platform."""

    is_platform_admin = forms.BooleanField(
        label="Platform administrator", required=False, help_text=ADMINISTRATOR_HELP
    )
    is_restricted = forms.BooleanField(
        label="Restricted", required=False, help_text=RESTRICTED_HELP
    )


class UserRateForm(PageForm):
    """How often a user may call models."""

    requests_per_minute = PerMinuteField(
        help_text="Calls of models, in the chat and with all of their keys. Empty: no limit."
    )


class InvitationForm(RoleForm):
    """A person to be invited."""

    email = _email_field("The invitation goes there, and they sign in with it.")
    name = _name_field()
    field_order = ("email", "name", "is_platform_admin", "is_restricted")


class DetailsForm(PageForm):
    """Name and address of a user."""

    name = _name_field()
    email = _email_field("They sign in with it. The old address is told about a change.")
