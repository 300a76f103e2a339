"""What the overview of a project shows of its use."""

from accounts.access import SignedInRequest
from metering.models import UsageRecord
from metering.statistics import Statistics, period_of
from projects.models import Project
from projects.panels import Panel, panel

RECENT_CALLS = 8


@panel(order=10)
def use(request: SignedInRequest, project: Project) -> Panel:
    """Return the totals of the last days, a chart, and the latest calls."""
    ledger = UsageRecord.objects.visible_to(request.actor).filter(project=project)
    statistics = Statistics(ledger, period_of(request.GET.get("period", "")))
    context = {
        "statistics": statistics,
        "totals": statistics.totals,
        "chart": statistics.requests_chart,
        "calls": ledger.select_related("user").order_by("-created_at")[:RECENT_CALLS],
    }
    has_chart = bool(statistics.totals.requests)
    return Panel("metering/project_use.html", context, needs_charts=has_chart)
