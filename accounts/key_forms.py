"""Forms of the pages of API keys. They validate; services save."""

from datetime import timedelta
from typing import Any

from django import forms

from accounts import limits
from accounts.models import ApiKey
from restai_site.lib.actor import Actor
from restai_site.ui.forms import PageForm, PerMinuteField

LIFETIMES = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "One year"),
    ("never", "Does not expire"),
]
EVERYTHING, PROJECTS, TEAM = "everything", "projects", "team"
REACHES = [
    (EVERYTHING, "Everything that you reach"),
    (PROJECTS, "Chosen projects alone"),
    (TEAM, "One team alone: its projects and models"),
]
OVERLAPS = [
    ("0", "At once"),
    ("60", "In an hour"),
    ("1440", "In a day"),
    ("10080", "In seven days"),
]
NETWORKS_MAX_LENGTH = 4000


class ApiKeyForm(PageForm):
    """What a key is called, what it may do, where it reaches, from where, and for how long."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="Where the key is used, for example “Nightly report”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    lifetime = forms.ChoiceField(label="Expires after", choices=LIFETIMES, initial="90")
    scope = forms.ChoiceField(
        label="May do", choices=ApiKey.CHOSEN_SCOPES, initial=ApiKey.Scope.FULL
    )
    reach = forms.ChoiceField(
        label="Reaches", choices=REACHES, initial=EVERYTHING, widget=forms.RadioSelect
    )
    project_ids = forms.TypedMultipleChoiceField(
        label="Projects", coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    team_id = forms.TypedChoiceField(label="Team", coerce=int, empty_value=None, required=False)
    allowed_networks = forms.CharField(
        label="Taken only from",
        max_length=NETWORKS_MAX_LENGTH,
        required=False,
        help_text="Addresses or networks, one a line. Empty: from everywhere.",
        widget=forms.Textarea(
            attrs={"rows": 2, "placeholder": "203.0.113.0/24", "spellcheck": "false"}
        ),
    )

    requests_per_minute = PerMinuteField(
        help_text="Calls of models. Empty: no limit. It can be lowered later, not raised."
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects = limits.choices(limits.PROJECTS, actor)
        teams = limits.choices(limits.TEAMS, actor)
        self.fields["project_ids"].choices = [  # type: ignore[attr-defined]
            (one.id, f"{one.name} ({one.hint})") for one in projects
        ]
        self.fields["team_id"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a team"),
            *((one.id, one.name) for one in teams),
        ]
        if len(projects) == limits.CHOICES_SHOWN:
            self.fields[
                "project_ids"
            ].help_text = f"The first {limits.CHOICES_SHOWN}; for others, make the key by the API."

    def clean_lifetime(self) -> timedelta | None:
        days = self.cleaned_data["lifetime"]
        return None if days == "never" else timedelta(days=int(days))

    def clean_allowed_networks(self) -> list[str]:
        text: str = self.cleaned_data["allowed_networks"]
        return text.replace(",", " ").split()

    def clean(self) -> dict[str, Any]:
        """Hold what is chosen against where the key is to reach, so that nothing is left unsaid."""
        values = self.cleaned_data
        reach, projects, team = (values.get(name) for name in ("reach", "project_ids", "team_id"))
        if reach == PROJECTS and not projects and "project_ids" not in self.errors:
            self.add_error("project_ids", "Choose one project or more.")
        if reach == TEAM and team is None and "team_id" not in self.errors:
            self.add_error("team_id", "Choose a team.")
        return values

    def limits(self) -> dict[str, Any]:
        """Return what the form says of the key's limits, as the service takes it."""
        values = self.cleaned_data
        return {
            "scope": values["scope"],
            "project_ids": values["project_ids"] if values["reach"] == PROJECTS else None,
            "team_id": values["team_id"] if values["reach"] == TEAM else None,
            "allowed_networks": values["allowed_networks"],
            "requests_per_minute": values["requests_per_minute"],
        }


class KeyRateForm(PageForm):
    """Fewer calls a minute than so far."""

    requests_per_minute = PerMinuteField(required=True)


class RotationForm(PageForm):
    """When the secret so far stops."""

    overlap_minutes = forms.TypedChoiceField(
        label="The secret so far stops", choices=OVERLAPS, coerce=int, initial="0"
    )
