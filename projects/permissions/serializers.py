"""The shape of the matrix, for the schema; `projects.permissions.api` fills it."""

from typing import Any

from rest_framework import serializers

from accounts.models import ApiKey
from projects.permissions.effective import LEVELS, Reason
from teams.models import Membership

WORDS = list(LEVELS)


class MatrixUserSerializer(serializers.Serializer[Any]):
    """A user and what limits them."""

    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField()
    is_platform_admin = serializers.BooleanField()
    is_restricted = serializers.BooleanField()
    is_active = serializers.BooleanField(help_text="False: suspended.")


class MatrixTeamSerializer(serializers.Serializer[Any]):
    """A membership."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Membership.Role.choices)


class MatrixModelsSerializer(serializers.Serializer[Any]):
    """Names of the models that are granted to the user through teams; of all to administrators."""

    llms = serializers.ListField(child=serializers.CharField())
    embedding_models = serializers.ListField(child=serializers.CharField())
    image_generators = serializers.ListField(child=serializers.CharField())
    audio_generators = serializers.ListField(child=serializers.CharField())


class MatrixProjectSerializer(serializers.Serializer[Any]):
    """A project that the user has a reason to reach."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    team_id = serializers.IntegerField()
    access = serializers.ChoiceField(WORDS, help_text="What the user may do now.")
    held = serializers.ChoiceField(
        WORDS[:-1], help_text="What the roles give, were the user neither suspended nor restricted."
    )
    reasons = serializers.ListField(
        child=serializers.ChoiceField([reason.word for reason in reversed(Reason)]),
        help_text="All that hold, the strongest first.",
    )


class MatrixKeySerializer(serializers.Serializer[Any]):
    """An API key that has been neither revoked nor expired."""

    id = serializers.IntegerField()
    name = serializers.CharField(
        allow_null=True, help_text="Null where the key also reaches what you do not see."
    )
    scope = serializers.ChoiceField(ApiKey.CHOSEN_SCOPES)
    project_ids = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    team_id = serializers.IntegerField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    reaches = serializers.IntegerField(help_text="How many of the projects that you see.")


class MatrixRowSerializer(serializers.Serializer[Any]):
    """A user and what they reach."""

    user = MatrixUserSerializer()
    teams = MatrixTeamSerializer(many=True)
    models = MatrixModelsSerializer()
    projects = MatrixProjectSerializer(many=True)
    keys = MatrixKeySerializer(many=True)


class MatrixSerializer(serializers.Serializer[Any]):
    """A page of the matrix."""

    count = serializers.IntegerField(help_text="How many users there are.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    results = MatrixRowSerializer(many=True)
