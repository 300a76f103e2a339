"""What the security posture asks of guards."""

from django.db.models import Exists, F, OuterRef, Q

from guards.models import GuardBinding, PlatformGuard
from restai_site.lib.posture import Area, Finding, State, check, failed, good, page
from teams.models import Team


@check("guards-fail-open", "Guards that fail open", Area.MODELS, State.WARNING)
def fail_open() -> Finding:
    """Find guards that let pass what they could not judge."""
    count = GuardBinding.objects.filter(on_failure=GuardBinding.OnFailure.OPEN).count()
    if not count:
        return good("Every guard lets nothing pass that it has not judged.")
    named = "One guard lets" if count == 1 else f"{count} guards let"
    return failed(f"{named} everything pass when it fails.", page("Open guards", "guards:guards"))


@check("guards-usable", "Guards that can judge", Area.MODELS, State.WARNING)
def usable() -> Finding:
    """Find bindings whose guard cannot judge: they block every request."""
    offered = PlatformGuard.objects.filter(project_id=OuterRef("guard_id"))
    grants = Team.llms.through.objects.filter(
        team_id=OuterRef("guard__team_id"), llm_id=OuterRef("guard__llm_id")
    )
    gone = Q(guard__isnull=True, detector="")
    foreign = (
        Q(guard__isnull=False)
        & ~Exists(offered)
        & (
            Q(is_for_all=True)
            | ~Q(guard__team_id=F("project__team_id")) & Q(project__isnull=False)
            | ~Q(guard__team_id=F("team_id")) & Q(team__isnull=False)
        )
    )
    closed = Q(guard__isnull=False) & (Q(guard__llm__enabled=False) | ~Exists(grants))
    count = GuardBinding.objects.filter(gone | foreign | closed).count()
    if not count:
        return good("Every guard can judge.")
    named = "One guard cannot" if count == 1 else f"{count} guards cannot"
    reason = f"{named} judge (deleted, of another team, or its model not granted): all is blocked."
    return failed(reason, page("Open guards", "guards:guards"))
