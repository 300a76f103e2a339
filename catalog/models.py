"""Provider accounts, and the models that can be called through them."""

from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from catalog.querysets import CatalogQuerySet, ProviderAccountQuerySet
from restai_site.lib.crypto import EncryptedTextField, SecretsApart

MODEL_NAME = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._:-]*\Z",
    "Use letters, digits, dots, colons, dashes and underscores; begin with a letter or digit.",
)
NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class ProviderAccount(models.Model):
    """Where models are called, and the key to it."""

    class Kind(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        OPENAI_COMPATIBLE = "openai_compatible", "OpenAI-compatible (vLLM, Ollama, llama.cpp, …)"
        ANTHROPIC = "anthropic", "Anthropic"
        AZURE = "azure", "Azure OpenAI"
        GEMINI = "gemini", "Google Gemini"
        MISTRAL = "mistral", "Mistral"
        GROQ = "groq", "Groq"
        BEDROCK = "bedrock", "Amazon Bedrock"
        COHERE = "cohere", "Cohere"
        OPENROUTER = "openrouter", "OpenRouter"
        OTHER = "other", "Other (by the prefix of the model id)"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    base_url = models.URLField("base URL", max_length=500, blank=True)
    api_key = EncryptedTextField("API key", blank=True, default="")
    api_key_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SecretsApart.from_queryset(ProviderAccountQuerySet)()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="openai_compatible", base_url=""),
                name="provider_compatible_needs_base_url",
                violation_error_message="An OpenAI-compatible provider needs a base URL.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CatalogModel(models.Model):
    """What all kinds of models have in common."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[MODEL_NAME],
        help_text="What callers write as `model`.",
    )
    provider = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    litellm_model = models.CharField(
        "model at the provider",
        max_length=200,
        help_text="The provider's own name of the model, for example gpt-4o-mini.",
    )
    enabled = models.BooleanField(default=True)
    input_price_per_million = models.DecimalField(
        "price of a million input tokens",
        max_digits=14,
        decimal_places=6,
        default=Decimal(0),
        validators=NOT_NEGATIVE,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CatalogQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LLM(CatalogModel):
    """A language model."""

    context_window = models.PositiveIntegerField(
        default=4096, validators=[MinValueValidator(1)], help_text="In tokens."
    )
    output_price_per_million = models.DecimalField(
        "price of a million output tokens",
        max_digits=14,
        decimal_places=6,
        default=Decimal(0),
        validators=NOT_NEGATIVE,
    )
    capabilities = models.JSONField(default=list, blank=True)

    class Meta(CatalogModel.Meta):
        verbose_name = "LLM"
        verbose_name_plural = "LLMs"


class EmbeddingModel(CatalogModel):
    """A model that turns text into vectors."""

    dimensions = models.PositiveIntegerField(null=True, blank=True)
    context_window = models.PositiveIntegerField(default=512, validators=[MinValueValidator(1)])


class ImageGenerator(CatalogModel):
    """A model that makes images."""

    price_per_image = models.DecimalField(
        max_digits=14, decimal_places=6, default=Decimal(0), validators=NOT_NEGATIVE
    )


class AudioGenerator(CatalogModel):
    """A model that makes speech."""

    price_per_million_characters = models.DecimalField(
        max_digits=14, decimal_places=6, default=Decimal(0), validators=NOT_NEGATIVE
    )
