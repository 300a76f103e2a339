"""Users as the API shows them."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from restai_site.lib.drf import ModelSerializer, PerMinuteField, actor_of

USER_FIELDS = ["id", "email", "name", "is_active", "is_platform_admin", "theme", "date_joined"]


class UserSerializer(ModelSerializer):
    """A user, for platform administrators."""

    requests_per_minute = PerMinuteField(
        help_text="How many calls of models the user may make in any minute; null: no limit."
    )

    class Meta:
        model = User
        fields = [
            *USER_FIELDS,
            "is_restricted",
            "requests_per_minute",
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
        read_only_fields = [*UserSerializer.Meta.read_only_fields, "theme", "requests_per_minute"]

    requests_per_minute = PerMinuteField(read_only=True)


class MeSerializer(ModelSerializer):
    """The caller, and what the credential reaches.

    `credential` is `session`, `basic` or `key:<id>`; `is_platform_admin` is false for a key that is
    narrowed to projects or a team, whoever owns it.
    """

    credential = serializers.CharField(source="actor.credential", read_only=True)
    is_platform_admin = serializers.BooleanField(source="actor.is_platform_admin", read_only=True)
    scope = serializers.CharField(source="actor.scope", read_only=True)
    project_ids = serializers.ListField(
        source="actor.project_ids", child=serializers.IntegerField(), read_only=True
    )
    team_id = serializers.IntegerField(source="actor.team_id", read_only=True)

    class Meta:
        model = User
        fields = [*USER_FIELDS, "credential", "scope", "project_ids", "team_id"]
        read_only_fields = ["id", "email", "is_active", "is_platform_admin", "date_joined"]

    def to_representation(self, instance: User) -> dict[str, Any]:
        """Show the limits of the credential beside the user."""
        instance.actor = actor_of(self.context["request"])  # type: ignore[attr-defined]
        shown: dict[str, Any] = super().to_representation(instance)
        return shown
