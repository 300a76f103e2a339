"""Forms of this app's pages. They validate; services save."""

from typing import Any

from django import forms

from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from restai_site.ui.forms import PageForm
from teams.models import Membership


class TeamForm(PageForm):
    """The name of a team."""

    name = forms.CharField(label="Name", max_length=100)


class MemberForm(PageForm):
    """A user, by e-mail address, and their role."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="Of a user of this platform; administrators create users.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label="Role", choices=Membership.Role.choices, initial=Membership.Role.MEMBER
    )


class RoleForm(PageForm):
    """A role alone, for the menu of a row."""

    role = forms.ChoiceField(choices=Membership.Role.choices)


def _grants(label: str, model: Any) -> "forms.ModelMultipleChoiceField[Any]":
    return forms.ModelMultipleChoiceField(
        label=label,
        queryset=model.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class GrantsForm(PageForm):
    """What a team may use; platform administrators alone see this form."""

    llms = _grants("Language models", LLM)
    embedding_models = _grants("Embedding models", EmbeddingModel)
    image_generators = _grants("Image generators", ImageGenerator)
    audio_generators = _grants("Audio generators", AudioGenerator)
