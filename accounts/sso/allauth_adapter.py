"""What django-allauth asks of the platform: which providers there are, and how to reach them."""

import secrets
from typing import Any, Never

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseForbidden

from accounts.models import IdentityProvider
from accounts.sso.errors import IdentityProviderFailed, SignInNotBegun
from restai_site.lib.egress.requests_session import Session

STATE_BYTES = 32
NOT_BY_ALLAUTH = "Nobody signs in by allauth itself."


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Builds allauth's apps from our rows, and keeps it from everything but the way there."""

    def list_apps(self, request: Any, provider: Any = None, client_id: Any = None) -> list[Any]:
        """Return the enabled providers as apps that are not saved; its own table is not read."""
        rows = IdentityProvider.objects.filter(enabled=True)
        if provider is not None:
            rows = rows.filter(slug=provider)
        if client_id is not None:
            rows = rows.filter(client_id=client_id)
        return [app_of(row) for row in rows]

    def get_provider(self, request: HttpRequest, provider: str, client_id: Any = None) -> Any:
        """Return what speaks to the provider with this slug."""
        from accounts.sso.protocols import protocol_of

        row = IdentityProvider.objects.filter(enabled=True, slug=provider).first()
        if row is None:
            raise SocialApp.DoesNotExist
        return protocol_of(row, request)

    def generate_state_param(self, state: dict[str, Any]) -> str:
        """Return 256 random bits."""
        return secrets.token_urlsafe(STATE_BYTES)

    def get_requests_session(self) -> Session:
        """Return a session of the one way out."""
        return Session()

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> Never:
        """Raise what went wrong as an error of ours; allauth would show a page of its own."""
        if exception is not None:
            # Its text may hold what the provider answered, tokens among it.
            raise IdentityProviderFailed(provider.row, type(exception).__name__)
        raise SignInNotBegun

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> Never:
        """Refuse: no code of ours gets this far."""
        raise ImmediateHttpResponse(HttpResponseForbidden(NOT_BY_ALLAUTH))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Tell that nobody signs up here."""
        return False

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Never:
        """Refuse to make users."""
        raise ImproperlyConfigured(NOT_BY_ALLAUTH)


def app_of(row: IdentityProvider) -> Any:
    """Return `row` as allauth knows it; the app is not saved."""
    return SocialApp(
        provider=row.kind,
        provider_id=row.slug,
        name=row.name,
        client_id=row.client_id,
        secret=row.client_secret,
        settings={},
    )
