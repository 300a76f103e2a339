"""Pages: the budgets of teams, projects, users and keys."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from accounts.models import ApiKey, User
from metering import services
from metering.forms import AmountForm, NewBudgetForm
from metering.meters import WARNING_PERCENT, meters_of
from metering.models import Budget
from metering.rates.views import rate_limit_card
from projects.views import for_editors
from restai_site.lib.errors import Forbidden
from restai_site.ui.forms import errors_on
from restai_site.ui.tables import table_of
from teams.views import for_editors as for_team_admins

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
FOR_TEAM_ADMINS = "Only admins of the team may open this page."
SORTS = {"budget": "pk", "amount": "amount"}


@require_safe
@signed_in
def budgets(request: SignedInRequest) -> HttpResponse:
    """All budgets that the actor may see; ?full=1 shows those that are nearly used up."""
    rows = Budget.objects.visible_to(request.actor)
    is_narrowed = request.GET.get("full") == "1"
    if is_narrowed:
        rows = rows.reaching(WARNING_PERCENT, timezone.now())
    names = ("team__name", "project__name", "user__name", "user__email", "api_key__name")
    table = table_of(request, rows.with_owners(), sorts=SORTS, default="budget", search=names)
    context = {"table": table, "meters": meters_of(table.rows), "is_narrowed": is_narrowed}
    return render(request, "metering/budgets.html", context)


@get_or_post
@signed_in
def team_budgets(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Budgets of a team, and of its projects."""
    context = for_team_admins(request, team_id, "budgets")
    rows = Budget.objects.visible_to(request.actor).filter(project__team_id=team_id)
    table = table_of(
        request,
        rows.with_owners(),
        sorts={"project": "project__name", "amount": "amount"},
        default="project",
        search=["project__name"],
    )
    context |= {"table": table, "meters": meters_of(table.rows)}
    return _page(request, context["team"], "metering/team_budgets.html", context)


@get_or_post
@signed_in
def project_limits(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Limits of a project. Amounts are for those who run its team."""
    context = for_editors(request, project_id, "limits")
    if not context["can_manage"]:
        raise Forbidden(FOR_TEAM_ADMINS)
    context |= rate_limit_card(context["project"])
    return _page(request, context["project"], "metering/project_limits.html", context)


@get_or_post
@platform_admin
def user_budgets(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Budgets of a user, for platform administrators."""
    person = get_object_or_404(User.objects.visible_to(request.actor), pk=user_id)
    return _page(request, person, "metering/user_budgets.html", {"person": person})


@get_or_post
@signed_in
def key_budgets(request: SignedInRequest, key_id: int) -> HttpResponse:
    """Budgets of an API key, for its owner and for platform administrators."""
    keys = ApiKey.objects.visible_to(request.actor).select_related("user")
    key = get_object_or_404(keys, pk=key_id)
    is_own = key.user_id == request.actor.own_id
    context = {"key": key, "is_own": is_own}
    return _page(request, key, "metering/key_budgets.html", context)


@get_or_post
@signed_in
def budget(request: SignedInRequest, budget_id: int) -> HttpResponse:
    """One budget: its meter, and its amount to change."""
    found = _editable(request, budget_id)
    form = AmountForm(request.POST or None, budget=found)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.change_budget(found, amount=form.cleaned_data["amount"], actor=request.actor)
            messages.success(request, "The budget is saved.")
            return redirect(_home(found, request))
    (meter,) = meters_of([found])
    context = {"meter": meter, "form": form, "home": _home(found, request)}
    return render(request, "metering/budget.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def budget_remove(request: SignedInRequest, budget_id: int) -> HttpResponse:
    found = _editable(request, budget_id)
    services.remove_budget(found, actor=request.actor)
    messages.success(request, "The budget is removed.")
    return redirect(_home(found, request))


def _editable(request: SignedInRequest, budget_id: int) -> Budget:
    rows = Budget.objects.visible_to(request.actor).with_owners()
    found = get_object_or_404(rows, pk=budget_id)
    if not Budget.objects.editable_by(request.actor).filter(pk=found.pk).exists():
        raise Forbidden(services.WHO_MAY[found.owner])
    return found


def _home(found: Budget, request: SignedInRequest) -> str:
    """Return the address of the page on which `found` is set."""
    if found.user_id is not None:
        return reverse("metering:user_budgets", args=[found.user_id])
    (meter,) = meters_of([found])
    return meter.page


def _page(
    request: SignedInRequest, owner: services.Owner, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Show the budgets of `owner` with a form for another one, and take that form."""
    form = NewBudgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.create_budget(owner, **form.cleaned_data, actor=request.actor)
            messages.success(request, "The budget is set.")
            return redirect(request.path)
    own = Budget.objects.filter(**{services.FIELDS[type(owner)]: owner}).with_owners()
    context |= {
        "own_meters": meters_of(own.order_by("period", "unit")),
        "form": form,
        "may_give": services.may_give(owner, request.actor),
    }
    return render(request, template, context, status=400 if form.errors else 200)
