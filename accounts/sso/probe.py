"""“Test” on the page of a provider: whether it can be reached and used, in words.

Ten times a minute for each administrator. Raises TooManyRequests, and Unavailable where the uses
cannot be counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import IdentityProvider
from accounts.sso import discovery, id_tokens
from accounts.sso.protocols import callback_url, discovered
from restai_site.lib.actor import Actor
from restai_site.lib.egress.requests_session import RequestFailed, Session, json_object
from restai_site.lib.errors import Forbidden
from restai_site.lib.rate_limit import count_test

TEST_GROUP = "accounts.identity_provider"
UNREACHABLE = (
    "cannot be reached, or does not answer in JSON: check the address, its certificate, and that "
    "an internal host is listed under Settings, Network."
)
# An authorization code that no provider has given out: what is said of it tells what is said of us.
NO_CODE = "test-of-the-connection"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether sign-in by the provider can work, and in words what is wrong if not."""

    ok: bool
    message: str


def test_provider(provider: IdentityProvider, *, actor: Actor) -> ProbeResult:
    """Return whether the provider describes itself, has keys, and knows the client."""
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may test identity providers.")
    count_test(TEST_GROUP, actor)
    if provider.kind == IdentityProvider.Kind.GITHUB:
        return _test_github(provider)
    try:
        document = discovered(provider)
    except RequestFailed:
        return ProbeResult(ok=False, message=f"{discovery.issuer_of(provider)} {UNREACHABLE}")
    except discovery.DiscoveryRefused as error:
        return ProbeResult(ok=False, message=str(error))
    return _test_described(provider, document)


def _test_described(provider: IdentityProvider, document: Mapping[str, Any]) -> ProbeResult:
    try:
        with Session() as session:
            keys = json_object(session.get(document["jwks_uri"]))
    except RequestFailed:
        return ProbeResult(
            ok=False, message=f"The provider's keys: {document['jwks_uri']} {UNREACHABLE}"
        )
    count = id_tokens.usable_keys(keys)
    if not count:
        return ProbeResult(
            ok=False, message="The provider has no key that id_tokens can be verified by."
        )
    refusal = _client_refused(provider, document)
    if refusal:
        return ProbeResult(ok=False, message=refusal)
    words = "one key" if count == 1 else f"{count} keys"
    return ProbeResult(
        ok=True, message=f"The provider describes itself, has {words}, and knows the client."
    )


def _client_refused(provider: IdentityProvider, document: Mapping[str, Any]) -> str:
    """Return what is wrong with the client id or secret, or nothing."""
    data = {
        "grant_type": "authorization_code",
        "code": NO_CODE,
        "redirect_uri": callback_url(provider),
    }
    credentials = (provider.client_id, provider.client_secret)
    methods = document.get("token_endpoint_auth_methods_supported", [])
    by_header = "client_secret_post" not in methods and "client_secret_basic" in methods
    if not by_header:
        data |= {"client_id": credentials[0], "client_secret": credentials[1]}
    try:
        with Session() as session:
            answer = session.post(
                document["token_endpoint"], data=data, auth=credentials if by_header else None
            )
            error = answer.json().get("error")
    except (RequestFailed, AttributeError):
        return f"The provider's tokens: {document['token_endpoint']} {UNREACHABLE}"
    if error in {"invalid_client", "unauthorized_client"}:
        return "The provider refuses the client id or the client secret."
    return ""


def _test_github(provider: IdentityProvider) -> ProbeResult:
    web, api = discovery.github_addresses(provider)
    try:
        with Session() as session:
            json_object(session.get(f"{api}/"))
    except RequestFailed:
        return ProbeResult(ok=False, message=f"{api} {UNREACHABLE}")
    return ProbeResult(
        ok=True, message=f"{web} answers. The client id and secret are tried at the first sign-in."
    )
