"""Forms of this app's pages. They validate; services save."""

from typing import Any

from django import forms

from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from restai_site.ui.forms import PageForm
from teams import time_zones
from teams.groups import sources
from teams.models import GROUP_MAX_LENGTH, Membership, Team


class TeamForm(PageForm):
    """The name of a team."""

    name = forms.CharField(label="Name", max_length=100)


class TeamSettingsForm(TeamForm):
    """What a team is called, and by whose clock its days begin."""

    time_zone = forms.ChoiceField(label="Time zone", choices=time_zones.choices)

    def __init__(self, *args: Any, sets_time_zone: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["time_zone"]
        stored = self.initial["time_zone"]
        if stored not in time_zones.known():
            field.choices = [(stored, stored), *time_zones.choices()]  # type: ignore[attr-defined]
        field.help_text = "Days and months of its budgets begin by it."
        if not sets_time_zone:
            field.disabled = True
            field.help_text += " Platform administrators change it."


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


class GroupMappingForm(PageForm):
    """A group, and the team that its people belong to; for platform administrators."""

    source = forms.ChoiceField(label="Groups of")
    group = forms.CharField(
        label="Group",
        max_length=GROUP_MAX_LENGTH,
        help_text="Exactly as the provider names it; for LDAP its distinguished name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.order_by("name", "id"), empty_label=None
    )
    role = forms.ChoiceField(
        label="Role", choices=Membership.Role.choices, initial=Membership.Role.MEMBER
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = sources()  # type: ignore[attr-defined]
