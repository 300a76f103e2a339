"""The way to a provider and back, in two steps that share a state in the session."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from allauth.core.context import request_context
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.db import transaction
from django.http import HttpRequest

from accounts.models import IdentityProvider, Session
from accounts.services.linked_accounts import Identity
from accounts.sessions.lifecycle import store_of
from accounts.sso.discovery import DiscoveryRefused
from accounts.sso.errors import IdentityProviderFailed, SignInCancelled
from accounts.sso.id_tokens import IdTokenRefused
from accounts.sso.protocols import protocol_of
from restai_site.lib.egress.requests_session import RequestFailed

logger = logging.getLogger(__name__)
NONCE_BYTES = 32
# Whatever a provider answers, it is no failure of ours.
FAILURES = (
    RequestFailed,
    OAuth2Error,
    DiscoveryRefused,
    IdTokenRefused,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)


class Purpose(StrEnum):
    """What somebody goes to a provider for."""

    SIGN_IN = "sign_in"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Returned:
    """Who came back, what they had gone for, as whom (0: nobody), and where they want to go."""

    identity: Identity
    purpose: Purpose
    user_id: int
    target: str


def begin(
    request: HttpRequest,
    provider: IdentityProvider,
    *,
    purpose: Purpose,
    target: str,
    user_id: int = 0,
) -> str:
    """Return the address at the provider to go to; the session remembers how it was begun.

    The address holds the hash of a secret of the session (PKCE, RFC 7636), a state and a nonce.
    Raises IdentityProviderFailed.
    """
    nonce = secrets.token_urlsafe(NONCE_BYTES)
    kept = {"purpose": purpose, "user_id": user_id, "nonce": nonce}
    with request_context(request), _explained(provider):
        protocol = protocol_of(provider, request)
        answer = protocol.redirect(
            request,
            AuthProcess.LOGIN,
            next_url=target,
            data=kept,
            auth_params={"nonce": nonce} if protocol.takes_nonce else {},
        )
        return str(answer.url)


def finish(request: HttpRequest, provider: IdentityProvider) -> Returned:
    """Return who came back from the provider with `request`.

    The state is used up, whatever comes of it. Raises SignInNotBegun, SignInCancelled,
    IdentityProviderFailed.
    """
    with request_context(request), _explained(provider):
        return _Callback(protocol_of(provider, request)).returned()


class _Callback(OAuth2CallbackView):  # type: ignore[misc]
    """allauth's half of the way back; it stops where allauth would sign somebody in."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.adapter = protocol.adapter
        self.request = protocol.request

    def returned(self) -> Returned:
        """Take the state, exchange the code, and return who it is."""
        state = self._take_state()
        kept = state["data"]
        self.protocol.check_answer(self.request.GET.dict())
        if "error" in self.request.GET or not self.request.GET.get("code"):
            raise SignInCancelled(self.protocol.row)
        answer = self.adapter.get_access_token_data(
            self.request,
            self.protocol.app,
            self.adapter.get_client(self.request, self.protocol.app),
            pkce_code_verifier=state["pkce_code_verifier"],
        )
        identity = self.protocol.identity(answer, kept["nonce"])
        return Returned(identity, Purpose(kept["purpose"]), kept["user_id"], state["next"])

    def _take_state(self) -> dict[str, Any]:
        """Return what the session remembers of the way there, and let it forget that.

        Of two answers with one state, the second waits for the row and then finds nothing. Raises
        SignInNotBegun.
        """
        store = store_of(self.request)
        with transaction.atomic():
            if store.row is not None:
                Session.objects.select_for_update().filter(pk=store.row.pk).first()
                self.request.session = type(store)(store.session_key)
            state, _ = self._get_state(self.request, self.protocol)
        return dict(state)


@contextmanager
def _explained(provider: IdentityProvider) -> Iterator[None]:
    """Turn what a provider does wrong into an error of ours, and log which check failed."""
    try:
        yield
    except FAILURES as error:
        # The text of other errors may hold what the provider answered, tokens among it.
        own = isinstance(error, IdTokenRefused | DiscoveryRefused)
        reason = str(error) if own else type(error).__name__
        logger.warning("Sign-in by provider %s failed: %s", provider.pk, reason)
        raise IdentityProviderFailed(provider, reason) from None
