"""What can be done to the secrets of projects."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.services import CHANGED, changes_of, record
from projects.models import (
    SECRET_NAME,
    SECRET_VALUE_MAX_LENGTH,
    SECRETS_PER_PROJECT,
    Project,
    ProjectSecret,
)
from projects.services.rules import locked_project, require_known
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Invalid

SECRET_NAME_TAKEN = "The project already has a secret with this name; replace its value."  # noqa: S105


@transaction.atomic
def create_secret(
    project: Project, *, name: str, value: str, description: str = "", actor: Actor
) -> ProjectSecret:
    """Keep a secret under a name that the project's configurations then refer to.

    `value` is kept as it is, to the last blank. Raises Forbidden, Invalid (name, value), Conflict
    (name taken, or SECRETS_PER_PROJECT reached).
    """
    project = locked_project(project, actor)
    _require_secret_name(name)
    _require_secret_value(value)
    # The project's row is locked, so nobody else adds one meanwhile.
    if project.secrets.count() >= SECRETS_PER_PROJECT:
        message = f"A project has {SECRETS_PER_PROJECT} secrets at most; delete one first."
        raise Conflict(message, code="too_many_secrets")
    secret = ProjectSecret(project=project, name=name, value=value, description=description)
    secret.set_at, secret.set_by_id = timezone.now(), actor.user_id
    try:
        with transaction.atomic():
            secret.save(force_insert=True)
    except IntegrityError:
        raise Conflict(SECRET_NAME_TAKEN, fields={"name": [SECRET_NAME_TAKEN]}) from None
    shown = {"project": project, "value": CHANGED, "description": description}
    record(actor, "project_secret.create", secret, team_id=project.team_id, changes=shown)
    return secret


@transaction.atomic
def update_secret(
    secret: ProjectSecret, values: Mapping[str, Any], *, actor: Actor
) -> ProjectSecret:
    """Replace the `value` of a secret, or change its `description`.

    The name stays: configurations refer to it. A value counts as replaced also by itself, so that
    nobody learns by trying whether a guess is right. Raises Forbidden, Invalid.
    """
    project = locked_project(secret.project, actor)
    require_known(values, frozenset({"value", "description"}))
    secret = ProjectSecret.objects.without_values().get(pk=secret.pk)
    others = {name: text for name, text in values.items() if name != "value"}
    changes = changes_of(secret, others)
    written = list(changes)
    if "value" in values:
        _require_secret_value(values["value"])
        secret.set_at, secret.set_by_id = timezone.now(), actor.user_id
        written += ["value", "set_at", "set_by"]
        changes["value"] = {"before": CHANGED, "after": CHANGED}
    if not changes:
        return secret
    for name in changes:
        setattr(secret, name, values[name])
    secret.save(update_fields=written)
    shown = {"project": project, **changes}
    record(actor, "project_secret.update", secret, team_id=project.team_id, changes=shown)
    return secret


@transaction.atomic
def delete_secret(secret: ProjectSecret, *, actor: Actor) -> None:
    """Destroy a secret; what refers to it fails from now on. Raises Forbidden."""
    project = locked_project(secret.project, actor)
    secret = ProjectSecret.objects.without_values().get(pk=secret.pk)
    shown = {"project": project}
    record(actor, "project_secret.delete", secret, team_id=project.team_id, changes=shown)
    secret.delete()


def _require_secret_name(name: str) -> None:
    try:
        SECRET_NAME(name)
    except ValidationError:
        message = str(SECRET_NAME.message)
        raise Invalid(message, fields={"name": [message]}) from None


def _require_secret_value(value: str) -> None:
    message = ""
    if not 1 <= len(value) <= SECRET_VALUE_MAX_LENGTH:
        message = f"A value has from 1 to {SECRET_VALUE_MAX_LENGTH} characters."
    elif "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        message = "A value is text without the NUL character and without lone surrogates."
    if message:
        raise Invalid(message, fields={"value": [message]})
