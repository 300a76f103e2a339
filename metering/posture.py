"""What the security posture asks of budgets."""

from restai_site.lib.posture import Area, Finding, State, check, failed, good, listed, page, words
from teams.models import Team


@check("budgets", "Budgets", Area.MODELS, State.WARNING)
def budgets() -> Finding:
    """Find teams that may spend without limit: budgets of projects, users and keys do not help."""
    without = Team.objects.filter(budgets__isnull=True).order_by("name", "pk")
    found = listed(without, "metering:team_budgets", name="name")
    if not found.total:
        return good("Every team has a budget.")
    reason = words(
        found.total,
        "One team has no budget: it may spend without limit.",
        "{} teams have no budget: they may spend without limit.",
    )
    return failed(reason, page("Open teams", "teams:list"), found=found)
