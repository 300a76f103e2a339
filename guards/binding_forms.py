"""Forms of guards at their places. They validate; services save."""

from typing import Any

from django import forms

from guards.detector_fields import form_field
from guards.detectors import Detector, detector
from guards.models import GuardBinding
from guards.models.bindings import LONGEST_TIMEOUT_MS, MESSAGE_MAX_LENGTH, SHORTEST_TIMEOUT_MS
from restai_site.lib.actor import Actor
from restai_site.lib.errors import DomainError
from restai_site.ui.forms import PageForm
from teams.models import Team

SETTING = "setting_"
TIMEOUT = "timeout_seconds"


class BindingForm(PageForm):
    """A guard's place and manner; the settings of a detector come first."""

    name = forms.CharField(
        max_length=100, required=False, help_text="What findings are shown under."
    )
    stage = forms.ChoiceField(label="Judges", choices=GuardBinding.Stage.choices)
    mode = forms.ChoiceField(
        label="On a finding",
        choices=GuardBinding.Mode.choices,
        help_text="Blocked text is kept nowhere. Masked text stands as [category] in its place.",
    )
    order = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=1,
        help_text="Guards of one number run side by side; later ones see what earlier ones masked.",
    )
    timeout_seconds = forms.FloatField(
        label="Time to judge, in seconds",
        min_value=SHORTEST_TIMEOUT_MS / 1000,
        max_value=LONGEST_TIMEOUT_MS / 1000,
        initial=10,
        help_text="A guard that has not spoken by then has failed.",
        widget=forms.NumberInput({"step": "any"}),
    )
    threshold = forms.FloatField(
        label="Counts from score",
        min_value=0,
        max_value=1,
        initial=0,
        help_text="From 0, every unsafe verdict, to 1, only what is certain.",
        widget=forms.NumberInput({"step": "any"}),
    )
    is_speculative = forms.BooleanField(
        label="Run beside the model",
        required=False,
        help_text=(
            "Hides the guard's time: the model is called at once and its answer held until the "
            "guard has spoken. The text reaches the model's provider before the verdict."
        ),
    )
    on_failure = forms.ChoiceField(
        label="When the guard fails",
        choices=GuardBinding.OnFailure.choices,
        help_text="Failing means: too slow, broken, or an answer that is no verdict.",
    )

    def __init__(self, *args: Any, slug: str, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.judge: Detector | None = detector(slug) if slug else None
        if not actor.is_platform_admin:
            # What a platform administrator has opened stays as it is, and says so on the page.
            del self.fields["on_failure"]
        if self.judge is not None:
            for one in self.judge.configuration:
                self.fields[f"{SETTING}{one.name}"] = form_field(one)
            if not self.judge.finds_spans:
                self._offer_without_redact()

    def _offer_without_redact(self) -> None:
        modes: Any = self.fields["mode"]
        modes.choices = [one for one in GuardBinding.Mode.choices if one[0] != "redact"]

    @property
    def settings(self) -> list[forms.BoundField]:
        """The settings of the detector."""
        return [field for field in self if field.name.startswith(SETTING)]

    @property
    def manner(self) -> list[forms.BoundField]:
        """All other fields."""
        return [field for field in self if not field.name.startswith(SETTING)]

    def values(self) -> dict[str, Any]:
        """Return what the services take."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if not name.startswith(SETTING) and name not in {TIMEOUT, "team"}
        }
        given["timeout_ms"] = round(self.cleaned_data[TIMEOUT] * 1000)
        if self.judge is not None:
            given["configuration"] = {
                one.name: self.cleaned_data[f"{SETTING}{one.name}"]
                for one in self.judge.configuration
            }
        return given

    def tell(self, error: DomainError) -> None:
        """Put what a service refuses beside its fields."""
        for name, texts in (error.fields or {}).items():
            known = name if name in self.fields else f"{SETTING}{name}"
            self.add_error(known if known in self.fields else None, list(texts))
        if not error.fields:
            self.add_error(None, error.message)


class MandatoryForm(BindingForm):
    """A guard that stands before all projects of a team, or of everybody."""

    team = forms.ModelChoiceField(
        Team.objects.order_by("name"),
        label="Stands before",
        required=False,
        empty_label="Everybody",
        help_text="Also before models that are called by their own names.",
    )
    field_order = ("team",)


def initial_of(binding: GuardBinding) -> dict[str, Any]:
    """Return what the form of a binding shows."""
    names = ("name", "stage", "mode", "order", "threshold", "is_speculative", "on_failure")
    shown: dict[str, Any] = {name: getattr(binding, name) for name in names}
    shown[TIMEOUT] = f"{binding.timeout_ms / 1000:g}"
    return shown | {f"{SETTING}{name}": value for name, value in binding.configuration.items()}


class MessageForm(PageForm):
    """What stands in place of what a guard has blocked."""

    censorship_message = forms.CharField(
        label="Message in place of what is blocked",
        max_length=MESSAGE_MAX_LENGTH,
        required=False,
        help_text="Empty: the platform's own words.",
    )
