"""Which projects may guard which others. `guards.plans` asks again each time one is to judge."""

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from guards.models import GuardBinding, PlatformGuard
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid

# Of pg_advisory_xact_lock: whoever binds guards does so one after the other, so that no two make a
# loop between them. The number is this use's alone.
GRAPH_LOCK = 7_203_001
# The same words for a project that is not there and for one of another team.
NOT_A_GUARD = "Choose a project of the same team, or a guard that the platform offers."
ITSELF = "A project cannot guard itself."
LOOP = "This project is itself guarded by it, by itself or through others: guards form no circle."
NOT_GRANTED = "The guard's model is switched off or no longer granted to its team."
NOT_OFFERED = "What guards everybody is a guard that the platform offers, or a detector."


def offered() -> QuerySet[PlatformGuard]:
    """Return the rows that offer a project to all teams, for a subquery over projects."""
    return PlatformGuard.objects.filter(project_id=OuterRef("pk"))


def guards_for(team_id: int | None, actor: Actor) -> QuerySet[Project]:
    """Return what may guard projects of a team, or everybody, as far as the actor sees it."""
    usable = Q(Exists(offered()))
    if team_id is not None:
        usable |= Q(team_id=team_id, pk__in=Project.objects.visible_to(actor).values("pk"))
    return Project.objects.filter(usable)


def have_graph_alone() -> None:
    """Wait until nobody else is binding guards; to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GRAPH_LOCK])


def require_eligible(
    guard: Project, *, project: Project | None, team_id: int | None, actor: Actor
) -> None:
    """Raise Invalid unless `guard` may guard a project, a team or (with neither) everybody.

    Call it after `have_graph_alone`.
    """
    if not guards_for(team_id, actor).filter(pk=guard.pk).exists():
        raise _wrong(NOT_OFFERED if team_id is None else NOT_A_GUARD)
    if project is not None and project.pk == guard.pk:
        raise _wrong(ITSELF)
    if project is not None and _guards_of(guard.pk, project.pk):
        raise _wrong(LOOP)
    granted = guard.team.llms.filter(pk=guard.llm_id, enabled=True)
    if not granted.exists():
        raise _wrong(NOT_GRANTED)


def _guards_of(project_id: int, wanted: int) -> bool:
    """Tell whether `wanted` is among the guards of a project, or theirs, and so on."""
    seen: set[int] = set()
    frontier = {project_id}
    while frontier:
        rows = GuardBinding.objects.filter(project_id__in=frontier, guard__isnull=False)
        found = {pk for pk in rows.values_list("guard_id", flat=True) if pk is not None}
        if wanted in found:
            return True
        seen |= frontier
        frontier = found - seen
    return False


def _wrong(message: str) -> Invalid:
    return Invalid(message, code="guard_not_eligible", fields={"guard": [message]})
