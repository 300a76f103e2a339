"""The form of a section, built from its settings. It converts; the settings themselves judge."""

from typing import Any

from django import forms

from configuration.shown import ShownSection, ShownSetting
from restai_site.lib.configuration import (
    Choice,
    Flag,
    Lines,
    LongText,
    Number,
    Secret,
    Setting,
    Text,
)
from restai_site.lib.drf import settle_secret
from restai_site.ui.forms import LongTextField, PageForm, kept_since, set_on

LINES_SHOWN = 6
OFF = {"autocomplete": "off"}


class SectionForm(PageForm):
    """One field for each setting, and for a stored secret a box that removes it."""

    def __init__(self, data: Any = None, *, shown: ShownSection) -> None:
        initial = {one.setting.name: _initial(one) for one in shown.settings}
        super().__init__(data, initial=initial)
        self._shown = shown
        for one in shown.settings:
            self.fields[one.setting.name] = _field(one)
            if one.setting.is_secret and one.value and not one.locked_by:
                label = f"Remove the stored {_in_sentence(one.setting.label)}"
                field = forms.BooleanField(label=label, required=False)
                self.fields[f"clear_{one.setting.name}"] = field

    def values(self) -> dict[str, Any]:
        """Return what a service takes: nothing that is locked, secrets only where they change."""
        values = dict(self.cleaned_data)
        for one in self._shown.settings:
            name = one.setting.name
            if one.locked_by:
                del values[name]
            elif one.setting.is_secret:
                values = settle_secret(values, name)
            elif isinstance(one.setting, Lines):
                values[name] = values[name].splitlines()
        return values


def _initial(shown: ShownSetting) -> Any:
    if shown.setting.is_secret:
        return ""
    return "\n".join(shown.value) if isinstance(shown.value, list) else shown.value


def _field(shown: ShownSetting) -> forms.Field:
    setting = shown.setting
    field = _field_of_kind(setting)
    field.label = setting.label
    field.help_text = " ".join(filter(None, (setting.explanation, _state(shown))))
    if shown.locked_by:
        field.disabled = True
        field.locked_by = shown.locked_by  # type: ignore[attr-defined]
    elif setting.is_secret and shown.value:
        field.label = f"Replace the {_in_sentence(setting.label)}"
    return field


def _field_of_kind(setting: Setting[Any]) -> forms.Field:
    match setting:
        case Secret():
            return forms.CharField(
                required=False,
                max_length=setting.max_length,
                widget=forms.PasswordInput(attrs=OFF),
            )
        case Text():
            widget = forms.TextInput(attrs=OFF)
            return forms.CharField(required=False, max_length=setting.max_length, widget=widget)
        case Number():
            limits = {"min": setting.least, "max": setting.most}
            return forms.IntegerField(widget=forms.NumberInput(attrs=limits))
        case Flag():
            return forms.BooleanField(required=False)
        case Choice():
            return forms.ChoiceField(choices=setting.choices)
        case Lines() | LongText():
            return LongTextField(
                required=False, widget=forms.Textarea(attrs={"rows": LINES_SHOWN, **OFF})
            )
    raise TypeError(f"There is no field for settings of the kind {setting.kind!r}.")


def _state(shown: ShownSetting) -> str:
    """Return what is said of the value that the field does not show by itself."""
    setting = shown.setting
    if isinstance(setting, Number):
        return f"Default: {setting.default}."
    if not setting.is_secret or shown.set_at is None:
        return ""
    if shown.is_unreadable:
        why = "but cannot be decrypted with the keys of this server: enter it again."
        return f"{set_on(shown.set_at)}, {why}"
    return kept_since(shown.set_at)


def _in_sentence(label: str) -> str:
    return label[0].lower() + label[1:]
