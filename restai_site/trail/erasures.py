"""Page: people who were erased, how far their names have gone from the trail."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.access import SignedInRequest, platform_admin
from accounts.services import erase_deleted
from audit.models import Erasure
from restai_site.trail.removals import get_or_post
from restai_site.ui.forms import PageForm, errors_on
from restai_site.ui.tables import table_of

PAGE = "audit:erasures"


class EraseForm(PageForm):
    """Whose account is gone and whose name is still in the trail."""

    user_id = forms.IntegerField(
        label="Number of the account",
        min_value=1,
        max_value=2**63 - 1,
        help_text="The entries of the trail name it as target, accounts.user.",
    )


@get_or_post
@platform_admin
def erasures(request: SignedInRequest) -> HttpResponse:
    """Show what became of erasures; erase somebody who was deleted before."""
    form = EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            erase_deleted(form.cleaned_data["user_id"], actor=request.actor)
            messages.success(request, "The name is going from the audit trail.")
            return redirect(PAGE)
    rows = Erasure.objects.visible_to(request.actor)
    table = table_of(request, rows, sorts={"asked": "asked_at"}, default="-asked")
    context = {"form": form, "table": table}
    return render(request, "audit/erasures.html", context, status=400 if form.errors else 200)
