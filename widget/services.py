"""What can be done to widgets. Each service checks, writes and records."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actors import user_behind
from accounts.services import revoke_api_key
from accounts.services.widget_keys import create_widget_key, renew_widget_key
from audit.services import changes_of, record
from metering.models import Budget
from metering.services import change_budget, create_budget, remove_budget
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.emblems import emblem_from
from restai_site.lib.errors import Forbidden, Invalid
from widget.models import STARTERS_MAX, Widget, new_public_id
from widget.origins import normal_list

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

LOOKS = (
    *("title", "subtitle", "avatar", "accent", "position", "theme", "language"),
    *("welcome_message", "starters", "placeholder", "privacy_note", "privacy_url"),
)
LIMITS = (
    *("message_length", "turns", "visitor_per_minute", "address_per_minute"),
    *("messages_per_day", "challenge"),
)
EDITABLE_FIELDS = frozenset({"name", "is_paused", "allowed_origins", *LOOKS, *LIMITS})
WIDGETS_MAX = 50
IDENTITY_BYTES = 32
# Twice the size at which it is drawn. It goes to every page together with the looks.
PICTURE_SIDE_PIXELS, PICTURE_MAX_BYTES = 72, 16_000
NOT_YOURS = "Only editors of the project may do this."


@transaction.atomic
def create_widget(
    project: Project,
    *,
    name: str,
    allowed_origins: list[str] | None = None,
    expires_at: datetime | None = None,
    actor: Actor,
) -> tuple[Widget, str]:
    """Create a widget of a project, and return it with its key, which is not stored.

    No website may use it unless it is listed. Raises Forbidden, Invalid.
    """
    project = locked_project(project, actor)
    if project.widgets.count() >= WIDGETS_MAX:
        raise Invalid(f"A project has at most {WIDGETS_MAX} widgets.")
    public_id, user = new_public_id(), user_behind(actor)
    widget = Widget(project=project, name=name.strip(), public_id=public_id)
    widget.allowed_origins = normal_list(allowed_origins or [])
    _validate(widget)
    widget.key, plaintext = create_widget_key(
        user,
        name=f"Widget: {widget.name}",
        public_id=public_id,
        project_id=project.pk,
        expires_at=expires_at,
        actor=actor,
    )
    widget.save()
    shown = {"name": widget.name, "allowed_origins": widget.allowed_origins}
    record(actor, "widget.create", widget, team_id=project.team_id, changes=shown)
    return widget, plaintext


@transaction.atomic
def update_widget(widget: Widget, values: Mapping[str, Any], *, actor: Actor) -> Widget:
    """Change looks, websites, limits, or the switch that pauses it. Raises Forbidden, Invalid."""
    unknown = set(values) - EDITABLE_FIELDS
    if unknown:
        raise Invalid(f"“{min(unknown)}” cannot be changed.")
    row, given = locked_widget(widget, actor), dict(values)
    if "allowed_origins" in given:
        given["allowed_origins"] = normal_list(given["allowed_origins"])
    if "starters" in given:
        given["starters"] = _starters(given["starters"])
    changes = changes_of(row, given)
    for name in changes:
        setattr(row, name, given[name])
    if changes:
        _validate(row)
        row.save(update_fields=[*changes, "updated_at"])
        record(actor, "widget.update", row, team_id=row.project.team_id, changes=changes)
    return row


@transaction.atomic
def set_picture(widget: Widget, picture: "Emblem | None", *, actor: Actor) -> Widget:
    """Give a widget a picture of its own, as `picture_from` returns it, or none.

    Raises Forbidden.
    """
    row = locked_widget(widget, actor)
    content = picture.content if picture else b""
    if bytes(row.picture) == content:
        return row
    row.picture = content
    row.save(update_fields=["picture", "updated_at"])
    changes = {"picture": {"before": "changed", "after": "changed"}}
    record(actor, "widget.update", row, team_id=row.project.team_id, changes=changes)
    return row


def picture_from(content: bytes) -> "Emblem":
    """Return the picture in an uploaded file. Raises as `emblem_from` does."""
    return emblem_from(content, side=PICTURE_SIDE_PIXELS, most_bytes=PICTURE_MAX_BYTES)


@transaction.atomic
def renew_key(
    widget: Widget,
    *,
    overlap: timedelta = timedelta(hours=24),
    expires_at: datetime | None = None,
    actor: Actor,
) -> tuple[Widget, str]:
    """Give a widget a new key and return it; the old one works for `overlap` beside it.

    Whoever does this answers for the widget from now on. Raises Forbidden, Invalid.
    """
    row, user = locked_widget(widget, actor), user_behind(actor)
    shared: dict[str, Any] = {"public_id": row.public_id, "expires_at": expires_at}
    if row.key is None:
        row.key, plaintext = create_widget_key(
            user,
            name=f"Widget: {row.name}",
            project_id=row.project_id,
            actor=actor,
            **shared,
        )
    else:
        row.key, plaintext = renew_widget_key(row.key, user, overlap=overlap, actor=actor, **shared)
    row.save(update_fields=["key", "updated_at"])
    record(actor, "widget.key", row, team_id=row.project.team_id)
    return row, plaintext


@transaction.atomic
def renew_identity_secret(widget: Widget, *, actor: Actor) -> tuple[Widget, str]:
    """Give a widget a new secret by which its website says who visitors are, and return it.

    The one before it is void at once. Raises Forbidden.
    """
    if not actor.is_own_session:
        raise Forbidden("Secrets are made by people who are signed in as themselves.")
    row = locked_widget(widget, actor)
    row.identity_secret = "ws_" + secrets.token_urlsafe(IDENTITY_BYTES)
    row.save(update_fields=["identity_secret", "updated_at"])
    changes = {"identity_secret": {"before": "changed", "after": "changed"}}
    record(actor, "widget.identity", row, team_id=row.project.team_id, changes=changes)
    return row, row.identity_secret


@transaction.atomic
def delete_widget(widget: Widget, *, actor: Actor) -> None:
    """Delete a widget with its key; what was said stays in the project's log. Raises Forbidden."""
    row = locked_widget(widget, actor)
    record(actor, "widget.delete", row, team_id=row.project.team_id)
    if row.key is not None:
        revoke_api_key(row.key, actor=Actor.system("widget"))
    row.delete()


@transaction.atomic
def set_daily_cap(widget: Widget, amount: Decimal | None, *, actor: Actor) -> Budget | None:
    """Say what a widget may cost in a day, in US dollars; None: no cap of its own.

    It is a budget of the widget's key, counted as all budgets are. Raises Forbidden, Invalid.
    """
    row = locked_widget(widget, actor)
    if row.key is None:
        raise Invalid("Make a key for this widget first.")
    # The right to the widget gives the one to its cap: its key is nobody's to give budgets to.
    by = Actor.system(f"widget by user {actor.own_id}")
    found = Budget.objects.filter(api_key=row.key, period="day", unit="money").first()
    before = found.amount if found else None
    if amount == before:
        return found
    if amount is None:
        if found is not None:
            remove_budget(found, actor=by)
        made = None
    elif found is None:
        made = create_budget(row.key, period="day", unit="money", amount=amount, actor=by)
    else:
        made = change_budget(found, amount=amount, actor=by)
    changes = {"daily_cap": {"before": str(before), "after": str(amount)}}
    record(actor, "widget.update", row, team_id=row.project.team_id, changes=changes)
    return made


def locked_project(project: Project, actor: Actor) -> Project:
    """Return the project, locked for who may change it. Raises Forbidden."""
    rows = Project.objects.select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk__in=Project.objects.editable_by(actor), pk=project.pk).first()
    if found is None:
        raise Forbidden(NOT_YOURS)
    return found


def locked_widget(widget: Widget, actor: Actor) -> Widget:
    """Return the widget, locked for who may change it. Raises Forbidden."""
    rows = Widget.objects.editable_by(actor).select_related("project", "key__user")
    row: Widget | None = rows.select_for_update(of=("self",)).filter(pk=widget.pk).first()
    if row is None:
        raise Forbidden(NOT_YOURS)
    return row


def _starters(texts: list[str]) -> list[str]:
    found = [" ".join(text.split()) for text in texts if text.strip()]
    if len(found) > STARTERS_MAX:
        message = f"Write at most {STARTERS_MAX} questions."
        raise Invalid(message, fields={"starters": [message]})
    return found


def _validate(widget: Widget) -> None:
    try:
        widget.clean_fields(exclude=["project", "key", "identity_secret"])
    except ValidationError as error:
        fields = {name: list(texts) for name, texts in error.message_dict.items()}
        raise Invalid(next(iter(fields.values()))[0], fields=fields) from None
