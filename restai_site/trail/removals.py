"""Pages: removing old entries of the audit trail, in two steps."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import SignedInRequest, platform_admin
from audit import purging
from audit.models import Removal
from restai_site.lib.errors import DomainError
from restai_site.ui.forms import PageForm, errors_on
from restai_site.ui.tables import table_of

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
PAGE = "audit:removals"


class AskForm(PageForm):
    """Up to when entries are to go."""

    before = forms.DateField(
        label="Entries from before",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Midnight (UTC) of this day.",
    )

    @property
    def moment(self) -> datetime:
        """The midnight that was chosen."""
        return datetime.combine(self.cleaned_data["before"], time(), UTC)


@get_or_post
@platform_admin
def removals(request: SignedInRequest) -> HttpResponse:
    """Ask for old entries to be removed, and show what became of that."""
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            purging.ask(form.moment, actor=request.actor)
            messages.success(request, "The removal waits to be confirmed.")
            return redirect(PAGE)
    rows = Removal.objects.visible_to(request.actor)
    table = table_of(request, rows, sorts={"asked": "asked_at"}, default="-asked")
    context: dict[str, Any] = {"form": form, "table": table, "least": settings.AUDIT_MIN_DAYS}
    return render(request, "audit/removals.html", context, status=400 if form.errors else 200)


@require_POST
@platform_admin
def confirm(request: SignedInRequest, removal_id: int) -> HttpResponse:
    """Let the entries go."""
    row = _row(request, removal_id)
    try:
        purging.confirm(row, actor=request.actor)
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, "The entries are being removed in the background.")
    return redirect(PAGE)


@require_POST
@platform_admin
def withdraw(request: SignedInRequest, removal_id: int) -> HttpResponse:
    """Leave the entries where they are."""
    try:
        purging.withdraw(_row(request, removal_id), actor=request.actor)
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, "The removal is withdrawn.")
    return redirect(PAGE)


def _row(request: SignedInRequest, removal_id: int) -> Removal:
    row: Removal = get_object_or_404(Removal.objects.visible_to(request.actor), pk=removal_id)
    return row


def _refused(request: SignedInRequest, error: DomainError) -> HttpResponse:
    """Say on the page why not, where the person is allowed to be there at all."""
    messages.error(request, error.message)
    return redirect(PAGE)
