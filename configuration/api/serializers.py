"""Settings as the API shows them, and what a body says about them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from configuration.shown import ShownSetting
from restai_site.lib.configuration import Section
from restai_site.lib.drf import settle_secret
from restai_site.lib.errors import Invalid

NOT_AN_OBJECT = "Send an object: names of settings and their new values."


class SettingChoiceSerializer(serializers.Serializer[Any]):
    """One of the words that a setting may be."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the base has an attribute so named


class SettingSerializer(serializers.Serializer[ShownSetting]):
    """A setting and its value."""

    name = serializers.CharField(source="setting.name")
    label = serializers.CharField(source="setting.label")  # type: ignore[assignment]
    explanation = serializers.CharField(source="setting.explanation")
    kind = serializers.CharField(
        source="setting.kind",
        help_text="One of text, long_text, secret, number, flag, choice and lines.",
    )
    value = serializers.JSONField(
        help_text="Of the type that its kind says. Of a secret it is a mask, or empty."
    )
    default = serializers.SerializerMethodField(
        method_name="default_of", help_text="What holds where nothing is set."
    )
    choices = serializers.SerializerMethodField(
        method_name="choices_of", help_text="What to choose from; empty for other kinds."
    )
    set_at = serializers.DateTimeField(
        allow_null=True, help_text="When an administrator set it; null where none has."
    )
    locked_by = serializers.CharField(
        help_text="The environment variable that fixes the value, or empty."
    )

    @extend_schema_field(OpenApiTypes.ANY)
    def default_of(self, shown: ShownSetting) -> Any:
        """Return the default as JSON holds it."""
        return shown.setting.as_json(shown.setting.default)

    @extend_schema_field(SettingChoiceSerializer(many=True))
    def choices_of(self, shown: ShownSetting) -> list[dict[str, str]]:
        """Return the words to choose from."""
        pairs = getattr(shown.setting, "choices", ())
        return [{"value": word, "label": label} for word, label in pairs]


class SectionSerializer(serializers.Serializer[Any]):
    """A section of the settings."""

    slug = serializers.CharField(source="section.slug")
    title = serializers.CharField(source="section.title")
    lede = serializers.CharField(source="section.lede")
    test_label = serializers.CharField(
        source="section.test_label", help_text="What a test of it does; empty where there is none."
    )
    settings = SettingSerializer(many=True)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What came of a test: whether it works, and in words what is wrong if not."""

    ok = serializers.BooleanField()
    message = serializers.CharField()


def values_in(body: Any, section: type[Section]) -> dict[str, Any]:
    """Return what `body` says, as the service takes it.

    The mask, or nothing, written back keeps a secret; `clear_<name>: true` removes it. Raises
    Invalid.
    """
    if not isinstance(body, Mapping):
        raise Invalid(NOT_AN_OBJECT)
    values = dict(body)
    for name, setting in section.settings().items():
        if setting.is_secret:
            _check_secret(values, name)
            values = settle_secret(values, name)
    return values


def _check_secret(values: dict[str, Any], name: str) -> None:
    if isinstance(values.get(name), str):
        values[name] = values[name].strip()
    elif name in values:
        raise Invalid("Enter text.", fields={name: ["Enter text."]})
    clear = f"clear_{name}"
    if not isinstance(values.get(clear, False), bool):
        message = "Choose true or false."
        raise Invalid(message, fields={clear: [message]})
