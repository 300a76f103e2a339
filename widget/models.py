"""Widgets, and whoever comes by them."""

import secrets
import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import OuterRef, Subquery

from accounts.models import ApiKey
from inference.models import Message
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import EncryptedTextField, SecretsApart
from teams import colours
from widget.origins import ORIGIN_MAX_LENGTH
from widget.querysets import WidgetQuerySet

STARTERS_MAX = 4
PUBLIC_ID_BYTES = 12


def new_public_id() -> str:
    """Return the part of addresses, and of keys, that says which widget it is."""
    return secrets.token_urlsafe(PUBLIC_ID_BYTES)


def _count(default: int, most: int) -> Any:
    validators = [MinValueValidator(1), MaxValueValidator(most)]
    return models.PositiveIntegerField(default=default, validators=validators)


class Widget(models.Model):
    """A chat with one project in the pages of other websites. No website may use a new one."""

    class Position(models.TextChoices):
        RIGHT = "right", "At the right"
        LEFT = "left", "At the left"

    class Theme(models.TextChoices):
        AUTO = "auto", "As the visitor prefers"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Language(models.TextChoices):
        AUTO = "", "As the visitor's browser"
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"
        FRENCH = "fr", "Français"
        SPANISH = "es", "Español"
        PORTUGUESE = "pt", "Português"
        ITALIAN = "it", "Italiano"
        JAPANESE = "ja", "日本語"
        CHINESE = "zh", "中文"
        ARABIC = "ar", "العربية"

    class Challenge(models.TextChoices):
        OFF = "off", "Never"
        LOAD = "load", "Under load"
        ALWAYS = "always", "Always"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="widgets")
    name = models.CharField(max_length=100)
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    # Its owner answers for the widget: it stops with them.
    key = models.OneToOneField(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="widget", editable=False
    )
    is_paused = models.BooleanField(default=False)
    allowed_origins = ArrayField(
        models.CharField(max_length=ORIGIN_MAX_LENGTH), default=list, blank=True
    )
    # Looks. What is empty is as the team's branding, or in the visitor's language.
    title = models.CharField(max_length=60, blank=True)
    subtitle = models.CharField(max_length=120, blank=True)
    avatar = models.CharField("avatar", max_length=8, blank=True)
    # A PNG file that restai_site.lib.images has written; it stands in place of the letter.
    picture = models.BinaryField(blank=True, default=b"", editable=False)
    accent = models.CharField(
        max_length=7,
        blank=True,
        validators=[RegexValidator(colours.PATTERN + r"\Z", "Write it as # and six digits.")],
    )
    position = models.CharField(max_length=5, choices=Position.choices, default=Position.RIGHT)
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.AUTO)
    language = models.CharField(
        max_length=2, choices=Language.choices, default=Language.AUTO, blank=True
    )
    welcome_message = models.CharField(max_length=500, blank=True)
    starters = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    placeholder = models.CharField(max_length=80, blank=True)
    privacy_note = models.CharField(max_length=300, blank=True)
    privacy_url = models.URLField(max_length=300, blank=True)
    # Limits.
    message_length = _count(2_000, 20_000)
    turns = _count(30, 500)
    visitor_per_minute = _count(6, 600)
    address_per_minute = _count(20, 6_000)
    messages_per_day = _count(1_000, 1_000_000)
    challenge = models.CharField(max_length=6, choices=Challenge.choices, default=Challenge.LOAD)
    # By which the website says who its visitor is; empty: it does not.
    identity_secret = EncryptedTextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SecretsApart.from_queryset(WidgetQuerySet)()

    class Meta:
        ordering = ["name", "id"]
        indexes = [GinIndex(fields=["allowed_origins"], name="widget_by_origin")]

    def __str__(self) -> str:
        return self.name


class OfWidgetQuerySet(models.QuerySet[Any]):
    """Visitors, who are counted and not listed, and what they think of answers."""

    def visible_to(self, actor: Actor) -> "OfWidgetQuerySet":
        """Those of widgets that are visible."""
        return self.filter(widget__in=Widget.objects.visible_to(actor))

    def in_conversations(self) -> "OfWidgetQuerySet":
        """Fetch of opinions the `conversation_id` in which the answer stands, while it is kept."""
        answer = Message.objects.filter(pk=OuterRef("message_id"))
        found: OfWidgetQuerySet = self.annotate(
            conversation_id=Subquery(answer.values("conversation_id"))
        )
        return found


class Visitor(models.Model):
    """Somebody in front of a page: unknown, or known by what the website calls them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="visitors")
    # A keyed digest of the website's name for them; empty: unknown.
    subject = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    objects = OfWidgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["widget", "subject"],
                condition=~models.Q(subject=""),
                name="widget_visitor_once",
            )
        ]
        indexes = [
            models.Index(fields=["seen_at"], name="widget_visitor_oldest"),
            models.Index(fields=["widget", "-seen_at"], name="widget_visitor_newest"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class VisitorSession(models.Model):
    """A visitor at one website for a while. Its token is shown once and never stored."""

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="sessions")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    origin = models.CharField(max_length=ORIGIN_MAX_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="widget_session_oldest")]

    def __str__(self) -> str:
        return f"Session of {self.visitor_id}"


class Feedback(models.Model):
    """What a visitor thinks of an answer: one row for each, the last word counts."""

    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="feedback")
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="feedback")
    message_id = models.UUIDField()
    is_helpful = models.BooleanField()
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OfWidgetQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "feedback"
        constraints = [
            models.UniqueConstraint(
                fields=["visitor", "message_id"], name="widget_feedback_once_each"
            )
        ]
        indexes = [models.Index(fields=["widget", "-created_at"], name="widget_feedback_newest")]

    def __str__(self) -> str:
        return f"{'Helpful' if self.is_helpful else 'Not helpful'}: {self.message_id}"
