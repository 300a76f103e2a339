"""Provider accounts and models as the API shows them."""

from typing import Any

from rest_framework import serializers

from catalog.forms import CAPABILITY_CHOICES
from catalog.models import (
    LLM,
    MODEL_NAME,
    AudioGenerator,
    EmbeddingModel,
    ImageGenerator,
    ProviderAccount,
)
from restai_site.lib.drf import ModelSerializer, SecretField, VisibleField, settle_secret

COMMON_FIELDS = ["id", "name", "provider", "litellm_model", "enabled", "created_at"]


class ProviderSerializer(ModelSerializer):
    """A provider account. The API key is shown as a mask; writing the mask back keeps the key."""

    base_url = serializers.CharField(max_length=500, required=False, allow_blank=True)
    api_key = SecretField(
        set_at="api_key_set_at",
        help_text="Answers hold a mask. The mask or nothing keeps the stored key. A new base_url "
        "or kind needs the key again.",
    )
    clear_api_key = serializers.BooleanField(
        write_only=True, default=False, help_text="True removes the stored key."
    )

    class Meta:
        model = ProviderAccount
        fields = [
            "id",
            "name",
            "kind",
            "base_url",
            "api_key",
            "clear_api_key",
            "api_key_set_at",
            "created_at",
        ]
        read_only_fields = ["id", "api_key_set_at", "created_at"]
        # The service answers a taken name with 409.
        extra_kwargs: dict[str, Any] = {"name": {"validators": []}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Settle what the mask and `clear_api_key` mean."""
        return settle_secret(attrs, "api_key")


class _CatalogSerializer(ModelSerializer):
    # Without the check for uniqueness: the service answers a taken name with 409.
    name = serializers.CharField(
        max_length=100, validators=[MODEL_NAME], help_text="What callers write as `model`."
    )
    provider = VisibleField(queryset=ProviderAccount.objects.all())


class LLMSerializer(_CatalogSerializer):
    """A language model. Prices are in US dollars."""

    capabilities = serializers.ListField(
        child=serializers.ChoiceField(choices=CAPABILITY_CHOICES),
        max_length=len(CAPABILITY_CHOICES),
        required=False,
    )

    class Meta:
        model = LLM
        fields = [
            *COMMON_FIELDS,
            "context_window",
            "input_price_per_million",
            "output_price_per_million",
            "capabilities",
        ]
        read_only_fields = ["id", "created_at"]


class EmbeddingModelSerializer(_CatalogSerializer):
    """A model that turns text into vectors."""

    class Meta:
        model = EmbeddingModel
        fields = [*COMMON_FIELDS, "context_window", "dimensions", "input_price_per_million"]
        read_only_fields = ["id", "created_at"]


class ImageGeneratorSerializer(_CatalogSerializer):
    """A model that makes images."""

    class Meta:
        model = ImageGenerator
        fields = [*COMMON_FIELDS, "price_per_image"]
        read_only_fields = ["id", "created_at"]


class AudioGeneratorSerializer(_CatalogSerializer):
    """A model that makes speech."""

    class Meta:
        model = AudioGenerator
        fields = [*COMMON_FIELDS, "price_per_million_characters"]
        read_only_fields = ["id", "created_at"]


class ProbeSerializer(serializers.Serializer[Any]):
    """What came of a test: whether it works, and in words what is wrong if not."""

    ok = serializers.BooleanField()
    message = serializers.CharField()
    models = serializers.ListField(
        child=serializers.CharField(), help_text="What the provider lists, where it lists anything."
    )
