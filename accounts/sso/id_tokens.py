"""Verifying an id_token (OpenID Connect Core 1.0, section 3.1.3.7), wherever it came from."""

import re
from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import Any

import jwt

# Signatures by a key pair. Never "none", and no HMAC: then the public key could pass for a secret.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
# By how much the clocks may differ.
LEEWAY_SECONDS = 60
TENANT_PLACE = "{tenantid}"
TENANT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class IdTokenRefused(Exception):
    """The token does not hold; the text says which check failed, and nothing of the token."""


def verify(
    token: object, *, keys: Mapping[str, Any], issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of `token` when it was signed by one of `keys` for us and this sign-in.

    `keys` is a JWK set, `issuer` what the discovery document names. Raises IdTokenRefused.
    """
    if not isinstance(token, str):
        raise IdTokenRefused("no id_token")
    claims = _signed(token, keys, client_id)
    _check_issuer(claims, issuer)
    _check_audience(claims, client_id)
    if not nonce or not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise IdTokenRefused("nonce")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise IdTokenRefused("sub")
    return claims


def usable_keys(keys: Mapping[str, Any]) -> int:
    """Return how many keys of a JWK set can verify a signature here."""
    found = [key for alg in ALGORITHMS for key in _candidates(keys, {"alg": alg})]
    return len({id(key) for key in found})


def _signed(token: str, keys: Mapping[str, Any], client_id: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise IdTokenRefused("form") from None
    if header.get("alg") not in ALGORITHMS:
        raise IdTokenRefused("algorithm")
    reason = "key"
    for key in _candidates(keys, header):
        try:
            return jwt.decode(
                token,
                jwt.PyJWK(key, algorithm=header["alg"]).key,
                algorithms=[header["alg"]],
                audience=client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED},
            )
        except (jwt.InvalidTokenError, jwt.PyJWKError, TypeError, ValueError) as error:
            reason = type(error).__name__
    raise IdTokenRefused(reason)


def _candidates(keys: Mapping[str, Any], header: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the keys that may have signed: those of the token's kid, or all where it names none."""
    listed = keys.get("keys")
    family = {"R": "RSA", "P": "RSA", "E": "EC"}[header["alg"][0]]
    kinds = {"OKP"} if header["alg"] == "EdDSA" else {family}
    for key in listed if isinstance(listed, list) else ():
        if (
            isinstance(key, dict)
            and key.get("kty") in kinds
            and key.get("use", "sig") == "sig"
            and key.get("alg", header["alg"]) == header["alg"]
            and ("kid" not in header or key.get("kid") == header["kid"])
        ):
            yield key


def _check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    if TENANT_PLACE in issuer:
        # Microsoft, for accounts of several directories: each token names its own.
        tenant = str(claims.get("tid", ""))
        if not TENANT_ID.fullmatch(tenant):
            raise IdTokenRefused("issuer")
        issuer = issuer.replace(TENANT_PLACE, tenant)
    if claims["iss"] != issuer:
        raise IdTokenRefused("issuer")


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    """Refuse a token that is for others too, unless it was issued to us."""
    audience = claims["aud"]
    is_for_us_alone = audience in (client_id, [client_id])
    if claims.get("azp", client_id if is_for_us_alone else None) != client_id:
        raise IdTokenRefused("authorized party")
