"""Forms of this app's pages. They validate; services save."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import User
from catalog.models import LLM
from projects.models import (
    PROMPT_MAX_LENGTH,
    SECRET_NAME,
    SECRET_VALUE_MAX_LENGTH,
    Project,
    ProjectMember,
    ProjectSecret,
)
from restai_site.ui.forms import LongTextField, PageForm, SecretTextarea, kept_since
from teams.models import Team

PROMPT_ROWS = 14


class ModelChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """A granted language model, named as callers name it."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.context_window:,} tokens of context)"


class ProjectForm(PageForm):
    """What a project is called and which model answers."""

    name = forms.CharField(label="Name", max_length=100)
    description = forms.CharField(
        label="Description",
        max_length=500,
        required=False,
        help_text="One sentence on what the project is for.",
    )
    llm = ModelChoice(label="Model", queryset=LLM.objects.none(), empty_label=None)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["llm"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        choice.queryset = team.llms.filter(enabled=True)


class NewProjectForm(ProjectForm):
    """A project to be."""

    system_prompt = LongTextField(
        label="System prompt",
        max_length=PROMPT_MAX_LENGTH,
        required=False,
        help_text="How the model should behave. You can change it later; every version is kept.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    visibility = forms.ChoiceField(
        label="Who can use it",
        choices=Project.Visibility.choices,
        initial=Project.Visibility.MEMBERS,
        widget=forms.RadioSelect,
    )


class SettingsForm(ProjectForm):
    """A project and the parameters of its model."""

    temperature = forms.FloatField(
        label="Temperature",
        min_value=0,
        max_value=2,
        required=False,
        help_text="0 for the likeliest words, up to 2 for surprising ones. Empty: the model's own.",
    )
    top_p = forms.FloatField(
        label="Top P",
        min_value=0,
        max_value=1,
        required=False,
        help_text="Only the likeliest words that together have this probability are drawn from.",
    )
    max_tokens = forms.IntegerField(
        label="Longest answer",
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text="In tokens; three quarters of an English word each. Empty: the model's own.",
    )
    inference_logging = forms.ChoiceField(
        label="Inference logging",
        choices=Project.InferenceLogging.choices,
        widget=forms.RadioSelect,
        help_text=(
            "Counts from the next message on. Admins of the team read the log, and each look at "
            "it is recorded. The record of use stays either way: who called, when, tokens, cost; "
            "no text. What the provider of the model keeps is not decided here."
        ),
    )
    masks_logs = forms.BooleanField(
        label="Mask personal data in the log",
        required=False,
        help_text=(
            "Addresses, numbers of phones, cards, accounts and people stand there as what they "
            "are, such as [email]. Conversations stay as they were written."
        ),
    )
    delete_conversations = forms.BooleanField(
        required=False,
        help_text=(
            "Only with logging off. Without this tick their owners can go on reading and deleting "
            "them, but not continue them. What guards kept of them goes as well, the figures stay. "
            "Deleting cannot be undone; copies in backups stay until those are removed."
        ),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, team=project.team, **kwargs)
        stored = project.conversations.count()
        if stored:
            noun = "conversation" if stored == 1 else "conversations"
            label = f"Delete the {stored} stored {noun} of this project now"
            self.fields["delete_conversations"].label = label
        elif project.guard_events.exclude(text="", reason="").exists():
            self.fields["delete_conversations"].label = "Delete the texts kept by guards now"
        else:
            del self.fields["delete_conversations"]


class MoveForm(PageForm):
    """The team that a project is to move to: another one that the actor runs.

    Not called `team`: in an address, that is what the frame of the page is narrowed to.
    """

    new_team = forms.ModelChoiceField(
        label="New team", queryset=Team.objects.none(), empty_label="Choose…"
    )

    def __init__(self, *args: Any, teams: QuerySet[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["new_team"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        choice.queryset = teams.order_by("name", "pk")


class PromptForm(PageForm):
    """A new version of the system prompt."""

    text = LongTextField(
        label="System prompt",
        max_length=PROMPT_MAX_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": PROMPT_ROWS, "class": "prompt-editor"}),
    )
    note = forms.CharField(
        label="What changed",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class VisibilityForm(PageForm):
    """Who reaches a project without being added to it."""

    visibility = forms.ChoiceField(
        label="Who can use it", choices=Project.Visibility.choices, widget=forms.RadioSelect
    )


class PersonChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """A member of the team."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.display_name} ({obj.email})"


class MemberForm(PageForm):
    """A member of the team who is to reach the project, and their role in it."""

    user = PersonChoice(label="Person", queryset=User.objects.none(), empty_label="Choose…")
    role = forms.ChoiceField(
        label="Role", choices=ProjectMember.Role.choices, initial=ProjectMember.Role.VIEWER
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["user"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        team = User.objects.filter(memberships__team_id=project.team_id, is_active=True)
        choice.queryset = team.exclude(project_memberships__project=project).order_by("email")


class RoleForm(PageForm):
    """A role alone, for the menu of a row."""

    role = forms.ChoiceField(choices=ProjectMember.Role.choices)


def _secret_description() -> forms.CharField:
    return forms.CharField(
        label="Description",
        max_length=500,
        required=False,
        help_text="What it opens, and where to get a new one.",
    )


class SecretForm(PageForm):
    """A new value or description of a secret. The stored value is never shown; empty keeps it."""

    value = LongTextField(
        label="New value",
        max_length=SECRET_VALUE_MAX_LENGTH,
        required=False,
        widget=SecretTextarea(attrs={"class": "mono"}),
    )
    description = _secret_description()

    def __init__(self, *args: Any, secret: ProjectSecret, **kwargs: Any) -> None:
        super().__init__(*args, initial={"description": secret.description}, **kwargs)
        self.fields["value"].help_text = kept_since(secret.set_at)

    def values(self) -> dict[str, Any]:
        """Return what the service takes: the value only where it is to change."""
        return {name: text for name, text in self.cleaned_data.items() if text or name != "value"}


class NewSecretForm(PageForm):
    """A secret to be."""

    name = forms.CharField(
        label="Name",
        max_length=64,
        validators=[SECRET_NAME],
        help_text="Capital letters, digits and underscores, such as PAYMENTS_TOKEN.",
        widget=forms.TextInput(
            attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    value = LongTextField(
        label="Value",
        max_length=SECRET_VALUE_MAX_LENGTH,
        help_text="Kept to the last blank and line end, and never shown again.",
        widget=SecretTextarea(attrs={"class": "mono"}),
    )
    description = _secret_description()
