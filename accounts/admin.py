"""Users and keys in Django's admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import (
    ApiKey,
    AttemptCounter,
    DataExport,
    IdentityProvider,
    LinkedAccount,
    MailedLink,
    Session,
    SetupLink,
    SigningKey,
    User,
)
from accounts.services import revoke_api_key
from restai_site.lib.admin import ViewOnlyAdmin, actor_of


@admin.register(User)
class UserAdmin(ViewOnlyAdmin):
    """Users; they are invited, changed and suspended on the pages of their own."""

    fields = (
        "email",
        "name",
        "theme",
        "is_active",
        "is_platform_admin",
        "is_restricted",
        "invited_at",
        "second_factor_since",
        "date_joined",
        "last_login",
    )
    list_display = ("email", "name", "is_active", "is_platform_admin", "date_joined", "last_login")
    list_filter = ("is_active", "is_platform_admin", "is_restricted")
    search_fields = ("email__startswith",)
    search_help_text = "The beginning of an e-mail address."
    ordering = ("email",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Addresses are stored in lower case."""
        return super().get_search_results(request, queryset, search_term.lower())


@admin.register(ApiKey)
class ApiKeyAdmin(ViewOnlyAdmin):
    """Keys are made by their owners; administrators can revoke them."""

    fields = (
        *("user", "name", "prefix", "scope", "project_ids", "team_id", "allowed_networks"),
        *("created_at", "expires_at", "last_used_at", "rotated_at", "revoked_at"),
    )
    list_display = ("prefix", "name", "user", "created_at", "last_used_at", "revoked_at")
    list_filter = ("user__is_active",)
    list_select_related = ("user",)
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of the owner's e-mail address."
    actions = ("revoke",)

    @admin.action(description="Revoke the selected keys", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Stop the keys at once."""
        for key in queryset:
            revoke_api_key(key, actor=actor_of(request))
        self.message_user(request, "The keys are revoked.")


@admin.register(SetupLink)
class SetupLinkAdmin(ViewOnlyAdmin):
    """Whether the set-up link has been used; its digest is nobody's business."""

    fields = ("created_at", "used_at")
    list_display = ("created_at", "used_at")


@admin.register(MailedLink)
class MailedLinkAdmin(ViewOnlyAdmin):
    """Which links were mailed, and whether they have been used; their digests are not shown."""

    fields = ("purpose", "user", "email", "created_at", "expires_at", "used_at")
    list_display = ("purpose", "email", "created_at", "expires_at", "used_at")
    list_filter = ("purpose",)


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ViewOnlyAdmin):
    """Identity providers are changed among the settings; their secrets are shown nowhere."""

    fields = (
        "name",
        "slug",
        "kind",
        "server_url",
        "tenant",
        "client_id",
        "client_secret_set_at",
        "enabled",
        "allowed_domains",
        "link_by_verified_email",
        "auto_create",
        "default_team_id",
        "groups_claim",
        "position",
        "created_at",
    )
    list_display = ("name", "slug", "kind", "enabled", "created_at")
    list_filter = ("kind", "enabled")
    search_fields = ("slug__startswith",)
    search_help_text = "The beginning of the short name."


@admin.register(LinkedAccount)
class LinkedAccountAdmin(ViewOnlyAdmin):
    """Accounts elsewhere; their owners unlink them."""

    fields = ("user", "provider", "subject", "email", "linked_at", "last_used_at")
    list_display = ("user", "provider", "email", "linked_at", "last_used_at")
    list_filter = ("provider",)
    list_select_related = ("user", "provider")
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of the user's e-mail address."


@admin.register(Session)
class SessionAdmin(ViewOnlyAdmin):
    """Who is signed in, and from where."""

    fields = (
        "user",
        "amr",
        "created_at",
        "last_seen_at",
        "expires_at",
        "ip",
        "user_agent",
        "impersonator",
        "impersonation_reason",
        "impersonation_ends_at",
    )
    list_display = ("user", "device", "place", "created_at", "last_seen_at", "impersonator")
    list_select_related = ("user", "impersonator")
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of the user's e-mail address."


@admin.register(SigningKey)
class SigningKeyAdmin(ViewOnlyAdmin):
    """The keys that sign cookies; what they are made of is nobody's business."""

    fields = list_display = ("kid", "created_at", "replaced_at")


@admin.register(AttemptCounter)
class AttemptCounterAdmin(ViewOnlyAdmin):
    """What the limiter has counted; whom a bucket stands for cannot be read from it."""

    fields = list_display = ("bucket", "failures", "last_at", "blocked_until")


@admin.register(DataExport)
class DataExportAdmin(ViewOnlyAdmin):
    """That people had files made of their data; what is in them is theirs alone."""

    fields = list_display = ("user", "created_at", "finished_at", "size", "failure")
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("content")
