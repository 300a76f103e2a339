"""Users, and the one-time set-up link."""

import unicodedata
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.querysets import UserQuerySet


def normal_email(email: str) -> str:
    """Return the one spelling under which an address is stored and looked up."""
    return email.strip().lower()


def normal_password(password: str) -> str:
    """Return the one spelling of a password, however a keyboard composes it (NFKC).

    What is ASCII stays as it is.
    """
    return unicodedata.normalize("NFKC", password)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Finds users by e-mail, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normal_email(username or ""))  # type: ignore[no-any-return]


class User(AbstractBaseUser):
    """A person who can sign in."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "As the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    email = models.EmailField(
        "e-mail address",
        max_length=254,
        unique=True,
        error_messages={"unique": "There is already a user with this e-mail address."},
    )
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_platform_admin = models.BooleanField("platform administrator", default=False)
    is_restricted = models.BooleanField(
        "restricted", default=False, help_text="May read and chat, and change nothing."
    )
    # Since when the user has had a second factor; the services of factors keep it true, so that
    # the resolver of credentials need not look for one at each request.
    second_factor_since = models.DateTimeField(null=True, editable=False)
    # The password is shorter than one that stands alone has to be: it needs a factor beside it.
    password_is_short = models.BooleanField(default=False, editable=False)
    password_changed_at = models.DateTimeField(null=True, editable=False)
    # Since when the user has an invitation that they have not accepted; None for everybody else.
    invited_at = models.DateTimeField(null=True, editable=False)
    # Calls of models; None: no limit.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, editable=False)
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            # One spelling in the table makes the unique index hold whatever case people type.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case"),
            models.CheckConstraint(
                condition=Q(requests_per_minute__range=(1, 100_000)),
                name="user_requests_per_minute_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def display_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def set_password(self, raw_password: str | None) -> None:
        """Set a password in its one spelling; None makes one that nobody has."""
        super().set_password(None if raw_password is None else normal_password(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Tell whether this is the password, in whatever spelling."""
        return super().check_password(normal_password(raw_password or ""))

    # Django's admin asks these four.
    @property
    def is_staff(self) -> bool:
        return self.is_platform_admin

    @property
    def is_superuser(self) -> bool:
        return self.is_platform_admin

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_active and self.is_platform_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_platform_admin


class SetupLink(models.Model):
    """The one-time link that makes the first administrator. There is at most one row."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="setup_link_single_row")
        ]

    def __str__(self) -> str:
        return "used" if self.used_at else "open"
