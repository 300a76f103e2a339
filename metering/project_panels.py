"""What the overview of a project shows of its use."""

from accounts.access import SignedInRequest
from metering.charts import requests_chart
from metering.models import UsageRecord
from metering.scope import Filters, Scope
from metering.spans import period_of
from metering.statistics import Statistics
from projects.models import Project
from projects.panels import Panel, panel

RECENT_CALLS = 8


@panel(order=10)
def use(request: SignedInRequest, project: Project) -> Panel:
    """Return the totals of the last days, a chart, and the latest calls."""
    ledger = UsageRecord.objects.visible_to(request.actor).filter(project=project)
    scope = Scope(request.actor, Filters(project=project.pk))
    statistics = Statistics(scope, period_of(request.GET.get("period", "")))
    context = {
        "statistics": statistics,
        "totals": statistics.totals,
        "chart": requests_chart(statistics),
        # The ledger knows calls before they are summed up.
        "calls": list(ledger.select_related("user").order_by("-created_at")[:RECENT_CALLS]),
    }
    return Panel("metering/project_use.html", context, needs_charts=bool(context["calls"]))
