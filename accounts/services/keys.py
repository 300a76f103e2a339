"""What can be done to API keys."""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import limits
from accounts.models import ApiKey, User
from accounts.networks import normal_networks
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.lib.rate_limit import require_per_minute

KEY_PREFIX = "rk_"
KEY_BYTES = 32
SHOWN_PREFIX_LENGTH = 8
OVERLAP_MAX = timedelta(days=7)
FOR_OWNERS = "API keys are made, renamed and rotated by their owner, signed in."


@transaction.atomic
def create_api_key(
    user: User,
    *,
    name: str,
    expires_at: datetime | None = None,
    scope: str = ApiKey.Scope.FULL,
    project_ids: Collection[int] | None = None,
    team_id: int | None = None,
    allowed_networks: Iterable[str] = (),
    requests_per_minute: int | None = None,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """Create an API key for the actor and return it with its plaintext, which is not stored.

    The key is `rk_` and 256 random bits. It can be narrowed to projects or to a team that the actor
    sees now, and to networks (see `normal_networks`); `requests_per_minute` limits its calls of
    models. Raises Forbidden for keys that would mint keys, Invalid for limits.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden(FOR_OWNERS)
    require_per_minute(requests_per_minute)
    values: dict[str, Any] = {
        "name": name,
        "expires_at": expires_at,
        "scope": _known_scope(scope),
        "project_ids": _narrowed(project_ids, team_id, actor),
        "team_id": team_id,
        "allowed_networks": normal_networks(allowed_networks),
        "requests_per_minute": requests_per_minute,
    }
    plaintext, shown = _secret()
    key = ApiKey.objects.create(user=user, **values, **shown)
    said = {field: value for field, value in values.items() if value not in (None, [])}
    record(actor, "api_key.create", key, changes=said)
    return key, plaintext


@transaction.atomic
def rename_api_key(key: ApiKey, *, name: str, actor: Actor) -> ApiKey:
    """Give a key another name. What it reaches stays: make another key for that."""
    key = _own(key, actor)
    changes = changes_of(key, {"name": name})
    if changes:
        key.name = name
        key.save(update_fields=["name"])
        record(actor, "api_key.update", key, changes=changes)
    return key


@transaction.atomic
def limit_api_key(key: ApiKey, *, requests_per_minute: int | None, actor: Actor) -> ApiKey:
    """Let a key make fewer calls a minute than so far; more it never may. None is no limit.

    Raises Forbidden, Invalid, Conflict for a limit that is higher.
    """
    require_per_minute(requests_per_minute)
    key = _own(key, actor)
    before = key.requests_per_minute
    if before is not None and (requests_per_minute is None or requests_per_minute > before):
        message = f"This key may make {before} requests a minute: choose fewer, or make a new key."
        raise Conflict(message, fields={"requests_per_minute": [message]})
    changes = changes_of(key, {"requests_per_minute": requests_per_minute})
    if changes:
        key.requests_per_minute = requests_per_minute
        key.save(update_fields=["requests_per_minute"])
        record(actor, "api_key.limit", key, changes=changes)
    return key


@transaction.atomic
def rotate_api_key(
    key: ApiKey, *, overlap: timedelta = timedelta(0), actor: Actor
) -> tuple[ApiKey, str]:
    """Give a key a new secret and return it with its plaintext, which is not stored.

    The secret so far works for `overlap` (OVERLAP_MAX at most) beside the new one, the one before
    it no more. Raises Forbidden, Invalid, Conflict for a key that is revoked or has expired.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        message = f"The old secret works for {OVERLAP_MAX.days} days at most."
        raise Invalid(message, fields={"overlap_minutes": [message]})
    key = _own(key, actor)
    if not key.is_usable:
        raise Conflict("This key is revoked or has expired: create another one.")
    if key.scope == ApiKey.Scope.WIDGET:
        raise Conflict("The key of a widget is renewed at its widget.")
    now = timezone.now()
    key.previous_digest = key.digest if overlap else None
    key.previous_until = now + overlap if overlap else None
    key.rotated_at = now
    plaintext, shown = _secret()
    key.prefix, key.digest = shown["prefix"], shown["digest"]
    key.save(update_fields=["prefix", "digest", "previous_digest", "previous_until", "rotated_at"])
    changes = {"overlap_minutes": int(overlap.total_seconds() // 60)}
    record(actor, "api_key.rotate", key, changes=changes)
    return key, plaintext


@transaction.atomic
def revoke_api_key(key: ApiKey, *, actor: Actor) -> ApiKey:
    """Revoke a key; it stops at the next request. Revoking twice changes nothing."""
    found = ApiKey.objects.editable_by(actor).select_for_update(of=("self",)).filter(pk=key.pk)
    if not found.exists():
        raise Forbidden("API keys are revoked by their owner, signed in.")
    key = found.get()
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        record(actor, "api_key.revoke", key)
    return key


def keys_narrowed_to(project_id: int) -> QuerySet[ApiKey]:
    """Return the keys that reach this project and nothing else, and that nobody has revoked."""
    return ApiKey.objects.unrevoked().filter(project_ids=[project_id])


def revoke_keys_of_project(keys: QuerySet[ApiKey], *, actor: Actor) -> int:
    """Revoke `keys`, whose one project goes away from them; return their number.

    For the app that owns the project: call it inside the transaction of its change, which is what
    gives the right.
    """
    found = list(keys.select_for_update(of=("self",)).order_by("pk"))
    ApiKey.objects.filter(pk__in=[key.pk for key in found]).update(revoked_at=timezone.now())
    for key in found:
        record(actor, "api_key.revoke", key, changes={"reason": "its project went away"})
    return len(found)


def _own(key: ApiKey, actor: Actor) -> ApiKey:
    """Lock the key. An administrator who could rotate another's would come to act as them."""
    if not actor.is_own_session or key.user_id != actor.user_id:
        raise Forbidden(FOR_OWNERS)
    return ApiKey.objects.select_for_update().get(pk=key.pk, user_id=actor.own_id)


def _secret() -> tuple[str, dict[str, str]]:
    """Return a new plaintext, and what is stored of it."""
    plaintext = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    shown = {"prefix": plaintext[:SHOWN_PREFIX_LENGTH], "digest": keyed_digest(plaintext)}
    return plaintext, shown


def _known_scope(scope: str) -> str:
    chosen = [value for value, _ in ApiKey.CHOSEN_SCOPES]
    if scope not in chosen:
        message = f"A scope is one of {', '.join(chosen)}."
        raise Invalid(message, fields={"scope": [message]})
    return scope


def _narrowed(
    project_ids: Collection[int] | None, team_id: int | None, actor: Actor
) -> list[int] | None:
    """Check what a key is narrowed to, and return its projects in order, each once."""
    if team_id is not None:
        limits.require_visible(limits.TEAMS, [team_id], actor, field="team_id")
    if project_ids is None:
        return None
    found = sorted(set(project_ids))
    message = ""
    if team_id is not None:
        message = "Narrow a key to projects or to a team, not to both."
    elif not found:
        # Never the same as None, which narrows nothing.
        message = "Choose one project or more."
    elif len(found) > limits.PROJECTS_MAX:
        message = f"Choose at most {limits.PROJECTS_MAX} projects."
    if message:
        raise Invalid(message, fields={"project_ids": [message]})
    limits.require_visible(limits.PROJECTS, found, actor, field="project_ids")
    return found
