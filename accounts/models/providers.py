"""Identity providers, and the accounts there by which users sign in."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from accounts.models.users import User
from accounts.provider_querysets import IdentityProviderQuerySet, LinkedAccountQuerySet
from restai_site.lib.crypto import EncryptedTextField, SecretsApart

SLUG = RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", "Use lower-case letters, digits and dashes.")
SUBJECT_MAX_LENGTH = 255


class IdentityProvider(models.Model):
    """Who may vouch for people, by OpenID Connect or, at GitHub, OAuth 2."""

    class Kind(models.TextChoices):
        GOOGLE = "google", "Google"
        MICROSOFT = "microsoft", "Microsoft"
        GITHUB = "github", "GitHub"
        OPENID_CONNECT = "openid_connect", "OpenID Connect (Keycloak, Authentik, Okta, …)"

    slug = models.CharField(max_length=50, unique=True, validators=[SLUG])
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=100, help_text="What people read on the button.")
    client_id = models.CharField("client id", max_length=255)
    client_secret = EncryptedTextField(blank=True, default="")
    client_secret_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    server_url = models.CharField("server address", max_length=500, blank=True)
    tenant = models.CharField(max_length=36, blank=True)
    enabled = models.BooleanField(default=False)
    allowed_domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    link_by_verified_email = models.BooleanField(default=False)
    auto_create = models.BooleanField(default=False)
    # Teams are above this app; what is deleted there is as good as none here.
    default_team_id = models.BigIntegerField(null=True, blank=True)
    groups_claim = models.CharField(max_length=100, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SecretsApart.from_queryset(IdentityProviderQuerySet)()

    class Meta:
        ordering = ["position", "name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """What memberships that come from here are marked with."""
        return f"provider:{self.slug}"


class LinkedAccount(models.Model):
    """An account at a provider: whoever proves to have it is the user."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="links")
    subject = models.CharField(max_length=SUBJECT_MAX_LENGTH)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="linked_accounts")
    # As the provider said last; for people to know the account by, and for nothing else.
    email = models.CharField(max_length=254, blank=True)
    linked_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = LinkedAccountQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="linked_account_once"),
            # One each, so that an address that was given to somebody else does not bring them in.
            models.UniqueConstraint(fields=["provider", "user"], name="linked_account_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.email or self.subject} at {self.provider}"
