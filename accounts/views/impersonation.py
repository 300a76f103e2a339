"""Pages: to act as somebody else, and to stop."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, platform_admin, signed_in
from accounts.forms import ImpersonationForm
from accounts.models import User
from accounts.services import impersonation
from accounts.views.sign_in import get_or_post
from restai_site.ui.forms import errors_on


@get_or_post
@platform_admin
def begin(request: SignedInRequest, user_id: int) -> HttpResponse:
    user = get_object_or_404(User.objects.visible_to(request.actor), pk=user_id)
    form = ImpersonationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            reason = form.cleaned_data["reason"]
            impersonation.begin(request, user, reason=reason, actor=request.actor)
            return redirect("dashboard")
    context = {"form": form, "person": user}
    status = 400 if form.errors else 200
    return render(request, "accounts/impersonate.html", context, status=status)


@require_POST
@signed_in
def end(request: SignedInRequest) -> HttpResponse:
    impersonation.end(request, request.actor)
    messages.success(request, "You act as yourself again.")
    return redirect("dashboard")
