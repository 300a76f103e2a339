"""What the teams themselves have about a team."""

from collections.abc import Iterator

from audit.models import Entry
from audit.sections import AuditSection
from restai_site.lib.configuration import current
from teams.data.holdings import Held, holds
from teams.models import Branding, Invitation, Membership, Team
from teams.services.teams import GRANT_FIELDS

TEAM = ("id", "name", "slug", "time_zone", "created_at")
BRANDING = ("app_name", "welcome_message", "primary", "secondary", "updated_at")
INVITATION = ("email", "role", "state", "created_at", "expires_at", "answered_at")
ENTRY = (
    *("id", "created_at", "actor_email", "action", "target_type", "target_id", "target_name"),
    *("status", "changes"),
)


@holds("team")
def team(of: Team) -> Iterator[Held]:
    """The team, and what it may use."""
    granted = {kind: sorted(m.name for m in getattr(of, kind).all()) for kind in GRANT_FIELDS}
    yield {name: getattr(of, name) for name in TEAM} | granted
    yield from Branding.objects.filter(team=of).values(*BRANDING)


@holds("members")
def members(of: Team) -> Iterator[Held]:
    """Who belongs to it."""
    for row in Membership.objects.filter(team=of).select_related("user").order_by("pk"):
        person = {"email": row.user.email, "name": row.user.name}
        yield person | {"role": row.role, "since": row.created_at}


@holds("invitations")
def invitations(of: Team) -> Iterator[Held]:
    """Who was invited to it."""
    yield from Invitation.objects.filter(team=of).order_by("pk").values(*INVITATION)


@holds("audit")
def audit(of: Team) -> Iterator[Held]:
    """What was done in it, where the platform lets team admins read that."""
    if current(AuditSection).team_admins_read:
        found = Entry.objects.filter(team_id=of.pk).acts()
        yield from found.order_by("pk").values(*ENTRY).iterator()
