"""Pages: who reaches what, and what one person reaches."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, signed_in
from accounts.models import User
from projects.permissions.effective import Level, pairs, through_key
from projects.permissions.matrix import Key, keys_of, memberships, models_of
from projects.permissions.scope import Filters, Scope, Selection, note
from projects.permissions.shown import ACCESS_OPTIONS, FLAG_OPTIONS, grid_of, people_of
from restai_site.lib.requests import number_in
from restai_site.ui.tables import ROWS_PER_PAGE, clean_query, table_of

TEAMS_OFFERED = 500
# What the form of the filters sends itself.
IN_FORM = {"q", "page", "columns", "team", "access", "flag"}
MODEL_KINDS = {
    "llms": "LLMs",
    "embedding_models": "Embedding models",
    "image_generators": "Image generators",
    "audio_generators": "Audio generators",
}


@require_safe
@signed_in
def permissions(request: SignedInRequest) -> HttpResponse:
    """Show the matrix: people, and in a chosen team or project a grid of people and projects."""
    filters = Filters.of(request.GET.dict(), is_strict=False)
    selection = Selection(Scope.of(request.actor), filters)
    table = table_of(
        request,
        selection.users(),
        sorts={"name": "name", "email": "email"},
        default="email",
        search=["name", "email"],
    )
    users = list(table.rows)
    context: dict[str, Any] = {
        "table": table,
        "filters": filters,
        "kept": [(name, value) for name, value in request.GET.items() if name not in IN_FORM],
        "teams": selection.scope.teams().only("pk", "name")[:TEAMS_OFFERED],
        "access_options": ACCESS_OPTIONS,
        "flag_options": FLAG_OPTIONS,
        "sees_all": selection.scope.team_ids is None,
    }
    if filters.team is not None or filters.project is not None:
        context["grid"] = grid_of(users, selection, columns=request.GET.get("columns"))
    else:
        context["people"] = people_of(users, selection)
    note(request.actor, "permissions.read", selection)
    return render(request, "projects/permissions/matrix.html", context)


@dataclass(frozen=True)
class Reached:
    """A project that a person, or one of their keys, reaches."""

    id: int
    name: str
    team: str
    level: Level
    reasons: str


@require_safe
@signed_in
def view_as(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Show what exactly one person reaches. Nobody acts as them, and no session begins."""
    scope = Scope.of(request.actor)
    person = get_object_or_404(scope.users(), pk=user_id)
    selection = Selection(scope, Filters(user=user_id))
    keys = keys_of([user_id], scope)
    key = _chosen_key(request, keys)
    query = clean_query(request.GET.get("q", ""))
    reached = [one for one in _reached(person, selection, key) if _fits(one, query)]
    models = models_of([person], scope).get(user_id, {})
    context = {
        "person": person,
        "scope": scope,
        "memberships": list(memberships([user_id], scope)),
        "models": [(label, models.get(kind, [])) for kind, label in MODEL_KINDS.items()],
        "keys": keys,
        "key": key,
        "query": query,
        "projects": Paginator(reached, ROWS_PER_PAGE).get_page(request.GET.get("page")),
    }
    note(request.actor, "permissions.read", selection, person)
    return render(request, "projects/permissions/user.html", context)


def _chosen_key(request: SignedInRequest, keys: list[Key]) -> Key | None:
    """Return the key that the address asks for. Raises Http404 for one that is not there."""
    if not request.GET.get("key"):
        return None
    chosen = number_in(request.GET["key"])
    key = next((key for key in keys if key.key.pk == chosen), None)
    if key is None:
        raise Http404
    return key


def _reached(person: User, selection: Selection, known: Key | None) -> list[Reached]:
    """Return the projects that the person reaches; through a key, what that leaves. Two queries."""
    teams = dict(selection.scope.teams().values_list("pk", "name"))
    found = []
    for pair in pairs([person.pk], selection.area):
        level = pair.level if known is None else through_key(pair, known.key, person)
        # A suspended person's projects are shown with the reasons that would lead to them.
        if known is None or level > Level.NONE:
            team = teams.get(pair.team_id, "")
            found.append(
                Reached(pair.project_id, pair.project_name, team, level, pair.reason_words)
            )
    return found


def _fits(reached: Reached, query: str) -> bool:
    words = query.casefold()
    return words in reached.name.casefold() or words in reached.team.casefold()
