"""Pages: one's own API keys."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import limits, services
from accounts.access import SignedInRequest, signed_in
from accounts.key_forms import ApiKeyForm, KeyRateForm, RotationForm
from accounts.models import ApiKey
from accounts.views.profile import own_user
from accounts.views.sign_in import get_or_post
from accounts.views.tabs import account_tabs
from restai_site.lib.actor import Actor
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import table_of

SORTS = {"name": "name", "used": "last_used_at", "created": "created_at"}


@get_or_post
@signed_in
def keys(request: SignedInRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        lifetime = form.cleaned_data["lifetime"]
        with errors_on(form):
            key, plaintext = services.create_api_key(
                own_user(request),
                name=form.cleaned_data["name"],
                expires_at=timezone.now() + lifetime if lifetime else None,
                **form.limits(),
                actor=request.actor,
            )
            return _shown_once(request, key, plaintext)
    own = ApiKey.objects.visible_to(request.actor).filter(user_id=request.actor.own_id)
    own = own.prefetch_related("budgets")
    table = table_of(request, own, sorts=SORTS, default="-created", search=("name",))
    _name_limits(table.rows, request.actor)
    context: dict[str, Any] = {"form": form, "table": table, "rotation": RotationForm()}
    context |= {"tabs": account_tabs("keys")}
    return render(request, "accounts/keys.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def revoke_key(request: SignedInRequest, key_id: int) -> HttpResponse:
    key = services.revoke_api_key(_own_key(request, key_id), actor=request.actor)
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("accounts:keys")


@require_POST
@signed_in
def rotate_key(request: SignedInRequest, key_id: int) -> HttpResponse:
    key, form = _own_key(request, key_id), RotationForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose when the secret so far stops.")
        return redirect("accounts:keys")
    overlap = timedelta(minutes=form.cleaned_data["overlap_minutes"])
    with errors_told(request):
        key, plaintext = services.rotate_api_key(key, overlap=overlap, actor=request.actor)
        return _shown_once(request, key, plaintext)
    return redirect("accounts:keys")


@require_POST
@signed_in
def limit_key(request: SignedInRequest, key_id: int) -> HttpResponse:
    key, form = _own_key(request, key_id), KeyRateForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was saved: choose how many requests a minute.")
        return redirect("accounts:keys")
    with errors_told(request):
        services.limit_api_key(key, **form.cleaned_data, actor=request.actor)
        messages.success(request, f"The limit of “{key.name}” is saved.")
    return redirect("accounts:keys")


def _shown_once(request: SignedInRequest, key: ApiKey, plaintext: str) -> HttpResponse:
    """Show a secret in this answer alone: it is stored nowhere, so there is no page to go to."""
    context = {"key": key, "plaintext": plaintext}
    response = render(request, "accounts/key_created.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _own_key(request: SignedInRequest, key_id: int) -> ApiKey:
    own = ApiKey.objects.editable_by(request.actor).filter(user_id=request.actor.own_id)
    key: ApiKey = get_object_or_404(own, pk=key_id)
    return key


def _name_limits(rows: Sequence[ApiKey], actor: Actor) -> None:
    """Give each key the names of what it is narrowed to. Two queries for all of them.

    What its owner no longer sees, the key does not reach either.
    """
    projects = {pk for key in rows for pk in key.project_ids or ()}
    teams = {key.team_id for key in rows if key.team_id is not None}
    of_projects = limits.names(limits.PROJECTS, projects, actor)
    of_teams = limits.names(limits.TEAMS, teams, actor)
    for key in rows:
        names = [of_projects.get(pk) for pk in key.project_ids or ()]
        if key.team_id is not None:
            names.append(of_teams.get(key.team_id))
        key.limit_names = [name for name in names if name]  # type: ignore[attr-defined]
        key.lost_limits = names.count(None)  # type: ignore[attr-defined]
