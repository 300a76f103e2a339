"""The form of a team's branding. It validates; services save."""

from typing import Any

from django import forms

from restai_site.ui.forms import LongTextField, PageForm, PictureField
from teams import colours
from teams.branding import logo_from
from teams.models import APP_NAME_MAX_LENGTH, WELCOME_MAX_LENGTH, Branding
from teams.texts import validate_line, validate_text

WRONG_COLOUR = "Write the colour as # and six digits, such as #0b7a75."


class ColourField(forms.CharField):
    """A colour as `#rrggbb`, or nothing; a script puts a picker beside it."""

    def __init__(self, **kwargs: Any) -> None:
        look = {
            "autocomplete": "off",
            "spellcheck": "false",
            "maxlength": "7",
            "data-colour": "",
        }
        super().__init__(required=False, max_length=7, widget=forms.TextInput(look), **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value)).lower()
        try:
            return "#{:02x}{:02x}{:02x}".format(*colours.channels(text)) if text else ""
        except ValueError:
            raise forms.ValidationError(WRONG_COLOUR) from None


class BrandingForm(PageForm):
    """Name, logo, colours and welcome of a team."""

    app_name = forms.CharField(
        label="Name of the app",
        max_length=APP_NAME_MAX_LENGTH,
        required=False,
        validators=[validate_line],
        help_text="Stands where the platform's name stands.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    logo = PictureField(
        write=logo_from,
        label="Logo",
        help_text="PNG, JPEG or WebP, at most 2 MB. It is scaled to 512 pixels.",
    )
    remove_logo = forms.BooleanField(label="Use no logo of our own", required=False)
    primary = ColourField(label="Primary colour", help_text="Of buttons and links.")
    secondary = ColourField(
        label="Secondary colour", help_text="Of what is chosen. Empty: the primary one."
    )
    welcome_message = LongTextField(
        label="Welcome message",
        max_length=WELCOME_MAX_LENGTH,
        required=False,
        validators=[validate_text],
        help_text="Greets people at the log-in page and in an empty chat. Plain text.",
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(self, *args: Any, branding: Branding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not branding.logo_hash:
            del self.fields["remove_logo"]

    def values(self) -> dict[str, Any]:
        """Return what the service takes; a logo that was not chosen stays as it is."""
        values = dict(self.cleaned_data)
        removes = values.pop("remove_logo", False)
        if values["logo"] is None and not removes:
            del values["logo"]
        return values
