"""Forms of this app's pages. They validate; services save."""

from typing import Any

from django import forms
from django.db import models
from django.db.models import Q

from accounts.models import User, normal_email
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid
from restai_site.ui.forms import PageForm
from teams import time_zones
from teams.groups import sources
from teams.invitations import normal_address
from teams.models import GROUP_MAX_LENGTH, Membership, Team
from teams.querysets import people_known_to

NOBODY = "Nobody you know has this name. Enter the whole name, or an e-mail address."
SEVERAL = "Several people you know have this name. Enter the e-mail address."
LEAST_ROLES = frozenset({"member", "viewer"})


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


class InviteForm(PageForm):
    """Somebody by name or e-mail address, and their role.

    After the check `person` is whoever of the actor's acquaintances is meant, or None where it is
    an address of somebody else, of whom nothing is told.
    """

    who = forms.CharField(
        label="Name or e-mail address",
        max_length=254,
        help_text="Somebody you share a team with, by name, or anybody by e-mail address.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-people"}),
    )
    role = forms.ChoiceField(label="Role")

    def __init__(
        self, *args: Any, actor: Actor, roles: type[models.TextChoices], **kwargs: Any
    ) -> None:
        # It may stand on a page with another form that asks for a role.
        super().__init__(*args, **{"auto_id": "invite_%s", **kwargs})
        self.actor = actor
        self.person: User | None = None
        self.fields["role"].choices = roles.choices  # type: ignore[attr-defined]
        self.fields["role"].initial = next(role for role in roles.values if role in LEAST_ROLES)

    def clean_who(self) -> str:
        """Return the address that is meant, and find out whether it is an acquaintance's."""
        words: str = self.cleaned_data["who"]
        people = people_known_to(self.actor).filter(is_active=True)
        by_address = "@" in words
        wanted = Q(email=normal_email(words)) if by_address else Q(name__iexact=words)
        found = list(people.filter(wanted)[:2])
        if len(found) == 1:
            self.person = found[0]
            return self.person.email
        if not by_address:
            raise forms.ValidationError(SEVERAL if found else NOBODY)
        try:
            return normal_address(words)
        except Invalid as error:
            raise forms.ValidationError(error.message) from None


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
