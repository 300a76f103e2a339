"""Projects, the versions of their prompts, who may use them, and their secrets."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import User
from catalog.models import LLM
from projects.querysets import (
    ProjectInvitationQuerySet,
    ProjectMemberQuerySet,
    ProjectQuerySet,
    ProjectSecretQuerySet,
)
from restai_site.lib.crypto import EncryptedTextField
from teams.models import AbstractInvitation, Team

PROMPT_MAX_LENGTH = 100_000
SECRET_NAME_PATTERN = r"^[A-Z][A-Z0-9_]{0,63}\Z"  # noqa: S105 - of names
SECRET_NAME = RegexValidator(
    SECRET_NAME_PATTERN,
    "Use capital letters, digits and underscores; begin with a letter; 64 characters at most.",
)
SECRET_VALUE_MAX_LENGTH = 8192
SECRETS_PER_PROJECT = 100


class Project(models.Model):
    """A model with a system prompt, owned by a team."""

    class Visibility(models.TextChoices):
        MEMBERS = "members", "Only people added to the project"
        TEAM = "team", "Everybody in the team"

    class InferenceLogging(models.TextChoices):
        FULL = "full", "Full: chats are kept, and the log has questions and answers"
        METADATA = "metadata", "Metadata: the log has who, when, tokens and cost, and no text"
        OFF = "off", "Off: the platform keeps no question and no answer"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    llm = models.ForeignKey(
        LLM, on_delete=models.PROTECT, related_name="projects", verbose_name="LLM"
    )
    system_prompt = models.TextField(blank=True, max_length=PROMPT_MAX_LENGTH)
    temperature = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(2)]
    )
    top_p = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    max_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )
    visibility = models.CharField(
        max_length=7, choices=Visibility.choices, default=Visibility.MEMBERS
    )
    inference_logging = models.CharField(
        max_length=8, choices=InferenceLogging.choices, default=InferenceLogging.FULL
    )
    # Whether the log shows personal data as what it is: [email] and the like.
    masks_logs = models.BooleanField(default=False)
    # Calls of models; None: no limit.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"],
                name="project_name_once_per_team",
                violation_error_message="The team already has a project with this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(requests_per_minute__range=(1, 100_000)),
                name="project_requests_per_minute_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def keeps_conversations(self) -> bool:
        """Whether questions and answers are kept; whatever is not the word for it is a no."""
        return self.inference_logging == self.InferenceLogging.FULL


class PromptVersion(models.Model):
    """The system prompt of a project as it was from one change to the next."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompt_versions")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True, max_length=PROMPT_MAX_LENGTH)
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="prompt_version_number_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class ProjectMember(models.Model):
    """A user's right to use or edit a project."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer: may chat"
        EDITOR = "editor", "Editor: may change the project"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="project_memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectMemberQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="project_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"


class ProjectInvitation(AbstractInvitation):
    """An invitation to a project; whoever accepts comes into its team as well."""

    kind = "project"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(
        max_length=6, choices=ProjectMember.Role.choices, default=ProjectMember.Role.VIEWER
    )

    objects = ProjectInvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "email"],
                condition=Q(state="pending"),
                name="project_invitation_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="project_invitation_email_lower_case"
            ),
        ]
        indexes = [
            models.Index(
                fields=["email"], condition=Q(state="pending"), name="project_invitation_waiting"
            )
        ]

    @property
    def to_team(self) -> Team:
        return self.project.team

    @property
    def place(self) -> str:
        return self.project.name


class ProjectSecret(models.Model):
    """A value that tools and connectors of a project use by its name, and nobody reads back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=64, validators=[SECRET_NAME])
    value = EncryptedTextField()
    description = models.CharField(max_length=500, blank=True)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectSecretQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="project_secret_name_once"),
            models.CheckConstraint(
                condition=models.Q(name__regex="^[A-Z][A-Z0-9_]{0,63}$"),
                name="project_secret_name_is_a_name",
            ),
            models.CheckConstraint(
                condition=~models.Q(value=""), name="project_secret_has_a_value"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """What a configuration holds instead of the value."""
        return f"{{{{secret.{self.name}}}}}"


from projects.erasing.models import TeamErasure  # noqa: E402, F401 - is a model
from projects.retention.models import RetentionRule, RetentionRun  # noqa: E402, F401 - are models
