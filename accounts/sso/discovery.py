"""Where a provider says that it is to be asked (OpenID Connect Discovery 1.0)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from accounts.models import IdentityProvider
from accounts.sso.id_tokens import TENANT_PLACE
from restai_site.lib.egress import check_url
from restai_site.lib.errors import DomainError

GOOGLE = "https://accounts.google.com"
MICROSOFT = "https://login.microsoftonline.com"
GITHUB, GITHUB_API = "https://github.com", "https://api.github.com"
WELL_KNOWN = "/.well-known/openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
SEVERAL_TENANTS = frozenset({"common", "organizations", "consumers"})
Kind = IdentityProvider.Kind


class DiscoveryRefused(Exception):
    """The document cannot be used; the text says why, in words for administrators."""


def issuer_of(provider: IdentityProvider) -> str:
    """Return the address under which `provider` describes itself."""
    if provider.kind == Kind.MICROSOFT:
        return f"{provider.server_url or MICROSOFT}/{provider.tenant}/v2.0"
    return provider.server_url or GOOGLE


def github_addresses(provider: IdentityProvider) -> tuple[str, str]:
    """Return where GitHub, or a GitHub Enterprise Server, has its pages and its API."""
    if provider.server_url:
        return provider.server_url, f"{provider.server_url}/api/v3"
    return GITHUB, GITHUB_API


def checked(provider: IdentityProvider, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a discovery document that speaks for `provider`. Raises DiscoveryRefused."""
    issuer, asked = document.get("issuer"), issuer_of(provider)
    expected = {asked, f"{asked}/"}
    if provider.kind == Kind.MICROSOFT and provider.tenant in SEVERAL_TENANTS:
        expected = {f"{asked.removesuffix(f'/{provider.tenant}/v2.0')}/{TENANT_PLACE}/v2.0"}
    if issuer not in expected:
        raise DiscoveryRefused("The provider calls itself by another address than was entered.")
    for name in (*NEEDED, "userinfo_endpoint"):
        address = document.get(name)
        if address is None and name not in NEEDED:
            continue
        _check_endpoint(name, address, asked)
    return dict(document)


def _check_endpoint(name: str, address: object, issuer: str) -> None:
    try:
        checked_address = check_url(address) if isinstance(address, str) else ""
    except DomainError:
        checked_address = ""
    if not checked_address:
        raise DiscoveryRefused(f"The provider names no usable {name}.")
    if urlsplit(issuer).scheme == "https" and urlsplit(checked_address).scheme != "https":
        raise DiscoveryRefused(f"The provider names a {name} without TLS.")
