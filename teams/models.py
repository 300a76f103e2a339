"""Tenants, who belongs to them, and what is granted to them."""

from django.db import models

from accounts.models import User
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from teams.querysets import GroupMappingQuerySet, MembershipQuerySet, TeamQuerySet

SOURCE_MAX_LENGTH = 60
GROUP_MAX_LENGTH = 255


class Team(models.Model):
    """A tenant. Its grants say which catalog entries its projects and members may call."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    # Where its days and months begin: a name of the IANA time zone database.
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)
    llms = models.ManyToManyField(LLM, blank=True, related_name="teams", verbose_name="LLMs")
    embedding_models = models.ManyToManyField(EmbeddingModel, blank=True, related_name="teams")
    image_generators = models.ManyToManyField(ImageGenerator, blank=True, related_name="teams")
    audio_generators = models.ManyToManyField(AudioGenerator, blank=True, related_name="teams")

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's place in a team."""

    class Role(models.TextChoices):
        ADMIN = "admin", "Team admin"
        MEMBER = "member", "Member"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    # Whose groups it follows, as in GroupMapping; empty where somebody has made it by hand.
    source = models.CharField(max_length=SOURCE_MAX_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["team_id", "user_id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once_per_team")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class GroupMapping(models.Model):
    """A group of a directory or an identity provider whose people belong to a team here."""

    source = models.CharField(max_length=SOURCE_MAX_LENGTH)
    group = models.CharField(max_length=GROUP_MAX_LENGTH)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="group_mappings")
    role = models.CharField(
        max_length=6, choices=Membership.Role.choices, default=Membership.Role.MEMBER
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GroupMappingQuerySet.as_manager()

    class Meta:
        ordering = ["source", "group", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "group", "team"], name="group_mapping_once_per_team"
            )
        ]

    def __str__(self) -> str:
        return f"{self.group} in {self.team}"
