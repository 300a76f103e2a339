"""Pages: which entry of the directory a user is."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, platform_admin
from accounts.forms import LdapLinkForm
from accounts.ldap import services
from accounts.models import LdapAccount, User
from accounts.views.sign_in import get_or_post
from restai_site.ui.forms import errors_on


@get_or_post
@platform_admin
def account(request: SignedInRequest, user_id: int) -> HttpResponse:
    user = get_object_or_404(User.objects.visible_to(request.actor), pk=user_id)
    form = LdapLinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.link(user, login=form.cleaned_data["login"], actor=request.actor)
            messages.success(request, f"{user.display_name} signs in by the directory now.")
            return redirect("accounts:ldap_account", user.pk)
    found = LdapAccount.objects.filter(user=user).first()
    context = {"form": form, "person": user, "account": found}
    return render(
        request, "accounts/ldap_account.html", context, status=400 if form.errors else 200
    )


@require_POST
@platform_admin
def unlink(request: SignedInRequest, user_id: int) -> HttpResponse:
    user = get_object_or_404(User.objects.visible_to(request.actor), pk=user_id)
    services.unlink(user, actor=request.actor)
    messages.success(request, f"{user.display_name} no longer signs in by the directory.")
    return redirect("accounts:ldap_account", user.pk)
