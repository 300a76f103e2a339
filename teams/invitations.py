"""What all kinds of invitations share. Teams and projects call this inside of their services.

The token of a link is made by the task that mails it. It opens nothing by itself: it shows the
invitation, which only the person with the invited address answers. Where the settings allow it,
it also proves that whoever makes an account for that address reads its mail.
"""

import re
import secrets
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import mails, policy
from accounts.models import User, normal_email
from accounts.services.links import TOKEN_BYTES
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound
from restai_site.lib.rate_limit import count_use
from teams.models import (
    INVITATION_LIFETIME,
    AbstractInvitation,
    Invitation,
    Team,
    invitation_ends_at,
)
from teams.sections import TeamsSection

# By one person, to all teams and projects together: each sends a mail to somebody.
RATE = "50/h"
# How somebody acts who has just made an account by the link.
NEWCOMER = "invitation"
GONE = "This invitation has been answered or withdrawn, or has expired."
SENT_ALREADY = "This address is invited already: send that invitation again, or withdraw it."
ANSWERED = "This invitation has been answered or withdrawn: invite the person anew."
NAME_IN_MAILS_MAX = 60
# What programs that show mails make links of.
LIKE_AN_ADDRESS = re.compile(r"\w[.:/@]\w|//")
State = AbstractInvitation.State
InvitationT = TypeVar("InvitationT", bound=AbstractInvitation)


def count_invitation(actor: Actor) -> None:
    """Count an invitation that `actor` sends. Raises Forbidden, TooManyRequests, Unavailable."""
    if actor.user_id is None:
        raise Forbidden("Invitations are sent by people.")
    count_use("invitations", f"user:{actor.user_id}", rate=RATE)


def normal_address(email: str) -> str:
    """Return the spelling in which an address is kept. Raises Invalid."""
    address = normal_email(email)
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("Enter an e-mail address.", fields={"email": error.messages}) from None
    return address


def send_out(invitation: InvitationT, *, places: QuerySet[Any], actor: Actor) -> InvitationT:
    """Keep a new invitation and have it mailed; `places` are the invitations to the same place.

    Raises Conflict where the address has one that is pending.
    """
    invitation.email = normal_address(invitation.email)
    invitation.invited_by_id = actor.user_id
    invitation.sent_in_person = actor.is_own_session
    same = places.filter(email=invitation.email, state=State.PENDING)
    before: AbstractInvitation | None = same.select_for_update(of=("self",)).first()
    if before is not None and before.is_open:
        raise Conflict(SENT_ALREADY, fields={"email": [SENT_ALREADY]})
    if before is not None:
        close(before, State.REVOKED)
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError:
        raise Conflict(SENT_ALREADY, fields={"email": [SENT_ALREADY]}) from None
    return invitation


def renew(invitation: AbstractInvitation, *, actor: Actor) -> None:
    """Let a pending invitation, which is locked, hold anew, as sent by `actor`. Raises Conflict."""
    _require_pending(invitation)
    invitation.invited_by_id = actor.user_id
    invitation.sent_in_person = actor.is_own_session
    invitation.expires_at = invitation_ends_at()
    invitation.digest = None
    invitation.save(update_fields=["invited_by", "sent_in_person", "expires_at", "digest"])


def revoke(invitation: AbstractInvitation) -> None:
    """Withdraw a pending invitation, which is locked. Raises Conflict."""
    _require_pending(invitation)
    close(invitation, State.REVOKED)


def close(invitation: AbstractInvitation, state: str) -> None:
    """Set the last state of an invitation that is locked; its link opens nothing any more."""
    invitation.state, invitation.digest = state, None
    invitation.answered_at = timezone.now()
    invitation.save(update_fields=["state", "digest", "answered_at"])


def withdraw_pending(rows: QuerySet[Any]) -> int:
    """Withdraw those of `rows` that are pending, in one statement; return their number."""
    pending = rows.filter(state=State.PENDING)
    return pending.update(state=State.REVOKED, digest=None, answered_at=timezone.now())


def forget_addresses(sender: object, *, addresses: frozenset[str], **_: Any) -> None:
    """Forget the invitations of somebody who is erased."""
    Invitation.objects.filter(email__in=addresses).delete()


def take(rows: Any, invitation: InvitationT, *, actor: Actor) -> InvitationT:
    """Lock an invitation that the actor answers. Of parallel answers one gets it.

    `rows` is the queryset of its kind. Raises Forbidden for keys and impersonators, NotFound where
    it does not hold (any more) or is somebody else's.
    """
    if not actor.is_own_session and actor.credential != NEWCOMER:
        raise Forbidden("Invitations are answered by people who are signed in as themselves.")
    mine = rows.addressed_to(actor).select_for_update(of=("self",))
    found: InvitationT | None = mine.filter(pk=invitation.pk).first()
    if found is None:
        raise NotFound(GONE)
    return found


def account_may_be_made(invitation: AbstractInvitation) -> bool:
    """Tell whether the person who was invited may make an account by the link."""
    return (
        current(TeamsSection).invite_without_account
        and invitation.sent_in_person
        and policy.local_sign_in_open(None)
        and not User.objects.filter(email=invitation.email).exists()
    )


def mail_invitation(rows: Any, invitation_id: int) -> None:
    """Mail an invitation that still holds, with a new link; for the tasks alone.

    Raises MailFailed, Unavailable.
    """
    if not mails.mail_is_set_up():
        return
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        holding = rows.holding().select_for_update(of=("self",))
        invitation: AbstractInvitation | None = holding.filter(pk=invitation_id).first()
        if invitation is None:
            return
        invitation.digest = keyed_digest(token)
        invitation.save(update_fields=["digest"])
    inviter = invitation.invited_by
    mails.send(
        "invitation",
        invitation.email,
        folder="teams",
        link=f"{settings.PUBLIC_URL}/invitations/{token}",
        inviter=name_in_mail(inviter.display_name if inviter else "", "Somebody"),
        called=name_in_mail(invitation.place, ""),
        kind=invitation.kind,
        days=INVITATION_LIFETIME.days,
    )


def name_in_mail(name: str, otherwise: str) -> str:
    """Return a name as a mail to a stranger may hold it.

    Whoever names a team or themselves would else write to anybody in our name: what could become a
    link is left out.
    """
    words = " ".join(name.split())
    usable = words.isprintable() and not LIKE_AN_ADDRESS.search(words)
    return words[:NAME_IN_MAILS_MAX] if usable and words else otherwise


def locked_team_of(team_id: int) -> Team:
    """Return the team, locked: whoever enters or leaves it does so one after the other."""
    return Team.objects.select_for_update().get(pk=team_id)


def _require_pending(invitation: AbstractInvitation) -> None:
    if invitation.state != State.PENDING:
        raise Conflict(ANSWERED)
