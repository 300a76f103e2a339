"""Pages: the widgets of a project, for its editors."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from metering.models import Budget
from metering.spans import period_of, periods
from projects.views import for_editors, get_or_post
from restai_site.lib.errors import NotFound
from restai_site.middleware import CONTENT_SECURITY_POLICY
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import table_of
from widget import services
from widget.charts import charts_of
from widget.delivery import NOWHERE, script_url
from widget.forgetting import forget_visitor
from widget.forms import ForgetForm, LooksForm, NewWidgetForm, RenewForm, WidgetForm, end_of
from widget.looks import looks_of
from widget.models import Feedback, Widget
from widget.numbers import Numbers
from widget.script import script

# The preview stands in a frame of the page, and nothing else does.
WITH_FRAME = CONTENT_SECURITY_POLICY + "; frame-src 'self'"
FRAMED = CONTENT_SECURITY_POLICY.replace(NOWHERE, "frame-ancestors 'self'")
OPINIONS = {"helpful": True, "unhelpful": False}
SAMPLE = (
    "This is how an answer looks:\n\n- with **bold** words and `code`,\n- with [links]"
    "(https://example.org),\n\nand as many paragraphs as it takes."
)


@get_or_post
@signed_in
def widgets(request: SignedInRequest, project_id: int) -> HttpResponse:
    """List the widgets of a project, and make one."""
    context = for_editors(request, project_id, "widgets")
    project = context["project"]
    form = NewWidgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            widget, key = services.create_widget(
                project,
                name=form.cleaned_data["name"],
                allowed_origins=form.cleaned_data["allowed_origins"],
                expires_at=end_of(form.cleaned_data["lifetime"]),
                actor=request.actor,
            )
            return _shown_once(request, context, widget, key)
    rows = Widget.objects.visible_to(request.actor).filter(project=project)
    sorts = {"name": "name", "made": "created_at"}
    table = table_of(
        request,
        rows.select_related("key").defer("picture"),
        sorts=sorts,
        default="name",
        search=["name"],
    )
    context |= {"form": form, "table": table}
    return render(request, "widget/list.html", context, status=400 if form.errors else 200)


@get_or_post
@signed_in
def widget(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Show a widget, and change it."""
    context = for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    cap = Budget.objects.filter(api_key_id=row.key_id or 0, period="day", unit="money").first()
    form = WidgetForm(request.POST or None, request.FILES or None, initial=_initial(row, cap))
    if request.method == "POST" and form.is_valid():
        with errors_on(form), transaction.atomic():
            services.update_widget(row, form.values(), actor=request.actor)
            services.set_daily_cap(row, form.cleaned_data["daily_cap"], actor=request.actor)
            if form.cleaned_data["picture"] or form.cleaned_data["remove_picture"]:
                services.set_picture(row, form.cleaned_data["picture"], actor=request.actor)
            messages.success(request, f"The widget “{row.name}” is saved.")
            return redirect("widgets:widget", project_id, row.pk)
    context |= {
        "form": form,
        "widget": row,
        "numbers": Numbers(row),
        "renew_form": RenewForm(),
        "forget_form": ForgetForm(),
        "snippet": _snippet(request, f"{row.key.prefix}…" if row.key else "wk_…"),
        "is_answering": Widget.objects.answering().filter(pk=row.pk).exists(),
    }
    response = render(request, "widget/widget.html", context, status=400 if form.errors else 200)
    response.headers["Content-Security-Policy"] = WITH_FRAME
    return response


@require_safe
@signed_in
def numbers(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Show what a widget has done, by the day or the hour."""
    context = for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    found = Numbers(row, period_of(request.GET.get("period", "")))
    context |= {
        "widget": row,
        "numbers": found,
        "periods": periods(),
        "period": found.period,
        "as_of": found.as_of,
        "is_empty": not (found.visitors or found.totals.messages),
        "charts": charts_of(found),
    }
    return render(request, "widget/numbers.html", context)


@require_safe
@signed_in
def feedback(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """List what visitors think of answers, and why."""
    context = for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    rows = Feedback.objects.visible_to(request.actor).filter(widget=row).in_conversations()
    opinion = request.GET.get("opinion", "")
    if opinion in OPINIONS:
        rows = rows.filter(is_helpful=OPINIONS[opinion])
    sorts = {"when": "created_at"}
    table = table_of(request, rows, sorts=sorts, default="-when", search=["reason"])
    context |= {"widget": row, "table": table, "opinion": opinion}
    return render(request, "widget/feedback.html", context)


@require_safe
@signed_in
def preview(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """The chat as the form has it, with canned answers: nothing is saved and no model asked."""
    for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    form = LooksForm(request.GET or None)
    if form.is_valid():
        for name, value in form.looks().items():
            setattr(row, name, value)
    looks = looks_of(row) | {"sample": SAMPLE}
    context = {"script_url": script_url(), "looks": json.dumps(looks)}
    response = render(request, "widget/preview.html", context)
    response.headers["Content-Security-Policy"] = FRAMED
    response.is_framed = True  # type: ignore[attr-defined]
    return response


@require_POST
@signed_in
def renew(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Give a widget a new key, and show it once."""
    context = for_editors(request, project_id, "widgets")
    row, form = _widget(request, project_id, widget_id), RenewForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose when the key so far stops.")
        return redirect("widgets:widget", project_id, row.pk)
    with errors_told(request):
        row, key = services.renew_key(
            row,
            overlap=timedelta(hours=form.cleaned_data["overlap_hours"]),
            expires_at=end_of(form.cleaned_data["lifetime"]),
            actor=request.actor,
        )
        return _shown_once(request, context, row, key)
    return redirect("widgets:widget", project_id, row.pk)


@require_POST
@signed_in
def identity(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Give a widget a new secret for known visitors, and show it once."""
    context = for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    with errors_told(request):
        row, secret = services.renew_identity_secret(row, actor=request.actor)
        context |= {"widget": row, "secret": secret}
        return render(request, "widget/identity.html", context)
    return redirect("widgets:widget", project_id, row.pk)


@require_POST
@signed_in
def forget(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Delete what a known visitor has said."""
    for_editors(request, project_id, "widgets")
    row, form = _widget(request, project_id, widget_id), ForgetForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Enter what your website calls the visitor.")
        return redirect("widgets:widget", project_id, row.pk)
    try:
        count = forget_visitor(row, form.cleaned_data["subject"], actor=request.actor)
    except NotFound as error:
        messages.error(request, error.message)
    else:
        chats = f"{count} conversation{pluralize(count)}"
        messages.success(request, f"The visitor is forgotten, with {chats}.")
    return redirect("widgets:widget", project_id, row.pk)


@require_POST
@signed_in
def delete(request: SignedInRequest, project_id: int, widget_id: int) -> HttpResponse:
    """Delete a widget."""
    for_editors(request, project_id, "widgets")
    row = _widget(request, project_id, widget_id)
    services.delete_widget(row, actor=request.actor)
    messages.success(request, f"The widget “{row.name}” is deleted.")
    return redirect("widgets:widgets", project_id)


def _widget(request: SignedInRequest, project_id: int, widget_id: int) -> Widget:
    rows = Widget.objects.editable_by(request.actor)
    rows = rows.select_related("key__user", "project__team__branding", "project__llm")
    row: Widget = get_object_or_404(
        rows.defer("project__team__branding__logo", "identity_secret"),
        pk=widget_id,
        project_id=project_id,
    )
    return row


def _initial(row: Widget, cap: Budget | None) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in services.EDITABLE_FIELDS}
    return found | {"daily_cap": cap.amount.normalize() if cap else None}


def _snippet(request: SignedInRequest, key: str) -> str:
    address = request.build_absolute_uri("/widget/chat.js")
    return f'<script src="{address}" data-widget="{key}" async></script>'


def _pinned(request: SignedInRequest, key: str) -> str:
    address = request.build_absolute_uri(script_url())
    return (
        f'<script src="{address}" integrity="{script().integrity}" crossorigin="anonymous" '
        f'data-widget="{key}" async></script>'
    )


def _shown_once(
    request: SignedInRequest, context: dict[str, Any], row: Widget, key: str
) -> HttpResponse:
    """Show the key in this answer alone: it is stored nowhere, so there is no page to go to."""
    shown = {
        "widget": row,
        "snippet": _snippet(request, key),
        "pinned": _pinned(request, key),
        "frame_url": request.build_absolute_uri(f"/widget/{row.public_id}/frame#{key}"),
    }
    return render(request, "widget/key.html", context | shown)
