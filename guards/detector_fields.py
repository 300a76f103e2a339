"""The settings of detectors as fields of forms."""

from typing import Any

from django import forms

from guards.detectors.base import Choices, Field, Lines, Number, Switch, Word
from restai_site.ui.forms import LongTextField


class LinesField(LongTextField):
    """A list of texts, one a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line for line in (super().clean(value) or "").split("\n") if line.strip()]


def form_field(declared: Field) -> forms.Field:
    """Return the form field for a setting of a detector; the detector judges its value."""
    usual: dict[str, Any] = {
        "label": declared.label,
        "help_text": declared.help,
        "initial": declared.default,
    }
    if isinstance(declared, Choices):
        boxes = forms.CheckboxSelectMultiple()
        return forms.MultipleChoiceField(choices=declared.choices, widget=boxes, **usual)
    if isinstance(declared, Lines):
        return LinesField(required=False, widget=forms.Textarea({"rows": 4}), **usual)
    if isinstance(declared, Number):
        return forms.FloatField(
            min_value=declared.lowest,
            max_value=declared.highest,
            widget=forms.NumberInput({"step": "any"}),
            **usual,
        )
    if isinstance(declared, Switch):
        return forms.BooleanField(required=False, **usual)
    if isinstance(declared, Word):
        words = [("", "None"), *((word, word) for word in declared.allowed)]
        return forms.ChoiceField(choices=words, required=False, **usual)
    raise TypeError(f"There is no form field for {declared!r}.")
