"""Projects, prompts, assignments and secrets as the API shows them."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from catalog.models import LLM
from projects.models import (
    PROMPT_MAX_LENGTH,
    SECRET_VALUE_MAX_LENGTH,
    Project,
    ProjectInvitation,
    ProjectMember,
    ProjectSecret,
    PromptVersion,
)
from restai_site.lib.drf import MASK, ModelSerializer, SecretField, VisibleField, settle_secret
from teams.api.serializers import (
    AbstractInvitationSerializer,
    NewAbstractInvitationSerializer,
    PersonSerializer,
)
from teams.models import Team


class ProjectSerializer(ModelSerializer):
    """A project. `system_prompt` is null for those who may use the project but not edit it."""

    llm = VisibleField(queryset=LLM.objects.all())
    is_editable = serializers.BooleanField(read_only=True, help_text="Whether the caller may edit.")
    system_prompt = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=PROMPT_MAX_LENGTH,
        trim_whitespace=False,
        help_text="A change is kept as a new version.",
    )
    delete_conversations = serializers.BooleanField(
        write_only=True,
        required=False,
        help_text="Only with inference logging off: delete the conversations stored already.",
    )

    class Meta:
        model = Project
        fields = [
            "id",
            "team",
            "name",
            "description",
            "llm",
            "system_prompt",
            "temperature",
            "top_p",
            "max_tokens",
            "visibility",
            "inference_logging",
            "masks_logs",
            "delete_conversations",
            "is_editable",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "team", "created_by", "created_at", "updated_at"]
        # The service answers a taken name with 409.
        validators: list[Any] = []

    def to_representation(self, instance: Project) -> dict[str, Any]:
        """Keep the prompt from those who may not edit it."""
        shown: dict[str, Any] = super().to_representation(instance)
        if not shown["is_editable"]:
            shown["system_prompt"] = None
        return shown


class NewProjectSerializer(ProjectSerializer):
    """A project to be made in a team that the caller runs."""

    team = VisibleField(queryset=Team.objects.all())
    delete_conversations = None  # type: ignore[assignment]  # the way to take a field away

    class Meta(ProjectSerializer.Meta):
        fields = [name for name in ProjectSerializer.Meta.fields if name != "delete_conversations"]
        read_only_fields = ["id", "created_by", "created_at", "updated_at"]


class PromptVersionSerializer(ModelSerializer):
    """The prompt as it was from one change to the next."""

    class Meta:
        model = PromptVersion
        fields = ["number", "text", "note", "author", "created_at"]
        read_only_fields = ["number", "author", "created_at"]
        validators: list[Any] = []
        extra_kwargs = {"text": {"required": True, "trim_whitespace": False}}


class ProjectMemberSerializer(ModelSerializer):
    """A user's right to a project; the role can be changed."""

    user = PersonSerializer(read_only=True)

    class Meta:
        model = ProjectMember
        fields = ["user", "role", "created_at"]
        read_only_fields = ["created_at"]
        extra_kwargs = {"role": {"required": True}}


class NewProjectMemberSerializer(serializers.Serializer[Any]):
    """Whom to assign: a member of the project's team."""

    user = serializers.IntegerField(min_value=1)
    role = serializers.ChoiceField(
        choices=ProjectMember.Role.choices, default=ProjectMember.Role.VIEWER
    )

    def validate_user(self, pk: int) -> User:
        """Find the user among the members of the team."""
        project: Project = self.context["view"].project
        user: User | None = User.objects.filter(pk=pk, memberships__team=project.team_id).first()
        if user is None:
            raise serializers.ValidationError("No member of the team has this id.")
        return user


class ProjectInvitationSerializer(AbstractInvitationSerializer):
    """An invitation to a project."""

    class Meta(AbstractInvitationSerializer.Meta):
        model = ProjectInvitation  # type: ignore[assignment]  # beside the team's


class NewProjectInvitationSerializer(NewAbstractInvitationSerializer):
    """Whom to invite to a project, and to its team as a member."""

    role = serializers.ChoiceField(
        choices=ProjectMember.Role.choices, default=ProjectMember.Role.VIEWER
    )


class StoredSecretField(SecretField):
    """A secret that every row has: the mask says so without the value being read."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=SECRET_VALUE_MAX_LENGTH, trim_whitespace=False, help_text=kwargs["help_text"]
        )

    def get_attribute(self, instance: Any) -> str:
        return MASK


class ProjectSecretSerializer(ModelSerializer):
    """A secret of a project. The value is shown as a mask; writing the mask back keeps it."""

    value = StoredSecretField(
        help_text="Answers hold a mask. The mask or nothing keeps the stored value."
    )

    class Meta:
        model = ProjectSecret
        fields = ["id", "name", "value", "description", "set_at", "set_by", "created_at"]
        read_only_fields = ["id", "name", "set_at", "set_by", "created_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Settle what the mask means."""
        return settle_secret(attrs, "value")


class NewProjectSecretSerializer(ProjectSecretSerializer):
    """A secret to be made. Configurations refer to it by its name, which stays."""

    class Meta(ProjectSecretSerializer.Meta):
        read_only_fields = ["id", "set_at", "set_by", "created_at"]
        # The service answers a taken name with 409.
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to make a secret of a mask, or of nothing."""
        values = super().validate(attrs)
        if "value" not in values:
            raise serializers.ValidationError({"value": ["Send the value itself."]})
        return values
