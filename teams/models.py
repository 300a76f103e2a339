"""Tenants, who belongs to them, and what is granted to them."""

import secrets
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from teams import colours
from teams.querysets import (
    BrandingQuerySet,
    GroupMappingQuerySet,
    MembershipQuerySet,
    TeamQuerySet,
)
from teams.texts import validate_line, validate_text

SOURCE_MAX_LENGTH = 60
GROUP_MAX_LENGTH = 255
APP_NAME_MAX_LENGTH = 40
WELCOME_MAX_LENGTH = 500
PUBLIC_SLUG_BYTES = 16


def new_public_slug() -> str:
    """Return the part of an address that nobody guesses."""
    return secrets.token_urlsafe(PUBLIC_SLUG_BYTES)


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


def _colour_field() -> Any:
    wrong = "Write the colour as # and six digits, such as #0b7a75."
    validators = [RegexValidator(colours.PATTERN + r"\Z", wrong)]
    return models.CharField(max_length=7, blank=True, validators=validators)


def _is_colour(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{name: ""}) | Q(**{f"{name}__regex": colours.PATTERN}),
        name=f"branding_{name}_is_a_colour",
    )


class Branding(models.Model):
    """How the platform looks to a team, and at its log-in page. Empty fields mean: as ever.

    The slug is all that it takes to see the log-in page of the team, so it is told to members only.
    """

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="branding")
    public_slug = models.CharField(
        max_length=22, unique=True, default=new_public_slug, editable=False
    )
    app_name = models.CharField(
        max_length=APP_NAME_MAX_LENGTH, blank=True, validators=[validate_line]
    )
    welcome_message = models.CharField(
        max_length=WELCOME_MAX_LENGTH, blank=True, validators=[validate_text]
    )
    primary = _colour_field()
    secondary = _colour_field()
    # A PNG file that restai_site.lib.images has written; its hash is part of its address.
    logo = models.BinaryField(blank=True, default=b"", editable=False)
    logo_hash = models.CharField(max_length=64, blank=True, editable=False)
    # Whether it has dark or light ink on no ground of its own, which one theme would hide.
    logo_ink = models.CharField(max_length=5, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BrandingQuerySet.as_manager()

    class Meta:
        ordering = ["team_id"]
        constraints = [_is_colour("primary"), _is_colour("secondary")]

    def __str__(self) -> str:
        return f"Branding of {self.team}"

    @property
    def is_saved(self) -> bool:
        """Whether there is a row; a team without one has an empty branding."""
        return not self._state.adding

    @property
    def style_hash(self) -> str:
        """What the style sheet is called by; empty where the team has no colours of its own."""
        has_colours = self.primary or self.secondary
        return colours.style_hash(self.primary, self.secondary) if has_colours else ""

    @property
    def style_url(self) -> str:
        """The address of the team's style sheet, or ""."""
        if not self.style_hash:
            return ""
        return reverse("teams:brand_style", args=[self.public_slug, self.style_hash])

    @property
    def logo_url(self) -> str:
        """The address of the logo, or ""."""
        if not self.logo_hash:
            return ""
        return reverse("teams:brand_logo", args=[self.public_slug, self.logo_hash])


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
