"""Pages: which guards stand before a project, before a team, before everybody."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from guards import services
from guards.areas import GUARDS, platform_area, project_area
from guards.binding_forms import BindingForm, MandatoryForm, MessageForm, initial_of
from guards.detectors import detector, detectors
from guards.eligibility import guards_for
from guards.models import GuardBinding, GuardSettings, PlatformGuard
from guards.models.bindings import CENSORSHIP_MESSAGE
from guards.services.bindings import Place
from projects.models import Project
from projects.views import for_editors
from restai_site.lib.errors import DomainError, Forbidden, NotFound
from restai_site.lib.requests import number_in
from restai_site.ui.forms import CORRECTABLE, errors_on

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
SHOWN = 100
GUARDS_SHOWN = 60


@get_or_post
@signed_in
def project_guards(request: SignedInRequest, project_id: int) -> HttpResponse:
    """The guards of a project, and its words for what they block."""
    context = project_area(request, project_id).shared(GUARDS)
    project = context["project"]
    own = GuardSettings.objects.filter(project=project).first()
    form = MessageForm(
        request.POST or None,
        initial={"censorship_message": own.censorship_message if own else ""},
    )
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            text = form.cleaned_data["censorship_message"]
            services.set_censorship_message(project, text, actor=request.actor)
            messages.success(request, "The message is saved.")
            return redirect("guards:project_guards", project.pk)
    rows = GuardBinding.objects.applying_to(project.pk, project.team_id).select_related("guard")
    context |= {
        "bindings": list(rows.order_by("order", "id")[:SHOWN]),
        "form": form,
        "default_message": CENSORSHIP_MESSAGE,
    }
    status = 400 if form.errors else 200
    return render(request, "guards/project_guards.html", context, status=status)


@get_or_post
@signed_in
def project_guard_new(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Choose a guard for a project, and say how it stands there."""
    context = for_editors(request, project_id, "guards")
    project: Project = context["project"]
    guards = guards_for(project.team_id, request.actor).exclude(pk=project.pk)
    context |= {
        "base": "projects/project.html",
        "home": reverse("guards:project_guards", args=[project.pk]),
    }
    return _new(request, guards, context, project)


@require_safe
@platform_admin
def platform_guards(request: SignedInRequest) -> HttpResponse:
    """Mandatory guards, guards for all teams, and everything that fails open."""
    rows = GuardBinding.objects.select_related("team", "guard", "project")
    context = platform_area().shared(GUARDS) | {
        "mandatory": rows.filter(project__isnull=True)[:SHOWN],
        "offered": PlatformGuard.objects.select_related("project__team", "project__llm")[:SHOWN],
        "open": rows.filter(on_failure="open")[:SHOWN],
    }
    return render(request, "guards/platform_guards.html", context)


@get_or_post
@platform_admin
def mandatory_new(request: SignedInRequest) -> HttpResponse:
    """Choose a guard that is mandatory for a team or for everybody."""
    guards = Project.objects.all()
    context = {"base": "guards/analytics_platform.html", "home": reverse("guards:guards")}
    return _new(request, guards, context, None)


@get_or_post
@signed_in
def binding(request: SignedInRequest, binding_id: int) -> HttpResponse:
    """One guard at its place, to change."""
    found, context = _editable(request, binding_id)
    form = BindingForm(
        request.POST or None, slug=found.detector, actor=request.actor, initial=initial_of(found)
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_binding(found, form.values(), actor=request.actor)
        except DomainError as error:
            _tell(form, error)
        else:
            messages.success(request, f"The guard “{found.name}” is saved.")
            return redirect(context["home"])
    context |= {"form": form, "binding": found, "judge": form.judge}
    return render(request, "guards/binding.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def binding_remove(request: SignedInRequest, binding_id: int) -> HttpResponse:
    found, context = _editable(request, binding_id)
    services.remove_binding(found, actor=request.actor)
    messages.success(request, f"“{found.name}” does not guard here any more.")
    return redirect(context["home"])


@require_POST
@platform_admin
def guard_offer(request: SignedInRequest) -> HttpResponse:
    """Offer a project to all teams as a guard."""
    number = number_in(request.POST.get("project", ""))
    project = get_object_or_404(Project.objects.visible_to(request.actor), pk=number or 0)
    services.offer_guard(project, actor=request.actor)
    messages.success(request, f"Every team may now use “{project.name}” as a guard.")
    return redirect("guards:guards")


@require_POST
@platform_admin
def guard_withdraw(request: SignedInRequest, offer_id: int) -> HttpResponse:
    offered = get_object_or_404(PlatformGuard.objects.editable_by(request.actor), pk=offer_id)
    services.withdraw_guard(offered, actor=request.actor)
    messages.success(request, f"“{offered.project.name}” is for its own team again.")
    return redirect("guards:guards")


def _new(
    request: SignedInRequest, guards: Any, context: dict[str, Any], project: Project | None
) -> HttpResponse:
    """Show what there is to choose from, or the form of what the address names."""
    judge = _chosen(request, guards)
    if judge is None:
        known = guards.select_related("team", "llm").order_by("name")[:GUARDS_SHOWN]
        context |= {"detectors": detectors(), "guards": known}
        return render(request, "guards/choose.html", context)
    slug = judge.get("detector", "")
    kind = MandatoryForm if project is None else BindingForm
    form = kind(request.POST or None, slug=slug, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        place: Place = project if project is not None else form.cleaned_data["team"]
        try:
            made = services.add_binding(place, {**judge, **form.values()}, actor=request.actor)
        except DomainError as error:
            _tell(form, error)
        else:
            messages.success(request, f"“{made.name}” now stands guard.")
            return redirect(context["home"])
    context |= {"form": form, "judge": form.judge, "guard": judge.get("guard")}
    return render(request, "guards/binding.html", context, status=400 if form.errors else 200)


def _chosen(request: SignedInRequest, guards: Any) -> dict[str, Any] | None:
    if slug := request.GET.get("detector"):
        try:
            return {"detector": detector(slug).slug}
        except NotFound:
            raise Http404 from None
    if "guard" not in request.GET:
        return None
    number = number_in(request.GET["guard"]) or 0
    return {"guard": get_object_or_404(guards.select_related("llm", "team"), pk=number)}


def _tell(form: BindingForm, error: DomainError) -> None:
    if error.status not in CORRECTABLE:
        raise error
    form.tell(error)


def _editable(request: SignedInRequest, binding_id: int) -> tuple[GuardBinding, dict[str, Any]]:
    """Return a binding with the head of its page. Raises Http404, Forbidden."""
    rows = GuardBinding.objects.visible_to(request.actor).select_related("project", "guard__llm")
    found = get_object_or_404(rows, pk=binding_id)
    if not GuardBinding.objects.editable_by(request.actor).filter(pk=found.pk).exists():
        raise Forbidden("Only platform administrators change mandatory guards.")
    if found.project_id is None:
        return found, {"base": "guards/analytics_platform.html", "home": reverse("guards:guards")}
    context = for_editors(request, found.project_id, "guards")
    home = reverse("guards:project_guards", args=[found.project_id])
    return found, context | {"base": "projects/project.html", "home": home}
