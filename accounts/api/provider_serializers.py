"""Identity providers and linked accounts as the API shows them."""

from typing import Any

from rest_framework import serializers

from accounts.models import IdentityProvider, LinkedAccount
from accounts.models.providers import SLUG
from restai_site.lib.drf import ModelSerializer, SecretField, settle_secret


class IdentityProviderSerializer(ModelSerializer):
    """A sign-in provider. The client secret is shown as a mask; the mask written back keeps it."""

    slug = serializers.CharField(max_length=50, validators=[SLUG], help_text="Cannot be changed.")
    client_secret = SecretField(
        set_at="client_secret_set_at",
        help_text="Answers hold a mask. The mask or nothing keeps the stored secret. A new kind, "
        "server_url or tenant needs the secret again, and ends all links.",
    )
    clear_client_secret = serializers.BooleanField(
        write_only=True, default=False, help_text="True removes the stored secret."
    )
    allowed_domains = serializers.ListField(
        child=serializers.CharField(max_length=253), max_length=100, required=False
    )
    default_team_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, allow_null=True
    )

    class Meta:
        model = IdentityProvider
        fields = [
            "id",
            "slug",
            "kind",
            "name",
            "client_id",
            "client_secret",
            "clear_client_secret",
            "client_secret_set_at",
            "server_url",
            "tenant",
            "enabled",
            "allowed_domains",
            "link_by_verified_email",
            "auto_create",
            "default_team_id",
            "groups_claim",
            "position",
            "created_at",
        ]
        read_only_fields = ["id", "client_secret_set_at", "created_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Settle what the mask and `clear_client_secret` mean."""
        return settle_secret(attrs, "client_secret")


class LinkedAccountSerializer(ModelSerializer):
    """An account at a provider by which the caller signs in."""

    provider = serializers.CharField(source="provider.slug", read_only=True)

    class Meta:
        model = LinkedAccount
        fields = ["id", "provider", "email", "linked_at", "last_used_at"]
        read_only_fields = fields


class IdentityProbeSerializer(serializers.Serializer[Any]):
    """What came of a test: whether sign-in can work, and in words what is wrong if not."""

    ok = serializers.BooleanField()
    message = serializers.CharField()
