"""From the claims of an id_token, and what userinfo says, to an Identity."""

from collections.abc import Mapping
from typing import Any

from accounts.models import IdentityProvider
from accounts.services.linked_accounts import Identity

GROUPS_MAX = 2000
GROUP_MAX_LENGTH = 255
# More than one factor, or one that is no password (RFC 8176; "ngcmfa" is Microsoft's).
MFA_WORDS = frozenset({"mfa", "ngcmfa", "otp", "hwk"})


def identity_of(
    provider: IdentityProvider, proven: Mapping[str, Any], said: Mapping[str, Any]
) -> Identity:
    """Return the person of whom `proven`, a verified id_token, speaks.

    `said` is what userinfo answered for the same subject; the token comes first. The address and
    whether it is verified are taken from one and the same place. How the person signed in is
    believed of the token alone.
    """
    source = proven if "email" in proven else said
    return Identity(
        subject=proven["sub"],
        email=_text(source.get("email")),
        email_verified=_is_verified(provider, source, proven),
        name=_text(proven.get("name") or said.get("name")),
        groups=_groups(provider.groups_claim, proven, said),
        amr=frozenset(word for word in _list(proven.get("amr")) if isinstance(word, str)),
    )


def is_mfa(identity: Identity) -> bool:
    """Tell whether the provider says that it has asked for more than a password."""
    return not identity.amr.isdisjoint(MFA_WORDS)


def _is_verified(
    provider: IdentityProvider, source: Mapping[str, Any], proven: Mapping[str, Any]
) -> bool:
    if provider.kind == IdentityProvider.Kind.MICROSOFT:
        # Directories let their people write any address; this optional claim of the token says
        # that the domain of the address belongs to the directory.
        return source is proven and proven.get("xms_edov") in (True, "1", "true")
    return source.get("email_verified") is True


def _groups(claim: str, proven: Mapping[str, Any], said: Mapping[str, Any]) -> frozenset[str]:
    if not claim:
        return frozenset()
    found = _at(claim, proven)
    found = _at(claim, said) if found is None else found
    names = [found] if isinstance(found, str) else _list(found)
    texts = [name for name in names if isinstance(name, str) and len(name) <= GROUP_MAX_LENGTH]
    return frozenset(texts[:GROUPS_MAX])


def _at(claim: str, claims: Mapping[str, Any]) -> Any:
    """Return the claim of this name, or what a path such as `realm_access.roles` leads to."""
    if claim in claims:
        return claims[claim]
    value: Any = claims
    for step in claim.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
