"""Pages by which platform administrators run users."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.access import SignedInRequest, platform_admin
from accounts.mails import mail_is_set_up
from accounts.models import ApiKey, User
from accounts.panels import Place, panels_of
from accounts.policy import local_sign_in_open
from accounts.sections import LdapSection
from accounts.services.factors import reset_factors
from accounts.sessions import lifecycle
from accounts.user_forms import DetailsForm, InvitationForm, RoleForm, UserRateForm
from restai_site.lib.configuration import current
from restai_site.lib.rate_limit import count_use
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import table_of

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
INVITATIONS_RATE = "60/h"
# By the word of ?is=: what the list is narrowed to.
FACETS: dict[str, tuple[str, Q]] = {
    "": ("All", Q()),
    "administrators": ("Administrators", Q(is_platform_admin=True)),
    "suspended": ("Suspended", Q(is_active=False)),
    "restricted": ("Restricted", Q(is_restricted=True)),
    "one-factor": ("Without second factor", Q(second_factor_since=None)),
    "invited": ("Invited", Q(invited_at__isnull=False)),
}


@require_safe
@platform_admin
def users(request: SignedInRequest) -> HttpResponse:
    chosen = request.GET.get("is", "")
    chosen = chosen if chosen in FACETS else ""
    table = table_of(
        request,
        User.objects.visible_to(request.actor).filter(FACETS[chosen][1]),
        sorts={"name": "name", "email": "email", "seen": "last_login", "joined": "date_joined"},
        default="email",
        search=["name", "email"],
    )
    facets = [
        {"word": word, "label": label, "is_current": word == chosen}
        for word, (label, _) in FACETS.items()
    ]
    context = {"table": table, "facets": facets, "chosen": chosen}
    return render(request, "accounts/users/list.html", context)


@get_or_post
@platform_admin
def invite(request: SignedInRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        count_invitation(request)
        with errors_on(form):
            user = services.invite_user(**form.cleaned_data, actor=request.actor)
            if mail_is_set_up():
                messages.success(request, f"The invitation to {user.email} is on its way.")
            return redirect("accounts:user", user.pk)
    context = {"form": form, **_ways()}
    return render(
        request, "accounts/users/invite.html", context, status=400 if form.errors else 200
    )


@get_or_post
@platform_admin
def user(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    form = DetailsForm(request.POST or None, initial={"name": person.name, "email": person.email})
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_user(person, form.cleaned_data, actor=request.actor)
            messages.success(request, "The user is saved.")
            return redirect("accounts:user", person.pk)
    return _user_page(request, person, form)


@require_POST
@platform_admin
def role(request: SignedInRequest, user_id: int) -> HttpResponse:
    person, form = _person(request, user_id), RoleForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            services.update_user(person, form.cleaned_data, actor=request.actor)
            messages.success(request, "The role is saved.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def rate(request: SignedInRequest, user_id: int) -> HttpResponse:
    person, form = _person(request, user_id), UserRateForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was saved: choose a whole number of requests, or none.")
        return redirect("accounts:user", user_id)
    with errors_told(request):
        services.update_user(person, form.cleaned_data, actor=request.actor)
        messages.success(request, "The rate limit is saved.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def suspend(request: SignedInRequest, user_id: int) -> HttpResponse:
    with errors_told(request):
        person = services.suspend_user(_person(request, user_id), actor=request.actor)
        messages.success(request, f"{person.display_name} is suspended.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def activate(request: SignedInRequest, user_id: int) -> HttpResponse:
    with errors_told(request):
        person = services.activate_user(_person(request, user_id), actor=request.actor)
        messages.success(request, f"{person.display_name} may come in again.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def end_sessions(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    lifecycle.end_every(person, actor=request.actor)
    messages.success(request, f"All sessions of {person.display_name} have ended.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def reset_second_factor(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    with errors_told(request):
        reset_factors(person, actor=request.actor)
        messages.success(request, f"{person.display_name} has no second factor any more.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def revoke_key(request: SignedInRequest, user_id: int, key_id: int) -> HttpResponse:
    keys = ApiKey.objects.editable_by(request.actor).filter(user_id=user_id)
    key = services.revoke_api_key(get_object_or_404(keys, pk=key_id), actor=request.actor)
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def invite_again(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    count_invitation(request)
    with errors_told(request):
        services.renew_invitation(person, actor=request.actor)
        messages.success(request, f"A new invitation to {person.email} is on its way.")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def show_invitation(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    with errors_told(request):
        link = services.show_invitation(person, actor=request.actor)
        # In this answer alone: the token is stored nowhere, so there is no page to redirect to.
        context = {"person": person, "link": link}
        return render(request, "accounts/users/invitation.html", context)
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def delete(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    if request.POST.get("confirmation") != person.email:
        messages.error(request, "The address did not match, so nothing was deleted.")
        return redirect("accounts:user", user_id)
    with errors_told(request):
        services.delete_user(person, actor=request.actor)
        messages.success(request, f"{person.display_name} is deleted.")
        return redirect("accounts:users")
    return redirect("accounts:user", user_id)


@require_POST
@platform_admin
def erase(request: SignedInRequest, user_id: int) -> HttpResponse:
    person = _person(request, user_id)
    if request.POST.get("confirmation") != person.email:
        messages.error(request, "The address did not match, so nobody was erased.")
        return redirect("accounts:user", user_id)
    with errors_told(request):
        services.erase_user(person, actor=request.actor)
        messages.success(request, "The account is gone; its name is going from the audit trail.")
        return redirect("audit:erasures")
    return redirect("accounts:user", user_id)


def count_invitation(request: SignedInRequest) -> None:
    """Count an invitation. Raises TooManyRequests, Unavailable where Redis is away."""
    count_use("invitation", f"user:{request.actor.own_id}", rate=INVITATIONS_RATE)


def _person(request: SignedInRequest, user_id: int) -> User:
    person: User = get_object_or_404(User.objects.visible_to(request.actor), pk=user_id)
    return person


def _ways() -> dict[str, Any]:
    return {"mail_is_set_up": mail_is_set_up(), "by_password": local_sign_in_open(None)}


def _user_page(request: SignedInRequest, person: User, form: DetailsForm) -> HttpResponse:
    is_self = person.pk == request.actor.user_id
    roles = {"is_platform_admin": person.is_platform_admin, "is_restricted": person.is_restricted}
    context = {
        "person": person,
        "form": form,
        "role_form": RoleForm(initial=roles),
        "rate_form": UserRateForm(initial={"requests_per_minute": person.requests_per_minute}),
        "keys": ApiKey.objects.visible_to(request.actor).filter(user=person).unrevoked(),
        "session_count": person.sessions.filter(expires_at__gt=timezone.now()).count(),
        "by_directory": current(LdapSection).enabled,
        "is_self": is_self,
        "may_reset_factor": person.second_factor_since is not None and not is_self,
        "may_impersonate": person.is_active and not person.is_platform_admin,
        "panels": panels_of(Place.USER, request, person),
        **_ways(),
    }
    return render(request, "accounts/users/user.html", context, status=400 if form.errors else 200)
