"""The test bench in Django's admin: that sets and runs exist, not what stands in them."""

from django.contrib import admin

from guards.models import GuardCase, GuardResult, GuardRun, GuardSet
from restai_site.lib.admin import ViewOnlyAdmin


@admin.register(GuardSet)
class GuardSetAdmin(ViewOnlyAdmin):
    """Labelled sets."""

    list_display = ("id", "name", "team", "owner", "created_at")
    list_select_related = ("team", "owner")


@admin.register(GuardCase)
class GuardCaseAdmin(ViewOnlyAdmin):
    """Labelled texts, without the text."""

    fields = ("id", "set", "position", "expected", "category")
    list_display = ("id", "set", "position", "expected", "category")
    list_filter = ("expected",)
    list_select_related = ("set",)


@admin.register(GuardRun)
class GuardRunAdmin(ViewOnlyAdmin):
    """Runs, without the prompt and the settings of the guard."""

    fields = (
        *("id", "team", "set", "guard_name", "label", "prompt_number", "model_name", "version"),
        *("threshold", "state", "done", "total", "tp", "fp", "tn", "fn", "errors"),
        *("tokens", "cost", "latency_p50_ms", "latency_p95_ms", "started_by"),
        *("created_at", "started_at", "finished_at"),
    )
    list_display = ("id", "label", "team", "set", "guard_name", "state", "done", "total", "cost")
    list_filter = ("state",)
    list_select_related = ("team", "set")


@admin.register(GuardResult)
class GuardResultAdmin(ViewOnlyAdmin):
    """Verdicts, without the reason, which may repeat the text."""

    fields = ("id", "run", "case", "verdict", "category", "score", "failure", "latency_ms", "cost")
    list_display = ("id", "run", "verdict", "category", "score", "failure", "latency_ms")
    list_filter = ("verdict",)
    list_select_related = ("run",)
