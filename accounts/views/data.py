"""Page: what the platform has about oneself, as a file."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from accounts.models import DataExport
from accounts.personal import files, services
from accounts.views.profile import own_user
from accounts.views.tabs import account_tabs
from restai_site.ui.forms import errors_told

SHOWN = 20


@require_safe
@signed_in
def data(request: SignedInRequest) -> HttpResponse:
    """Show the files that were made, and how far the one is that is being made."""
    rows = DataExport.objects.visible_to(request.actor).defer("content")[:SHOWN]
    context = {"exports": list(rows), "tabs": account_tabs("data")}
    return render(request, "accounts/data.html", context)


@require_POST
@signed_in
def make(request: SignedInRequest) -> HttpResponse:
    """Have a file made."""
    with errors_told(request):
        services.ask(own_user(request), actor=request.actor)
    return redirect("accounts:data")


@require_safe
@signed_in
def fetch(request: SignedInRequest, data_export_id: int) -> HttpResponse:
    """Answer with a file."""
    rows = DataExport.objects.visible_to(request.actor).defer("content")
    export = get_object_or_404(rows, pk=data_export_id)
    content = services.fetch(export, actor=request.actor)
    return files.answer(content, f"my-data-{export.created_at:%Y-%m-%d}.zip")
