"""Asking for the file of what the platform has about a team, making it, and fetching it."""

from functools import partial

from django.db import transaction

from accounts.models import User
from accounts.personal import files
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Forbidden, NotFound
from teams.data.holdings import holdings
from teams.data.models import TeamExport
from teams.models import Team
from teams.services.rules import locked_team

FOR_PEOPLE = "A team's data is for its admins: sign in as yourself."
README = (
    "What this platform has about the team, one file of JSON for each kind. Secrets and keys are "
    "not in it, nor are people's own conversations: each exports theirs under their account.\n"
)


@transaction.atomic
def ask(team: Team, *, actor: Actor) -> TeamExport:
    """Have the file made in the background; audited. Returns one that is being made already.

    Raises Forbidden, Conflict (too many a day).
    """
    if not actor.is_own_session:
        raise Forbidden(FOR_PEOPLE)
    team = locked_team(team, actor)
    running: TeamExport | None = files.running(TeamExport.objects.filter(team=team))
    if running is not None:
        return running
    by = User.objects.get(pk=actor.own_id)
    made: TeamExport = TeamExport.objects.create(team=team, asked_by=by, total=len(holdings()))
    record(actor, "team.export", team, team_id=team.pk)
    # The tasks import this module.
    from teams.tasks import make_team_export

    enqueue(make_team_export, made.pk)
    return made


@transaction.atomic
def fetch(export: TeamExport, *, actor: Actor) -> bytes:
    """Return the file; audited. Raises NotFound for another team's, or one that is not ready."""
    rows = TeamExport.objects.visible_to(actor).select_related("team")
    row = rows.filter(pk=export.pk).first()
    if row is None or not row.is_ready:
        raise NotFound(files.NOT_READY)
    record(actor, "team.export_fetch", row.team, team_id=row.team_id)
    return bytes(row.content or b"")


def make(export_id: int) -> bool:
    """Make the file; return whether it is there. Delivered again, it is made again."""
    rows = TeamExport.objects.filter(pk=export_id, finished_at=None)
    row = rows.select_related("team").first()
    if row is None:
        return False
    finds = {name: partial(find, row.team) for name, find in holdings().items()}
    return files.make(TeamExport.objects.filter(pk=row.pk), finds, README)
