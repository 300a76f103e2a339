"""Passkeys (WebAuthn, level 2): as a second factor, and as a way to sign in by itself."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import Passkey, User
from accounts.services.factors import (
    Proof,
    lock_own,
    note_added,
    note_removed,
    require_removable,
)
from accounts.services.recovery_codes import make_codes
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict, Invalid, NotFound

logger = logging.getLogger(__name__)
PLATFORM = "RESTai"
PASSKEYS_MAX = 20
# How long a person may take at the dialog of their browser.
CHALLENGE_SECONDS = 300
# ES256, EdDSA, RS256: what WebAuthn recommends for all authenticators to be served.
ALGORITHMS = frozenset({-7, -8, -257})
REFUSED = "This passkey was not accepted: try again."
# What the library raises for an answer that is none.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
Options = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose passkey has answered, and whether its owner was verified by a PIN, face or finger."""

    user: User
    passkey: Passkey
    user_was_verified: bool


def passkeys_available() -> bool:
    """Tell whether browsers offer passkeys at PUBLIC_URL: by https under a name, or localhost."""
    public = urlsplit(settings.PUBLIC_URL)
    host = public.hostname or ""
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return public.scheme == "https"
    return False


def begin_registration(user: User) -> tuple[Options, State]:
    """Return the options for `navigator.credentials.create`, and what `add_passkey` asks for."""
    _require_available()
    entity = PublicKeyCredentialUserEntity(
        id=_handle(user), name=user.email, display_name=user.display_name
    )
    options, state = _server().register_begin(
        entity,
        _descriptors(user),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options.public_key), dict(state)


@transaction.atomic
def add_passkey(
    user: User,
    *,
    name: str,
    credential: Mapping[str, Any],
    state: State | None,
    proof: Proof,
    actor: Actor,
) -> tuple[Passkey, list[str]]:
    """Keep the passkey that has answered the challenge in `state`, for the actor's own account.

    Returns it, and ten recovery codes where it is the first factor. Raises Forbidden,
    ConfirmationRequired, Invalid for an answer that does not hold, Conflict for one passkey twice
    or too many.
    """
    user = lock_own(user, actor)
    proof.require_any(user)
    if Passkey.objects.filter(user=user).count() >= PASSKEYS_MAX:
        raise Conflict(f"An account has at most {PASSKEYS_MAX} passkeys: remove one first.")
    passkey = _registered(user, name, credential, state)
    try:
        with transaction.atomic():
            passkey.save()
    except IntegrityError:
        raise Conflict("This passkey is registered already.") from None
    record(actor, "passkey.create", passkey, changes={"name": name})
    codes = make_codes(user) if note_added(user, f"The passkey “{name}”", actor=actor) else []
    return passkey, codes


@transaction.atomic
def rename_passkey(passkey: Passkey, *, name: str, actor: Actor) -> Passkey:
    """Give a passkey of the actor another name. Raises NotFound."""
    passkey = _lock(passkey, actor)
    changes = changes_of(passkey, {"name": name})
    if changes:
        passkey.name = name
        passkey.save(update_fields=["name"])
        record(actor, "passkey.rename", passkey, changes=changes)
    return passkey


@transaction.atomic
def remove_passkey(passkey: Passkey, *, proof: Proof, actor: Actor) -> None:
    """Remove a passkey of the actor.

    Raises Forbidden, NotFound, ConfirmationRequired, Conflict where it is the last factor and
    must stay.
    """
    user = lock_own(passkey.user, actor)
    passkey = _lock(passkey, actor)
    proof.require_all(user)
    require_removable(user, passkey=passkey)
    record(actor, "passkey.delete", passkey)
    passkey.delete()
    note_removed(user, f"The passkey “{passkey.name}”", actor=actor)


def begin_authentication(user: User | None) -> tuple[Options, State]:
    """Return the options for `navigator.credentials.get`, and what `verify_passkey` asks for.

    With a `user`, theirs are asked for as a second factor; with None any passkey may answer, and
    its owner must be verified by it.
    """
    _require_available()
    required = UserVerificationRequirement.REQUIRED
    options, state = _server().authenticate_begin(
        _descriptors(user) if user else None,
        user_verification=UserVerificationRequirement.PREFERRED if user else required,
    )
    return dict(options.public_key), dict(state)


def verify_passkey(
    credential: Mapping[str, Any], *, state: State | None, user: User | None, actor: Actor
) -> Verified:
    """Return whose passkey has answered the challenge in `state`, which must be of `user` if given.

    Raises Invalid for an answer that does not hold, among them one whose counter went back: such a
    passkey was copied.
    """
    try:
        answer = AuthenticationResponse.from_dict(credential)
        passkey = _answering(answer, user)
        _server().authenticate_complete(_required(state), [_known(passkey)], answer)
        verified = answer.response.authenticator_data.is_user_verified()
    except MALFORMED:
        raise Invalid(REFUSED) from None
    if not _count(passkey, answer.response.authenticator_data):
        _note_copy(passkey, actor)
        raise Invalid(REFUSED)
    return Verified(passkey.user, passkey, verified)


def _require_available() -> None:
    if not passkeys_available():
        raise Conflict(
            "Passkeys need an https address under a domain name: an administrator sets PUBLIC_URL."
        )


def _server() -> Fido2Server:
    public = urlsplit(settings.PUBLIC_URL)
    own_origin = f"{public.scheme}://{public.netloc}".lower()
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=PLATFORM, id=public.hostname),
        AttestationConveyancePreference.NONE,
        # This very origin: not a sub-domain, which somebody else may serve.
        verify_origin=partial(_is_origin, own_origin),
    )
    server.timeout = CHALLENGE_SECONDS * 1000  # type: ignore[assignment]
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in ALGORITHMS]
    return server


def _is_origin(own: str, origin: str) -> bool:
    return origin == own


def _handle(user: User) -> bytes:
    """Return what the user is called inside passkeys: it tells nobody who that is."""
    return bytes.fromhex(keyed_digest(f"passkeys of user {user.pk}"))


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY,
            id=websafe_decode(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports],
        )
        for passkey in Passkey.objects.filter(user=user)
    ]


def _required(state: State | None) -> State:
    if state is None:
        raise ValueError("The challenge was used, or its time is over.")
    return state


def _registered(
    user: User, name: str, credential: Mapping[str, Any], state: State | None
) -> Passkey:
    try:
        answer = RegistrationResponse.from_dict(credential)
        data = _server().register_complete(_required(state), answer)
        made = data.credential_data
        if made is None or made.public_key.get(3) not in ALGORITHMS:
            raise ValueError("The key is of a kind that was not asked for.")
    except MALFORMED:
        raise Invalid("The browser's answer does not hold: try again.") from None
    return Passkey(
        user=user,
        name=name,
        credential_id=websafe_encode(made.credential_id),
        public_key=cbor.encode(made.public_key),
        sign_count=data.counter,
        transports=_transports(credential),
        aaguid=UUID(bytes=bytes(made.aaguid)) if made.aaguid else None,
        backed_up=data.is_backed_up(),
    )


def _transports(credential: Mapping[str, Any]) -> list[str]:
    """Return how the browser says the authenticator is reached; names nobody knows are left out."""
    known = {one.value for one in AuthenticatorTransport}
    said = credential.get("response", {}).get("transports") or []
    return sorted(known & {name for name in said if isinstance(name, str)})


def _answering(answer: AuthenticationResponse, user: User | None) -> Passkey:
    found = Passkey.objects.select_related("user").filter(
        credential_id=websafe_encode(answer.raw_id)
    )
    passkey: Passkey | None = found.filter(user=user).first() if user else found.first()
    if passkey is None:
        raise ValueError("Nobody has registered this passkey.")
    handle = answer.response.user_handle
    if (handle or user is None) and handle != _handle(passkey.user):
        raise ValueError("The passkey says that it is somebody else's.")
    return passkey


def _known(passkey: Passkey) -> AttestedCredentialData:
    aaguid = passkey.aaguid.bytes if passkey.aaguid else bytes(Aaguid.NONE)
    key = CoseKey.parse(cbor.decode(bytes(passkey.public_key)))  # type: ignore[arg-type]
    return AttestedCredentialData.create(aaguid, websafe_decode(passkey.credential_id), key)


def _count(passkey: Passkey, data: AuthenticatorData) -> bool:
    """Move the counter forward; return whether it went forward, or is not kept by the passkey."""
    forward = Q(sign_count__lt=data.counter)
    if data.counter == 0:
        forward = Q(sign_count=0)
    rows = Passkey.objects.filter(forward, pk=passkey.pk)
    now = timezone.now()
    return (
        rows.update(sign_count=data.counter, last_used_at=now, backed_up=data.is_backed_up()) == 1
    )


@transaction.atomic
def _note_copy(passkey: Passkey, actor: Actor) -> None:
    logger.warning("The counter of passkey %s went back: it was copied.", passkey.pk)
    record(actor, "passkey.copy_refused", passkey, status=403)


def _lock(passkey: Passkey, actor: Actor) -> Passkey:
    rows = Passkey.objects.editable_by(actor).select_for_update(of=("self",))
    found: Passkey | None = rows.filter(pk=passkey.pk).first()
    if found is None:
        raise NotFound("There is no such passkey, or you may not see it.")
    return found
