"""What can be done to projects, their prompts and their members."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.services import CHANGED, changes_of, record
from catalog.models import LLM
from projects.models import (
    SECRET_NAME,
    SECRET_VALUE_MAX_LENGTH,
    SECRETS_PER_PROJECT,
    Project,
    ProjectMember,
    ProjectSecret,
    PromptVersion,
)
from projects.sections import LoggingSection
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Membership, Team

EDITABLE_FIELDS = frozenset(
    {
        *("name", "description", "llm", "temperature", "top_p", "max_tokens"),
        *("visibility", "inference_logging"),
    }
)
NAME_TAKEN = "The team already has a project with this name."
SECRET_NAME_TAKEN = "The project already has a secret with this name; replace its value."  # noqa: S105
STILL_KEPT = "Conversations are deleted here only where inference logging is off; switch it off."


@transaction.atomic
def create_project(team: Team, values: Mapping[str, Any], *, actor: Actor) -> Project:
    """Create a project in a team that the actor runs.

    `values` may hold EDITABLE_FIELDS and `system_prompt`. Raises Forbidden, Invalid (LLM not
    granted), Conflict (name taken).
    """
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only admins of the team may create projects in it.")
    _require_known(values, EDITABLE_FIELDS | {"system_prompt"})
    require_grant(team, values["llm"])
    values = {"inference_logging": current(LoggingSection).new_projects, **values}
    project = Project(team=team, created_by_id=actor.user_id, **values)
    _save(project)
    _add_version(project, note="First version", actor=actor)
    changes = {name: values[name] for name in values if name != "system_prompt"}
    record(actor, "project.create", project, team_id=team.pk, changes=changes)
    return project


@transaction.atomic
def update_project(
    project: Project,
    values: Mapping[str, Any],
    *,
    delete_conversations: bool = False,
    actor: Actor,
) -> Project:
    """Change fields of a project; a `system_prompt` among them becomes a new version.

    `delete_conversations` also deletes everybody's stored conversations with the project, which
    then must keep no new ones. Who sees a project is decided by those who manage it, the rest by
    its editors. Raises Forbidden, Invalid (LLM not granted, conversations still kept), Conflict
    (name taken).
    """
    values = dict(values)
    if "system_prompt" in values:
        set_prompt(project, values.pop("system_prompt"), actor=actor)
    project = _lock(project, actor)
    _require_known(values, EDITABLE_FIELDS)
    changes = changes_of(project, values)
    if "visibility" in changes:
        _require_managed(project, actor)
    if "llm" in changes:
        require_grant(project.team, values["llm"])
    for name in changes:
        setattr(project, name, values[name])
    deleted = _delete_conversations(project) if delete_conversations else {}
    if changes:
        _save(project, [*changes, "updated_at"])
    if changes or deleted:
        shown = {**changes, **deleted}
        record(actor, "project.update", project, team_id=project.team_id, changes=shown)
    return project


@transaction.atomic
def delete_project(project: Project, *, actor: Actor) -> None:
    """Delete a project with its conversations; the usage ledger stays. Raises Forbidden."""
    project = _lock(project, actor)
    _require_managed(project, actor)
    record(actor, "project.delete", project, team_id=project.team_id)
    project.delete()


@transaction.atomic
def set_prompt(
    project: Project, text: str, *, note: str = "", actor: Actor
) -> PromptVersion | None:
    """Set the system prompt and keep it as a new version; None when the text is unchanged."""
    project = _lock(project, actor)
    if text == project.system_prompt:
        return None
    project.system_prompt = text
    project.save(update_fields=["system_prompt", "updated_at"])
    version = _add_version(project, note=note, actor=actor)
    record(
        actor,
        "project.prompt",
        project,
        team_id=project.team_id,
        changes={"version": version.number, "note": note},
    )
    return version


def restore_prompt(version: PromptVersion, *, actor: Actor) -> PromptVersion | None:
    """Make the text of an older version the prompt again, as a new version."""
    note = f"Restored version {version.number}"
    return set_prompt(version.project, version.text, note=note, actor=actor)


@transaction.atomic
def add_project_member(
    project: Project, user: User, *, role: str = "viewer", actor: Actor
) -> ProjectMember:
    """Assign a member of the team to the project. Raises Forbidden, Invalid, Conflict."""
    project = _lock(project, actor)
    _require_managed(project, actor)
    _require_role(role)
    if not Membership.objects.filter(team=project.team_id, user=user).exists():
        message = "Only members of the team can be added; add the person to the team first."
        raise Invalid(message, fields={"user": [message]})
    try:
        with transaction.atomic():
            member = ProjectMember.objects.create(project=project, user=user, role=role)
    except IntegrityError:
        raise Conflict(f"{user} already has access to the project.") from None
    changes = {"user": user, "role": role}
    record(actor, "project.member_add", project, team_id=project.team_id, changes=changes)
    return member


@transaction.atomic
def change_project_role(member: ProjectMember, *, role: str, actor: Actor) -> ProjectMember:
    """Change what an assigned user may do. Raises Forbidden, Invalid."""
    project = _lock(member.project, actor)
    _require_managed(project, actor)
    _require_role(role)
    member = ProjectMember.objects.select_for_update().get(pk=member.pk)
    changes = changes_of(member, {"role": role})
    if changes:
        member.role = role
        member.save(update_fields=["role"])
        shown = {"user": member.user, **changes}
        record(actor, "project.member_role", project, team_id=project.team_id, changes=shown)
    return member


@transaction.atomic
def remove_project_member(member: ProjectMember, *, actor: Actor) -> None:
    """Take a user's access to a project away. Raises Forbidden."""
    project = _lock(member.project, actor)
    _require_managed(project, actor)
    changes = {"user": member.user}
    record(actor, "project.member_remove", project, team_id=project.team_id, changes=changes)
    member.delete()


@transaction.atomic
def create_secret(
    project: Project, *, name: str, value: str, description: str = "", actor: Actor
) -> ProjectSecret:
    """Keep a secret under a name that the project's configurations then refer to.

    `value` is kept as it is, to the last blank. Raises Forbidden, Invalid (name, value), Conflict
    (name taken, or SECRETS_PER_PROJECT reached).
    """
    project = _lock(project, actor)
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
    project = _lock(secret.project, actor)
    _require_known(values, frozenset({"value", "description"}))
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
    project = _lock(secret.project, actor)
    secret = ProjectSecret.objects.without_values().get(pk=secret.pk)
    shown = {"project": project}
    record(actor, "project_secret.delete", secret, team_id=project.team_id, changes=shown)
    secret.delete()


def require_grant(team: Team, llm: LLM) -> None:
    """Raise Invalid unless `llm` is enabled and granted to `team`."""
    if not team.llms.filter(pk=llm.pk, enabled=True).exists():
        message = "This model is not granted to the team."
        raise Invalid(message, code="model_not_granted", fields={"llm": [message]})


def _lock(project: Project, actor: Actor) -> Project:
    locked: Project = Project.objects.select_for_update().get(pk=project.pk)
    if not Project.objects.editable_by(actor).filter(pk=project.pk).exists():
        raise Forbidden("Only editors of the project may do this.")
    return locked


def _delete_conversations(project: Project) -> dict[str, int]:
    """Delete everybody's conversations and return their number as the trail shows it."""
    if project.keeps_conversations:
        raise Invalid(STILL_KEPT, fields={"delete_conversations": [STILL_KEPT]})
    # An answer that is being written at this moment holds its conversation. It is waited for here,
    # so that it goes with the others.
    found = list(project.conversations.select_for_update().values_list("pk", flat=True))
    project.conversations.all().delete()
    return {"deleted_conversations": len(found)} if found else {}


def _require_managed(project: Project, actor: Actor) -> None:
    if not Project.objects.managed_by(actor).filter(pk=project.pk).exists():
        raise Forbidden("Only admins of the team may do this.")


def _require_role(role: str) -> None:
    if role not in ProjectMember.Role.values:
        raise Invalid("A role is viewer or editor.", fields={"role": ["Choose viewer or editor."]})


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


def _require_known(values: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := set(values) - known:
        raise Invalid(f"These fields cannot be set here: {', '.join(sorted(unknown))}.")


def _add_version(project: Project, *, note: str, actor: Actor) -> PromptVersion:
    # The project's row is locked (or new), so the number is free.
    last = project.prompt_versions.aggregate(last=Max("number"))["last"] or 0
    return PromptVersion.objects.create(
        project=project,
        number=last + 1,
        text=project.system_prompt,
        note=note,
        author_id=actor.user_id,
    )


def _save(project: Project, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            project.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(NAME_TAKEN, fields={"name": [NAME_TAKEN]}) from None
