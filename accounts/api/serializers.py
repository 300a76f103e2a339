"""Users and keys as the API shows them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.models import ApiKey, User
from restai_site.lib.drf import ModelSerializer

USER_FIELDS = ["id", "email", "name", "is_active", "is_platform_admin", "theme", "date_joined"]


class UserSerializer(ModelSerializer):
    """A user, for platform administrators."""

    class Meta:
        model = User
        fields = [
            *USER_FIELDS,
            "is_restricted",
            "invited_at",
            "second_factor_since",
            "last_login",
        ]
        read_only_fields = [
            "id",
            "is_active",
            "date_joined",
            "invited_at",
            "second_factor_since",
            "last_login",
        ]
        # The service answers a taken address, whatever its case, with 409.
        extra_kwargs: dict[str, Any] = {"email": {"validators": []}}


class InvitationSerializer(UserSerializer):
    """A person to be invited; they choose their password themselves."""

    class Meta(UserSerializer.Meta):
        read_only_fields = [*UserSerializer.Meta.read_only_fields, "theme"]


class MeSerializer(ModelSerializer):
    """The caller. `credential` is `session` or `key:<id>`."""

    credential = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [*USER_FIELDS, "credential"]
        read_only_fields = ["id", "email", "is_active", "is_platform_admin", "date_joined"]

    def get_credential(self, user: User) -> str:
        """How the caller signed in."""
        return self.context["request"].auth.credential  # type: ignore[no-any-return]


class ApiKeySerializer(ModelSerializer):
    """A key without its plaintext."""

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]
        read_only_fields = ["id", "prefix", "created_at", "last_used_at", "revoked_at"]

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        """Refuse a moment that has passed."""
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Choose a moment in the future.")
        return moment


class NewApiKeySerializer(ApiKeySerializer):
    """The answer to making a key: the only time that its plaintext is shown."""

    key = serializers.CharField(read_only=True, source="plaintext")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]
