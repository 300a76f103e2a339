"""Pages: how often a project may be called."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, signed_in
from metering.rates.forms import RateLimitForm
from metering.rates.services import set_project_rate
from projects.models import Project
from projects.views import for_editors, require_manager
from restai_site.ui.forms import errors_told

NOT_SAVED = "Nothing was saved: "


def rate_limit_card(project: Project) -> dict[str, Any]:
    """Return what metering/rate_limit_card.html needs beside project."""
    initial = {"requests_per_minute": project.requests_per_minute}
    return {"rate_limit_form": RateLimitForm(initial=initial)}


@require_POST
@signed_in
def project_rate_limit(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Set how often a project may be called."""
    context = for_editors(request, project_id, "limits")
    require_manager(context)
    form = RateLimitForm(request.POST)
    if not form.is_valid():
        messages.error(request, NOT_SAVED + " ".join(map(str, form.errors["requests_per_minute"])))
        return redirect("metering:project_limits", project_id)
    with errors_told(request):
        set_project_rate(context["project"], **form.cleaned_data, actor=request.actor)
        messages.success(request, "The rate limit is saved.")
    return redirect("metering:project_limits", project_id)
