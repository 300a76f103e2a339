"""Forms of the test bench. They validate; services save."""

from collections.abc import Mapping
from typing import Any

from django import forms

from guards.case_files import form_of
from guards.detector_fields import form_field
from guards.detectors import Detector, detectors
from guards.models import GuardSet
from guards.models.bench import NAME_MAX_LENGTH, TEXT_MAX_LENGTH, UPLOAD_MAX_BYTES
from inference.bench.judges import (
    Candidate,
    guards_for,
    of_detector,
    of_project,
    require_may_choose,
)
from projects.models import Project, PromptVersion
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid
from restai_site.lib.requests import number_in
from restai_site.ui.forms import LongTextField, PageForm
from teams.models import Team

DETECTOR, GUARD = "detector", "guard"
GUARDS_SHOWN = 200
VERSIONS_SHOWN = 100
SETTING = "setting_"


class SetForm(PageForm):
    """Name and description of a set."""

    name = forms.CharField(max_length=NAME_MAX_LENGTH)
    description = forms.CharField(max_length=500, required=False)


class UploadForm(SetForm):
    """A file of labelled texts."""

    file = forms.FileField(
        help_text=(
            "CSV with the columns text, label and, if you like, category, or JSON lines with the "
            "same fields; UTF-8. Labels are safe or unsafe. At most 5,000 texts and 5 MB."
        ),
        widget=forms.FileInput({"accept": ".csv,.jsonl,.ndjson"}),
    )

    def clean_file(self) -> Any:
        """Refuse what is too large before a byte of it is read."""
        file = self.cleaned_data["file"]
        if file.size > UPLOAD_MAX_BYTES:
            raise forms.ValidationError("The file has more than 5 MB.")
        try:
            self.form = form_of(file.name)
        except Invalid as error:
            raise forms.ValidationError(error.message) from None
        return file


class RenameForm(PageForm):
    """A label for a run."""

    label = forms.CharField(max_length=NAME_MAX_LENGTH)


class JudgeForm(PageForm):
    """A guard that was chosen by the address, with its settings.

    After validation `candidate` is what the settings come to.
    """

    candidate: Candidate

    def __init__(self, *args: Any, judge: "Chosen", actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.judge, self.actor = judge, actor
        self.fields |= judge.fields(actor)
        # What is asked of every guard comes after the guard's own settings.
        own = [name for name in self.fields if name.startswith(SETTING) or name == "prompt_number"]
        self.order_fields([*self.first_fields, *own])

    first_fields: tuple[str, ...] = ()

    @property
    def settings(self) -> list[forms.BoundField]:
        """The fields of the chosen guard."""
        return [
            bound
            for bound in self
            if bound.name.startswith(SETTING) or bound.name == "prompt_number"
        ]

    def clean(self) -> dict[str, Any]:
        """Make the candidate, and put what is wrong with it beside its field."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            self.candidate = self.judge.candidate(values, self.actor)
        except Invalid as error:
            for name, texts in (error.fields or {}).items():
                field = name if name in self.fields else f"{SETTING}{name}"
                self.add_error(field if field in self.fields else None, list(texts))
            if not error.fields:
                self.add_error(None, error.message)
        return values


class RunForm(JudgeForm):
    """A run of a guard over a set."""

    first_fields = ("set",)
    set = forms.ModelChoiceField(GuardSet.objects.none(), label="Set", empty_label=None)
    threshold = forms.FloatField(
        min_value=0,
        max_value=1,
        initial=0,
        help_text="From which score on an unsafe verdict counts; 0: every one.",
        widget=forms.NumberInput({"step": "any"}),
    )
    label = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        required=False,
        help_text="By which you find the run again. Empty: guard and set.",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sets: Any = self.fields["set"]
        sets.queryset = GuardSet.objects.usable_by_team(team.pk).order_by("name")


class TryForm(JudgeForm):
    """One text for a guard."""

    text = LongTextField(
        max_length=TEXT_MAX_LENGTH,
        help_text="Nothing of it is kept.",
        widget=forms.Textarea({"rows": 6}),
    )


class Chosen:
    """What the address names as the guard: a detector by its slug, or a project by its id."""

    def __init__(self, *, project: Project | None = None, found: Detector | None = None) -> None:
        self.project, self.found = project, found

    @property
    def key(self) -> str:
        """How the address names it."""
        if self.project is not None:
            return f"{GUARD}-{self.project.pk}"
        assert self.found is not None  # noqa: S101  one of the two
        return f"{DETECTOR}-{self.found.slug}"

    @property
    def explanation(self) -> str:
        """What it is, in words."""
        if self.project is not None:
            return f"A project with the model {self.project.llm.name}. Its calls are paid."
        assert self.found is not None  # noqa: S101  one of the two
        return self.found.explanation

    def fields(self, actor: Actor) -> dict[str, forms.Field]:
        """Return the fields of its settings."""
        if self.found is not None:
            return {f"{SETTING}{one.name}": form_field(one) for one in self.found.configuration}
        is_edited = Project.objects.editable_by(actor).filter(pk=self.project.pk).exists()  # type: ignore[union-attr]
        return {"prompt_number": self._versions()} if is_edited else {}

    def candidate(self, values: Mapping[str, Any], actor: Actor) -> Candidate:
        """Return it with the settings of a form. Raises DomainError."""
        if self.found is not None:
            named = {
                one.name: values.get(f"{SETTING}{one.name}") for one in self.found.configuration
            }
            return of_detector(self.found.slug, named)
        assert self.project is not None  # noqa: S101  one of the two
        number = values.get("prompt_number") or None
        require_may_choose(self.project, number, actor)
        return of_project(self.project, prompt_number=number)

    def _versions(self) -> forms.Field:
        rows = PromptVersion.objects.filter(project=self.project).order_by("-number")
        known = rows.values_list("number", "note")[:VERSIONS_SHOWN]
        names = [(number, f"Version {number}{note and f': {note}'}") for number, note in known]
        return forms.TypedChoiceField(
            label="Prompt",
            choices=[("", "The one in use"), *names],
            coerce=int,
            empty_value=None,
            required=False,
        )


def choices_of(team: Team, actor: Actor) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a team may put on its bench, in groups, as the address names it."""
    guards = guards_for(team.pk, actor).order_by("name")[:GUARDS_SHOWN]
    groups = [("Detectors", [(f"{DETECTOR}-{one.slug}", one.title) for one in detectors()])]
    if guards:
        groups.append(("Projects", [(f"{GUARD}-{one.pk}", one.name) for one in guards]))
    return groups


def chosen_by(key: str, team: Team, actor: Actor) -> Chosen | None:
    """Return the guard that the address names, or None where the team may not use any such."""
    kind, _, name = key.partition("-")
    if kind == DETECTOR:
        found = next((one for one in detectors() if one.slug == name), None)
        return Chosen(found=found) if found else None
    number = number_in(name) if kind == GUARD else None
    if number is None:
        return None
    project = guards_for(team.pk, actor).select_related("llm").filter(pk=number).first()
    return Chosen(project=project) if project else None
