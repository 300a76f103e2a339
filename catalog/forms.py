"""Forms of this app's pages. They validate; services save."""

from decimal import Decimal
from typing import Any

from django import forms

from catalog.models import (
    LLM,
    MODEL_NAME,
    AudioGenerator,
    CatalogModel,
    EmbeddingModel,
    ImageGenerator,
    ProviderAccount,
)
from restai_site.lib.egress import check_url
from restai_site.lib.errors import DomainError
from restai_site.ui.forms import PageForm, kept_since

SECRET_MAX_LENGTH = 4096
TOKENS_MAX = 2**31 - 1
CAPABILITY_CHOICES = [
    ("vision", "Reads images"),
    ("tools", "Calls tools"),
    ("structured_output", "Answers in a given structure"),
    ("reasoning", "Reasons before it answers"),
]


class ProviderForm(PageForm):
    """Where models are called. The stored key is never shown; empty keeps it."""

    name = forms.CharField(label="Name", max_length=100)
    kind = forms.ChoiceField(label="Provider", choices=ProviderAccount.Kind.choices)
    base_url = forms.CharField(
        label="Base URL",
        max_length=500,
        required=False,
        help_text="For OpenAI-compatible servers, up to /v1. Others have a usual one.",
        widget=forms.URLInput(attrs={"placeholder": "https://models.example.org/v1"}),
    )
    api_key = forms.CharField(
        label="API key",
        max_length=SECRET_MAX_LENGTH,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    remove_key = forms.BooleanField(label="Remove the stored key", required=False)

    def __init__(self, *args: Any, provider: ProviderAccount | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if provider is None or provider.api_key_set_at is None:
            del self.fields["remove_key"]
        else:
            self.fields["api_key"].label = "Replace the API key"
            self.fields["api_key"].help_text = kept_since(provider.api_key_set_at)

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data["base_url"])
        try:
            return check_url(url) if url else ""
        except DomainError as error:
            raise forms.ValidationError(error.message) from None

    def values(self) -> dict[str, Any]:
        """Return what a service takes: the key only where it is to change."""
        values = dict(self.cleaned_data)
        remove = values.pop("remove_key", False)
        if remove:
            values["api_key"] = ""
        elif not values["api_key"]:
            del values["api_key"]
        return values


def _price(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=6,
        initial=Decimal(0),
        help_text="In US dollars.",
    )


class CatalogForm(PageForm):
    """What all kinds of models have in common."""

    provider = forms.ModelChoiceField(
        label="Provider account", queryset=ProviderAccount.objects.all(), empty_label=None
    )
    litellm_model = forms.CharField(
        label="Model at the provider",
        max_length=200,
        help_text="The provider's own name of the model, for example gpt-4o-mini.",
    )
    name = forms.CharField(
        label="Name",
        max_length=100,
        validators=[MODEL_NAME],
        help_text="What callers write as “model”. Letters, digits, dots, colons, dashes.",
    )
    enabled = forms.BooleanField(
        label="Can be used by teams it is granted to", required=False, initial=True
    )


class LLMForm(CatalogForm):
    """A language model."""

    context_window = forms.IntegerField(
        label="Context window",
        min_value=1,
        max_value=TOKENS_MAX,
        initial=4096,
        help_text="In tokens.",
    )
    input_price_per_million = _price("Price of a million input tokens")
    output_price_per_million = _price("Price of a million output tokens")
    capabilities = forms.MultipleChoiceField(
        label="Capabilities",
        choices=CAPABILITY_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class EmbeddingForm(CatalogForm):
    """A model that turns text into vectors."""

    context_window = forms.IntegerField(
        label="Context window",
        min_value=1,
        max_value=TOKENS_MAX,
        initial=512,
        help_text="In tokens.",
    )
    dimensions = forms.IntegerField(
        label="Dimensions",
        min_value=1,
        max_value=100_000,
        required=False,
        help_text="The length of its vectors, where it is fixed.",
    )
    input_price_per_million = _price("Price of a million input tokens")


class ImageForm(CatalogForm):
    """A model that makes images."""

    price_per_image = _price("Price of an image")


class AudioForm(CatalogForm):
    """A model that makes speech."""

    price_per_million_characters = _price("Price of a million characters")


FORMS: dict[type[CatalogModel], type[CatalogForm]] = {
    LLM: LLMForm,
    EmbeddingModel: EmbeddingForm,
    ImageGenerator: ImageForm,
    AudioGenerator: AudioForm,
}
