"""Time-based one-time codes (TOTP, RFC 6238) from an authenticator app."""

import secrets
from base64 import b32decode, b32encode
from urllib.parse import quote, urlencode

from django.db import transaction
from django_otp.oath import TOTP

from accounts.models import TotpDevice, User
from accounts.services.factors import (
    Proof,
    lock_own,
    note_added,
    note_removed,
    require_removable,
)
from accounts.services.recovery_codes import make_codes
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Invalid

# RFC 4226, section 4, R6: 160 bits are recommended.
SECRET_BYTES = 20
STEP_SECONDS = 30
DIGITS = 6
# Clocks may differ by this many steps either way (RFC 6238, section 5.2).
STEPS_OF_TOLERANCE = 1
ISSUER = "RESTai"
APP = "An authenticator app"
WRONG_CODE = "The code is not right, or was used before: wait for the next one."


@transaction.atomic
def begin_totp(user: User, *, proof: Proof, actor: Actor) -> TotpDevice:
    """Return a new app for the actor's own account; its secret is shown once and works after
    `confirm_totp`. One that was not confirmed is replaced.

    Raises Forbidden, ConfirmationRequired.
    """
    user = lock_own(user, actor)
    proof.require_any(user)
    TotpDevice.objects.filter(user=user, confirmed=False).delete()
    secret = b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    device: TotpDevice = TotpDevice.objects.create(user=user, secret=secret)
    record(actor, "totp.begin", user)
    return device


@transaction.atomic
def confirm_totp(user: User, *, code: str, actor: Actor) -> list[str]:
    """Turn on the app that is being set up; an older one is replaced by it.

    Returns ten recovery codes where this is the first factor, else nothing. Raises Forbidden,
    Conflict where no app is being set up, Invalid where the code is wrong.
    """
    user = lock_own(user, actor)
    device = TotpDevice.objects.filter(user=user, confirmed=False).first()
    if device is None:
        raise Conflict("No app is being set up: begin again.")
    step = _step_of(device, code)
    if step is None:
        raise Invalid(WRONG_CODE, fields={"code": [WRONG_CODE]})
    TotpDevice.objects.filter(user=user, confirmed=True).delete()
    device.confirmed = True
    device.last_step = step
    device.save(update_fields=["confirmed", "last_step"])
    record(actor, "totp.enable", user)
    return make_codes(user) if note_added(user, APP, actor=actor) else []


def verify_totp(user: User, code: str) -> bool:
    """Take a code of the user's app; each code works once, also when two requests bring it."""
    device = TotpDevice.objects.filter(user=user, confirmed=True).first()
    step = _step_of(device, code) if device else None
    if device is None or step is None:
        return False
    # Of two requests with one code the second finds the step already taken.
    unused = TotpDevice.objects.filter(pk=device.pk, confirmed=True, last_step__lt=step)
    return unused.update(last_step=step) == 1


@transaction.atomic
def remove_totp(user: User, *, proof: Proof, actor: Actor) -> None:
    """Turn off the user's app, and drop one that is being set up.

    Raises Forbidden, ConfirmationRequired, Conflict where there is none or it must stay.
    """
    user = lock_own(user, actor)
    proof.require_all(user)
    if not TotpDevice.objects.filter(user=user, confirmed=True).exists():
        raise Conflict("You have no authenticator app.")
    require_removable(user, totp=True)
    TotpDevice.objects.filter(user=user).delete()
    record(actor, "totp.disable", user)
    note_removed(user, APP, actor=actor)


def otpauth_uri(device: TotpDevice) -> str:
    """Return the address that authenticator apps read from a QR code; it holds the secret."""
    label = quote(f"{ISSUER}:{device.user.email}")
    query = {
        "secret": device.secret,
        "issuer": ISSUER,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    }
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def _step_of(device: TotpDevice, code: str) -> int | None:
    """Return the time step that `code` is of, if it may still be used."""
    code = "".join(code.split())
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    totp = TOTP(b32decode(device.secret), step=STEP_SECONDS, digits=DIGITS)
    unused = device.last_step + 1
    if not totp.verify(int(code), tolerance=STEPS_OF_TOLERANCE, min_t=unused):
        return None
    return int(totp.t())
