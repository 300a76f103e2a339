"""Provider accounts and models in Django's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from catalog import services
from catalog.forms import CAPABILITY_CHOICES, SECRET_MAX_LENGTH
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator, ProviderAccount
from restai_site.lib.actor import Actor
from restai_site.lib.admin import RowForm, ServiceAdmin


class ProviderForm(RowForm):
    """The stored key is never shown; an empty field keeps it."""

    base_url = forms.CharField(label="Base URL", max_length=500, required=False)
    new_api_key = forms.CharField(
        label="API key",
        required=False,
        max_length=SECRET_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Empty keeps the stored key. A new base URL or kind needs the key again.",
    )
    clear_api_key = forms.BooleanField(label="Remove the stored key", required=False)

    class Meta:
        model = ProviderAccount
        fields = ["name", "kind", "base_url"]


@admin.register(ProviderAccount)
class ProviderAccountAdmin(ServiceAdmin):
    """Provider accounts."""

    form = ProviderForm
    fields = (
        "name",
        "kind",
        "base_url",
        "new_api_key",
        "clear_api_key",
        "api_key_set_at",
        "created_at",
    )
    readonly_fields = ("api_key_set_at", "created_at")
    list_display = ("name", "kind", "base_url", "api_key_set_at")
    list_filter = ("kind",)
    search_fields = ("name__startswith",)
    ordering = ("name",)

    def values_of(self, form: forms.BaseForm, names: list[str]) -> dict[str, Any]:
        """Name the key only where it is to change."""
        values = super().values_of(form, names)
        new_key = values.pop("new_api_key", "")
        if values.pop("clear_api_key", False):
            values["api_key"] = ""
        elif new_key:
            values["api_key"] = new_key
        return values

    def create(self, values: dict[str, Any], actor: Actor) -> ProviderAccount:
        return services.create_provider(values, actor=actor)

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> ProviderAccount:
        return services.update_provider(row, values, actor=actor)

    def remove(self, row: Any, actor: Actor) -> None:
        services.delete(row, actor=actor)


class CatalogAdmin(ServiceAdmin):
    """Models of one kind."""

    autocomplete_fields = ("provider",)
    readonly_fields = ("created_at",)
    list_display = ("name", "provider", "litellm_model", "enabled", "created_at")
    list_filter = ("enabled",)
    search_fields = ("name__startswith",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with their provider accounts, in one query."""
        rows: Any = super().get_queryset(request)
        return rows.with_provider()  # type: ignore[no-any-return]

    def create(self, values: dict[str, Any], actor: Actor) -> Model:
        made: Model = services.create_model(self.model, values, actor=actor)
        return made

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> Model:
        changed: Model = services.update_model(row, values, actor=actor)
        return changed

    def remove(self, row: Any, actor: Actor) -> None:
        services.delete(row, actor=actor)


class LLMForm(RowForm):
    """A language model, with its capabilities to tick."""

    capabilities = forms.MultipleChoiceField(
        choices=CAPABILITY_CHOICES, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = LLM
        fields = [
            "name",
            "provider",
            "litellm_model",
            "enabled",
            "context_window",
            "input_price_per_million",
            "output_price_per_million",
            "capabilities",
        ]


@admin.register(LLM)
class LLMAdmin(CatalogAdmin):
    """Language models."""

    form = LLMForm


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(CatalogAdmin):
    """Embedding models."""

    fields = (
        "name",
        "provider",
        "litellm_model",
        "enabled",
        "dimensions",
        "context_window",
        "input_price_per_million",
        "created_at",
    )


@admin.register(ImageGenerator)
class ImageGeneratorAdmin(CatalogAdmin):
    """Image generators."""

    fields = ("name", "provider", "litellm_model", "enabled", "price_per_image", "created_at")


@admin.register(AudioGenerator)
class AudioGeneratorAdmin(CatalogAdmin):
    """Audio generators."""

    fields = (
        "name",
        "provider",
        "litellm_model",
        "enabled",
        "price_per_million_characters",
        "created_at",
    )
