"""API keys as the API shows them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.limits import PROJECTS_MAX
from accounts.models import ApiKey
from accounts.networks import NETWORKS_MAX
from accounts.services.keys import OVERLAP_MAX
from restai_site.lib.drf import ModelSerializer, PerMinuteField

ID: dict[str, Any] = {"min_value": 1, "max_value": 2**63 - 1}


class ApiKeySerializer(ModelSerializer):
    """A key without its plaintext. What it reaches is said when it is made, and stays."""

    project_ids = serializers.ListField(
        child=serializers.IntegerField(**ID),
        allow_null=True,
        required=False,
        max_length=PROJECTS_MAX,
        help_text="The projects that the key is narrowed to; null: to none.",
    )
    team_id = serializers.IntegerField(
        **ID, allow_null=True, required=False, help_text="The team that the key is narrowed to."
    )
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=NETWORKS_MAX,
        help_text="Addresses and networks from which alone the key is taken; empty: from all.",
    )

    requests_per_minute = PerMinuteField(
        help_text="How many calls of models the key may make in any minute; null: no limit."
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scope",
            "project_ids",
            "team_id",
            "allowed_networks",
            "requests_per_minute",
            "created_at",
            "expires_at",
            "last_used_at",
            "rotated_at",
            "previous_until",
            "revoked_at",
        ]
        read_only_fields = [
            *("id", "prefix", "created_at", "last_used_at"),
            *("rotated_at", "previous_until", "revoked_at"),
        ]

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        """Refuse a moment that has passed."""
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Choose a moment in the future.")
        return moment


class ApiKeyChangeSerializer(ApiKeySerializer):
    """A key of which the name can be changed, and the limit of requests be lowered."""

    class Meta(ApiKeySerializer.Meta):
        read_only_fields = [
            name
            for name in ApiKeySerializer.Meta.fields
            if name not in {"name", "requests_per_minute"}
        ]

    project_ids = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    team_id = serializers.IntegerField(read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)


class RotationSerializer(serializers.Serializer[Any]):
    """How long the secret so far works beside the new one."""

    overlap_minutes = serializers.IntegerField(
        min_value=0,
        max_value=int(OVERLAP_MAX.total_seconds() // 60),
        default=0,
        help_text="0: the secret so far stops at once.",
    )


class NewApiKeySerializer(ApiKeySerializer):
    """The answer to making or rotating a key: the only time that its plaintext is shown."""

    key = serializers.CharField(read_only=True, source="plaintext")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]
