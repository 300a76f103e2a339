"""Forms of this app's pages. They validate; services save."""

from django import forms

from inference.models import TITLE_MAX_LENGTH
from restai_site.ui.forms import PageForm


class RenameForm(PageForm):
    """A title for a conversation."""

    title = forms.CharField(max_length=TITLE_MAX_LENGTH)


class PinForm(PageForm):
    """Whether a conversation stays at the top."""

    pinned = forms.TypedChoiceField(
        choices=[("true", "pinned"), ("false", "not pinned")], coerce=lambda word: word == "true"
    )
