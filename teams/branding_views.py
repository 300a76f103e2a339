"""Pages: a team's branding, what log-in pages show of it, and the choice of a team."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from restai_site.lib.http import json_response, problem
from restai_site.lib.requests import number_in
from restai_site.ui.forms import errors_on, errors_told, safe_next
from teams import branding, colours
from teams.branding_forms import WRONG_COLOUR, BrandingForm
from teams.models import Branding, Team
from teams.switching import choose_team
from teams.views import for_editors, get_or_post

YEAR_SECONDS = 31_536_000
# Addresses of both files hold a hash of what is in them.
FILE_HEADERS = {
    "Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


@get_or_post
@signed_in
def team_branding(request: SignedInRequest, team_id: int) -> HttpResponse:
    context = for_editors(request, team_id, "branding")
    team = context["team"]
    now = branding.branding_of(team)
    initial = {name: getattr(now, name) for name in branding.TEXT_FIELDS}
    form = BrandingForm(request.POST or None, request.FILES or None, initial=initial, branding=now)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            branding.save_branding(team, form.values(), actor=request.actor)
            messages.success(request, "The branding is saved.")
            return redirect("teams:branding", team.pk)
    context |= {"form": form, "branding": now, "notes": _notes(now.primary, now.secondary)}
    if now.public_slug:
        page = reverse("teams:brand_login", args=[now.public_slug])
        context["login_address"] = settings.PUBLIC_URL + page
    status = 400 if form.errors else 200
    return render(request, "teams/branding.html", context, status=status)


@require_safe
@signed_in
def branding_preview(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Answer with the variables of two colours that are not saved yet, for the page's preview."""
    for_editors(request, team_id, "branding")
    primary, secondary = (request.GET.get(name, "").lower() for name in ("primary", "secondary"))
    try:
        variables = {f"--brand-{k}": v for k, v in colours.palette(primary, secondary).items()}
    except ValueError:
        return json_response(problem(400, WRONG_COLOUR, code="invalid"), 400)
    return json_response({"variables": variables, "notes": _notes(primary, secondary)})


@require_POST
@signed_in
def branding_reset(request: SignedInRequest, team_id: int) -> HttpResponse:
    team = for_editors(request, team_id, "branding")["team"]
    branding.reset_branding(team, actor=request.actor)
    messages.success(request, "The team looks as the platform does.")
    return redirect("teams:branding", team.pk)


@require_POST
@signed_in
def branding_link(request: SignedInRequest, team_id: int) -> HttpResponse:
    team = for_editors(request, team_id, "branding")["team"]
    with errors_told(request):
        branding.renew_public_slug(team, actor=request.actor)
        messages.success(request, "The log-in page has a new address; the old one is plain now.")
    return redirect("teams:branding", team.pk)


@require_safe
def brand_login(request: HttpRequest, public_slug: str) -> HttpResponse:
    """Lead to the log-in page, in the team's branding where there is a team of this slug."""
    return redirect(f"{reverse('accounts:login')}?{urlencode({'brand': public_slug})}")


@require_safe
def brand_style(request: HttpRequest, public_slug: str, style_hash: str) -> HttpResponse:
    """Answer with the style sheet of a team: variables that were worked out, nothing written."""
    found = get_object_or_404(Branding.objects.called(public_slug))
    if style_hash != found.style_hash:
        raise Http404
    sheet = colours.stylesheet(found.primary, found.secondary)
    return HttpResponse(sheet, content_type="text/css; charset=utf-8", headers=FILE_HEADERS)


@require_safe
def brand_logo(request: HttpRequest, public_slug: str, logo_hash: str) -> HttpResponse:
    """Answer with the logo of a team, a PNG file that the platform has written."""
    rows = Branding.objects.called(public_slug).filter(logo_hash=logo_hash)
    found = get_object_or_404(rows.exclude(logo_hash="").defer(None))
    return HttpResponse(bytes(found.logo), content_type="image/png", headers=FILE_HEADERS)


@require_POST
@signed_in
def switch_team(request: SignedInRequest) -> HttpResponse:
    """Work in another team from now on, or in all of them."""
    given = request.POST.get("team", "")
    team = None
    if given:
        visible = Team.objects.visible_to(request.actor)
        team = get_object_or_404(visible, pk=number_in(given))
    choose_team(request, team)
    return redirect(_narrowed(safe_next(request, reverse("projects:list")), team))


def _narrowed(address: str, team: Team | None) -> str:
    """Return the address of a list, narrowed to the team."""
    parts = urlsplit(address)
    query = QueryDict(parts.query, mutable=True)
    query.pop("page", None)
    query.pop("team", None)
    if team is not None:
        query["team"] = str(team.pk)
    return f"{parts.path}?{query.urlencode()}" if query else parts.path


def _notes(primary: str, secondary: str) -> dict[str, Any]:
    return {
        "primary": colours.corrections(primary),
        "secondary": colours.corrections(secondary),
    }
