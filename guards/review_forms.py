"""The form of a review."""

from django import forms

from guards.models import GuardEvent
from guards.models.events import NOTE_MAX_LENGTH
from restai_site.ui.forms import LongTextField, PageForm


class ReviewForm(PageForm):
    """Right or wrong, and why."""

    verdict = forms.ChoiceField(
        label="The guard was", choices=GuardEvent.Review.choices, widget=forms.RadioSelect
    )
    note = LongTextField(
        label="Note",
        required=False,
        strip=True,
        max_length=NOTE_MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For who looks at this later. It stays when the text is deleted: do not quote.",
    )
