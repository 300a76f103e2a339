"""How each kind of provider is spoken to: allauth's classes, with what they leave out."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from allauth.socialaccount.providers.github.provider import GitHubProvider
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import IdentityProvider
from accounts.services.linked_accounts import Identity
from accounts.sso import claims, discovery, id_tokens
from accounts.sso.allauth_adapter import app_of
from restai_site.lib.egress.requests_session import Session, json_object

SCOPES = ("openid", "profile", "email")


def callback_url(provider: IdentityProvider) -> str:
    """Return the address that the provider sends people back to."""
    return settings.PUBLIC_URL + reverse("accounts:sso_callback", args=[provider.slug])


def protocol_of(row: IdentityProvider, request: HttpRequest) -> Any:
    """Return what speaks to the provider `row` for one sign-in."""
    kinds = {IdentityProvider.Kind.GITHUB: GitHub}
    return kinds.get(IdentityProvider.Kind(row.kind), OpenIDConnect)(row, request)


class _OpenIDConnectAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Asks at the addresses of a discovery document that has been checked."""

    def __init__(self, protocol: "OpenIDConnect") -> None:
        super().__init__(protocol.request, protocol.row.slug)
        self._protocol = protocol

    def get_provider(self) -> Any:
        """Return what this speaks for."""
        return self._protocol

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """The discovery document. Raises RequestFailed, DiscoveryRefused."""
        return discovered(self._protocol.row)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return our address, whatever host name was asked."""
        return callback_url(self._protocol.row)


class OpenIDConnect(OpenIDConnectProvider):  # type: ignore[misc]
    """Google, Microsoft, and every other provider that speaks OpenID Connect."""

    pkce_enabled_default = True
    takes_nonce = True

    def __init__(self, row: IdentityProvider, request: HttpRequest) -> None:
        super().__init__(request, app=app_of(row))
        self.row = row
        self.adapter = _OpenIDConnectAdapter(self)

    def get_oauth2_adapter(self, request: HttpRequest) -> Any:
        """Return the one that keeps the discovery document."""
        return self.adapter

    def get_scope(self) -> list[str]:
        """Return what is asked for; the scope of the groups only where the provider has it."""
        offered = self.adapter.openid_config.get("scopes_supported")
        wants_groups = isinstance(offered, list) and self.row.groups_claim in offered
        return [*SCOPES, self.row.groups_claim] if wants_groups else list(SCOPES)

    def check_answer(self, answer: Mapping[str, str]) -> None:
        """Refuse an answer that another provider sent (RFC 9207). Raises IdTokenRefused."""
        config = self.adapter.openid_config
        must = config.get("authorization_response_iss_parameter_supported") is True
        if must or "iss" in answer:
            issuer = config["issuer"]
            if answer.get("iss") != issuer and id_tokens.TENANT_PLACE not in issuer:
                raise id_tokens.IdTokenRefused("issuer of the answer")

    def identity(self, answer: Mapping[str, Any], nonce: str) -> Identity:
        """Return whom the answer of the token endpoint speaks of.

        Raises IdTokenRefused, RequestFailed, KeyError, ValueError.
        """
        config = self.adapter.openid_config
        with Session() as session:
            keys = json_object(session.get(config["jwks_uri"]))
        proven = id_tokens.verify(
            answer.get("id_token"),
            keys=keys,
            issuer=config["issuer"],
            client_id=self.app.client_id,
            nonce=nonce,
        )
        said: Mapping[str, Any] = {}
        if "userinfo_endpoint" in config:
            said = self._userinfo(config["userinfo_endpoint"], str(answer["access_token"]))
            if said.get("sub") != proven["sub"]:
                raise id_tokens.IdTokenRefused("sub of userinfo")
        return claims.identity_of(self.row, proven, said)

    def _userinfo(self, address: str, access_token: str) -> Mapping[str, Any]:
        with Session() as session:
            headers = {"Authorization": f"Bearer {access_token}"}
            return json_object(session.get(address, headers=headers))


class _GitHubAdapter(GitHubOAuth2Adapter):  # type: ignore[misc]
    """Asks GitHub, or a server of one's own."""

    def __init__(self, protocol: "GitHub") -> None:
        super().__init__(protocol.request)
        self._protocol = protocol
        web, api = discovery.github_addresses(protocol.row)
        self.access_token_url = f"{web}/login/oauth/access_token"
        self.authorize_url = f"{web}/login/oauth/authorize"
        self.profile_url = f"{api}/user"
        self.emails_url = f"{api}/user/emails"

    def get_provider(self) -> Any:
        """Return what this speaks for."""
        return self._protocol

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return our address, whatever host name was asked."""
        return callback_url(self._protocol.row)


class GitHub(GitHubProvider):  # type: ignore[misc]
    """GitHub: OAuth 2 without an id_token; what it says comes over TLS from its own API."""

    pkce_enabled_default = True
    takes_nonce = False

    def __init__(self, row: IdentityProvider, request: HttpRequest) -> None:
        super().__init__(request, app=app_of(row))
        self.row = row
        self.adapter = _GitHubAdapter(self)

    def get_oauth2_adapter(self, request: HttpRequest) -> Any:
        """Return the one that knows the addresses."""
        return self.adapter

    def check_answer(self, answer: Mapping[str, str]) -> None:
        """Accept: the call-back address is of this provider alone, and it names no issuer."""

    def identity(self, answer: Mapping[str, Any], nonce: str) -> Identity:
        """Return whose access token it is. Raises RequestFailed, KeyError, ValueError."""
        token = self.adapter.parse_token(answer)
        login = self.adapter.complete_login(self.request, self.app, token, response=answer)
        addresses = [one for one in login.email_addresses if one.primary]
        return Identity(
            subject=login.account.uid,
            email=addresses[0].email if addresses else "",
            email_verified=bool(addresses) and addresses[0].verified is True,
            name=str(login.account.extra_data.get("name") or ""),
        )


def discovered(row: IdentityProvider) -> dict[str, Any]:
    """Return the discovery document of `row`. Raises RequestFailed, DiscoveryRefused."""
    with Session() as session:
        document = json_object(session.get(discovery.issuer_of(row) + discovery.WELL_KNOWN))
    return discovery.checked(row, document)
