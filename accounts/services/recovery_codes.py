"""Recovery codes: each replaces a lost second factor once."""

import re
import secrets
from string import ascii_lowercase, digits

from django.db import transaction
from django.utils import timezone

from accounts.models import RecoveryCode, User
from accounts.services.factors import Proof, lock_own
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict

CODES = 10
# 32 characters without those that are mistaken for another: 5 bits each, 80 in a code. So even
# with the pepper nobody finds a code by trying.
ALPHABET = sorted({*ascii_lowercase, *digits} - {*"lo01"})
GROUPS = 4
GROUP_LENGTH = 4
SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")


def make_codes(user: User) -> list[str]:
    """Replace the codes of the locked `user` and return the new ones, which are not stored."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = [_new_code() for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=_digest(user, code)) for code in codes
    )
    return codes


@transaction.atomic
def new_recovery_codes(user: User, *, proof: Proof, actor: Actor) -> list[str]:
    """Return ten new codes; the old ones stop working.

    Raises Forbidden, ConfirmationRequired, Conflict where there is no factor to recover from.
    """
    user = lock_own(user, actor)
    proof.require_one(user)
    if user.second_factor_since is None:
        raise Conflict("Recovery codes come with a second factor: set one up first.")
    codes = make_codes(user)
    record(actor, "recovery_codes.renew", user, changes={"codes": len(codes)})
    return codes


@transaction.atomic
def use_recovery_code(user: User, code: str, *, actor: Actor) -> bool:
    """Spend `code`, however it is spelled; of parallel uses of one code exactly one succeeds."""
    open_codes = RecoveryCode.objects.filter(user=user, used_at__isnull=True)
    found = open_codes.filter(digest=_digest(user, code)).first()
    # Whoever finds it at the same time finds it used when they update.
    if found is None or not open_codes.filter(pk=found.pk).update(used_at=timezone.now()):
        return False
    record(actor, "recovery_code.use", user, changes={"left": open_codes.count()})
    return True


def codes_left(user: User) -> int:
    """Return how many codes of the user still work."""
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()


def _new_code() -> str:
    groups = range(GROUPS)
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in groups)


def _digest(user: User, code: str) -> str:
    return keyed_digest(f"recovery code of {user.pk}: {SEPARATORS.sub('', code).lower()}")
