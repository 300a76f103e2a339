"""The ledger and the counters of budgets in Django's admin: to look at."""

from django.contrib import admin

from metering.models import (
    Budget,
    BudgetAlert,
    BudgetPeriod,
    Reservation,
    ReservationLine,
    UsageRecord,
)
from restai_site.lib.admin import ViewOnlyAdmin


@admin.register(UsageRecord)
class UsageRecordAdmin(ViewOnlyAdmin):
    """The ledger of use."""

    list_display = (
        "created_at",
        "project",
        "user",
        "model_name",
        "kind",
        "prompt_tokens",
        "completion_tokens",
        "cost",
        "latency_ms",
        "outcome",
    )
    list_filter = ("kind", "outcome", "streamed")
    list_select_related = ("project", "user")
    search_fields = ("user__email__startswith",)
    search_help_text = "The beginning of the user's e-mail address."


@admin.register(Budget)
class BudgetAdmin(ViewOnlyAdmin):
    """Budgets; they are set on the pages of whom they are for."""

    list_display = ("id", "team", "project", "user", "api_key", "amount", "unit", "period")
    list_filter = ("period", "unit")
    list_select_related = ("team", "project", "user", "api_key")


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ViewOnlyAdmin):
    """What of budgets is spent and held."""

    list_display = ("id", "budget", "starts_at", "ends_at", "spent", "reserved")
    list_select_related = ("budget",)


@admin.register(Reservation)
class ReservationAdmin(ViewOnlyAdmin):
    """What calls hold or have held."""

    list_display = ("call_id", "state", "model_name", "cost", "started_at", "lease_until")
    list_filter = ("state",)


@admin.register(ReservationLine)
class ReservationLineAdmin(ViewOnlyAdmin):
    """What calls hold of each budget."""

    list_display = ("id", "reservation", "period", "amount")
    list_select_related = ("reservation", "period__budget")


@admin.register(BudgetAlert)
class BudgetAlertAdmin(ViewOnlyAdmin):
    """Which shares of budgets were reached."""

    list_display = ("id", "period", "percent", "created_at", "told_at")
    list_select_related = ("period__budget",)
