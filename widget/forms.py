"""The forms of widgets. They validate; services save."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from metering.models import AMOUNT_BELOW
from restai_site.ui.forms import LongTextField, PageForm, PictureField
from teams.branding_forms import ColourField
from widget.identity import SUBJECT_MAX_LENGTH
from widget.models import STARTERS_MAX, Widget
from widget.services import LIMITS, LOOKS, picture_from

LIFETIMES = [("", "For ever"), ("30", "30 days"), ("90", "90 days"), ("365", "A year")]


def _lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if line.strip()]


class LinesField(LongTextField):
    """A list, one to a line."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        area = forms.Textarea({"rows": rows, "autocapitalize": "off", "spellcheck": "false"})
        super().__init__(required=False, widget=area, **kwargs)

    def clean(self, value: Any) -> list[str]:
        return _lines(super().clean(value) or "")

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class OriginsField(LinesField):
    """The websites that may use a widget."""

    def __init__(self) -> None:
        super().__init__(
            rows=3,
            label="Websites",
            help_text=(
                "One to a line, such as https://www.example.com; https://*.example.com stands for "
                "every host below it. None is allowed that is not listed."
            ),
        )


class NewWidgetForm(PageForm):
    """A widget to begin with: a name, and where it may be used."""

    name = forms.CharField(label="Name", max_length=100, help_text="Visitors do not see it.")
    allowed_origins = OriginsField()
    lifetime = forms.ChoiceField(label="Its key works", choices=LIFETIMES, required=False)


class LooksForm(PageForm):
    """How a widget looks. What is empty is as the team's branding, in the visitor's language."""

    title = forms.CharField(label="Title", max_length=60, required=False)
    subtitle = forms.CharField(label="Line below it", max_length=120, required=False)
    avatar = forms.CharField(
        label="Avatar", max_length=8, required=False, help_text="One letter or emoji."
    )
    accent = ColourField(label="Colour", help_text="Made lighter or darker until it can be read.")
    position = forms.ChoiceField(label="Position", choices=Widget.Position.choices)
    theme = forms.ChoiceField(label="Theme", choices=Widget.Theme.choices)
    language = forms.ChoiceField(label="Language", choices=Widget.Language.choices, required=False)
    welcome_message = LongTextField(
        label="Welcome message",
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )
    starters = LinesField(
        rows=3, label="Questions to begin with", help_text=f"One to a line, at most {STARTERS_MAX}."
    )
    placeholder = forms.CharField(label="Placeholder", max_length=80, required=False)
    privacy_note = forms.CharField(label="Privacy note", max_length=300, required=False)
    privacy_url = forms.URLField(
        label="Privacy page", max_length=300, required=False, assume_scheme="https"
    )

    def looks(self) -> dict[str, Any]:
        """Return what was given."""
        return {name: self.cleaned_data[name] for name in LOOKS}


class WidgetForm(LooksForm):
    """All of a widget that can be changed."""

    name = forms.CharField(label="Name", max_length=100)
    picture = PictureField(
        write=picture_from,
        label="Picture",
        help_text="PNG, JPEG or WebP, at most 2 MB; it stands in place of the avatar.",
    )
    remove_picture = forms.BooleanField(label="Use no picture", required=False)
    is_paused = forms.BooleanField(
        label="Paused", required=False, help_text="Answers that are being given end as well."
    )
    allowed_origins = OriginsField()
    message_length = forms.IntegerField(label="Characters in a message", max_value=20_000)
    turns = forms.IntegerField(label="Questions in a conversation", max_value=500)
    visitor_per_minute = forms.IntegerField(
        label="Messages of a visitor", help_text="A minute.", max_value=600
    )
    address_per_minute = forms.IntegerField(
        label="Messages of an address", help_text="A minute.", max_value=6_000
    )
    messages_per_day = forms.IntegerField(
        label="Messages of all", help_text="A day.", max_value=1_000_000
    )
    challenge = forms.ChoiceField(
        label="Proof of work",
        choices=Widget.Challenge.choices,
        help_text="New visitors' browsers calculate for a moment, which stops floods.",
    )
    daily_cap = forms.DecimalField(
        label="US dollars a day",
        required=False,
        min_value=0,
        max_value=AMOUNT_BELOW - 1,
        decimal_places=6,
        help_text="Empty: the budgets of project and team alone.",
    )

    def values(self) -> dict[str, Any]:
        """Return what `update_widget` takes."""
        names = ("name", "is_paused", "allowed_origins", *LOOKS, *LIMITS)
        return {name: self.cleaned_data[name] for name in names}


class RenewForm(PageForm):
    """For how long the old key works beside the new one, and the new one at all."""

    overlap_hours = forms.TypedChoiceField(
        label="The key so far stops",
        coerce=int,
        choices=[(0, "At once"), (1, "In an hour"), (24, "In a day"), (168, "In a week")],
        initial=24,
    )
    lifetime = forms.ChoiceField(label="The new one works", choices=LIFETIMES, required=False)


class ForgetForm(PageForm):
    """Whom to forget."""

    subject = forms.CharField(
        label="Visitor",
        max_length=SUBJECT_MAX_LENGTH,
        strip=False,
        help_text="A known one: what your website calls them, the claim “sub” of its tokens.",
    )


def end_of(lifetime: str) -> datetime | None:
    """Return when a lifetime that begins now is over, or None for ever."""
    return timezone.now() + timedelta(days=int(lifetime)) if lifetime else None
