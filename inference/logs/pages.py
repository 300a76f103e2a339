"""Pages: the log of a project, and one call with the conversation that it belongs to."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, signed_in
from inference.logs.filters import OUTCOMES, LogFilter
from inference.models import InferenceLog
from projects.views import for_managers
from restai_site.ui.slices import narrowed

REPLAYED = 200


@require_safe
@signed_in
def log(request: SignedInRequest, project_id: int) -> HttpResponse:
    """List the calls of a project, newest first. Paged by number, so each page costs the same."""
    context = for_managers(request, project_id, "log")
    rows = InferenceLog.objects.visible_to(request.actor).filter(project_id=project_id)
    context |= narrowed(request, LogFilter, rows.select_related("user"))
    context |= {"outcomes": OUTCOMES, "surfaces": InferenceLog.Surface.choices}
    return render(
        request, "inference/log.html", context, status=200 if context["is_valid"] else 400
    )


@require_safe
@signed_in
def call(request: SignedInRequest, project_id: int, log_id: int) -> HttpResponse:
    """Show one call, and replay the conversation up to and after it."""
    context: dict[str, Any] = for_managers(request, project_id, "log")
    rows = InferenceLog.objects.visible_to(request.actor).filter(project_id=project_id)
    found = get_object_or_404(rows.select_related("user"), pk=log_id)
    turns = [found]
    if found.conversation_id is not None:
        same = rows.filter(conversation_id=found.conversation_id).order_by("pk")
        turns = list(same[:REPLAYED])
    context |= {"call": found, "turns": turns}
    return render(request, "inference/log_call.html", context)
