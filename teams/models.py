"""Tenants, who belongs to them, and what is granted to them."""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from teams import colours
from teams.querysets import (
    BrandingQuerySet,
    GroupMappingQuerySet,
    InvitationQuerySet,
    MembershipQuerySet,
    TeamQuerySet,
)
from teams.texts import validate_line, validate_text

INVITATION_LIFETIME = timedelta(days=7)

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


def invitation_ends_at() -> datetime:
    """Return when an invitation that is sent now stops to hold."""
    return timezone.now() + INVITATION_LIFETIME


class AbstractInvitation(models.Model):
    """An invitation by e-mail address, to whatever the subclass names.

    Whoever has the address accepts or declines it. It holds as long as it is pending, has not
    expired, and whoever sent it may still decide on this.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        REVOKED = "revoked", "Revoked"

    # In addresses and mails.
    kind: ClassVar[str]

    email = models.EmailField("e-mail address", max_length=254)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    # By a person as themselves, and not by a key or in somebody else's name.
    sent_in_person = models.BooleanField(default=False, editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    # Of the token in the mail; None until one is sent, and as long as no mail can be.
    digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001 - several rows have none
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=invitation_ends_at)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.email

    @property
    def shown_state(self) -> str:
        """The state, where "expired" stands for what was pending for too long."""
        late = self.state == self.State.PENDING and self.expires_at <= timezone.now()
        return "expired" if late else self.state

    @property
    def is_open(self) -> bool:
        return self.shown_state == self.State.PENDING

    @property
    def to_team(self) -> Team:
        """The team whose admins decide on it."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """The name of what it leads to."""
        raise NotImplementedError

    def get_role_display(self) -> str:
        """Return the role in words; Django writes this for the roles of each subclass."""
        raise NotImplementedError


class Invitation(AbstractInvitation):
    """An invitation to a team."""

    kind = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(
        max_length=6, choices=Membership.Role.choices, default=Membership.Role.MEMBER
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email"],
                condition=Q(state="pending"),
                name="invitation_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="invitation_email_lower_case"
            ),
        ]
        indexes = [
            models.Index(fields=["email"], condition=Q(state="pending"), name="invitation_waiting")
        ]

    @property
    def to_team(self) -> Team:
        return self.team

    @property
    def place(self) -> str:
        return self.team.name


from teams.data.models import TeamExport  # noqa: E402, F401 - is a model
