"""What the security posture asks of teams."""

from django.db.models import Exists, OuterRef

from restai_site.lib.posture import Area, Finding, State, check, failed, good, listed, page, words
from teams.models import Membership, Team


@check("teams-without-admin", "Teams without an admin", Area.ACCOUNTS, State.WARNING)
def teams_without_admin() -> Finding:
    admins = Membership.objects.filter(
        team=OuterRef("pk"), role=Membership.Role.ADMIN, user__is_active=True
    )
    found = listed(Team.objects.filter(~Exists(admins)), "teams:members", name="name")
    if not found.total:
        return good("Every team has an active admin.")
    reason = words(
        found.total,
        "One team has no active admin: nobody in it decides who belongs to it.",
        "{} teams have no active admin: nobody in them decides who belongs to them.",
    )
    return failed(reason, page("Open teams", "teams:list"), found=found)
