"""The first stage: one hop to the database that decides whether a call may be made, and how."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models import Exists, Min, OuterRef, Q
from django.http import HttpRequest

from accounts.credentials import require
from catalog.adapters.types import ChatRequest, Endpoint
from catalog.models import LLM, CatalogModel, EmbeddingModel
from inference.bodies import PRIVILEGED_ROLES, ChatBody, CompletionBody, EmbeddingBody
from inference.calls import Call
from inference.history import begin_turn
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, NotFound
from teams.models import Team

PROJECT_PREFIX = "project/"
NO_SUCH_MODEL = "There is no model “{name}”, or it is not granted to a team of yours."
NOT_GRANTED = "The model of this project is switched off or no longer granted to its team."


def prepare_completion(request: HttpRequest, body: CompletionBody) -> Call:
    """Resolve the sender and the model of `POST /v1/chat/completions`.

    `model` names an LLM granted to a team of the caller, or `project/<id>`. Raises Unauthenticated,
    NotFound, Forbidden.
    """
    actor = require(request)
    if body.model.startswith(PROJECT_PREFIX):
        project = _project_named(body.model, actor)
        call = _project_call(project, actor)
        call.request = _as_project(project, body.request, actor)
    else:
        call = _model_call(LLM, body.model, actor)
        call.request = body.request
    call.streamed = body.stream
    return call


def prepare_embedding(request: HttpRequest, body: EmbeddingBody) -> Call:
    """Resolve the sender and the model of `POST /v1/embeddings`."""
    call = _model_call(EmbeddingModel, body.model, require(request))
    call.inputs = body.inputs
    return call


def prepare_chat(request: HttpRequest, project_id: int, body: ChatBody) -> Call:
    """Resolve the sender, the project and the conversation, and keep what the person said.

    Raises Unauthenticated, NotFound (project or conversation), Forbidden.
    """
    actor = require(request)
    project = _visible_project(project_id, actor)
    call = _project_call(project, actor)
    call.turn, messages = begin_turn(project, body, actor=actor)
    call.request = _as_project(project, ChatRequest(messages=messages), actor)
    call.streamed = body.stream
    return call


def endpoint_of(model: CatalogModel) -> Endpoint:
    """Return where and how `model` is called."""
    provider = model.provider
    return Endpoint(
        kind=provider.kind,
        model=model.litellm_model,
        base_url=provider.base_url,
        api_key=provider.api_key,
        connect_seconds=settings.PROVIDER_CONNECT_SECONDS,
        idle_seconds=settings.PROVIDER_IDLE_SECONDS,
        timeout_seconds=settings.PROVIDER_TOTAL_SECONDS,
    )


def _project_named(name: str, actor: Actor) -> Project:
    number = name.removeprefix(PROJECT_PREFIX)
    # Eighteen digits always fit the column.
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise NotFound(NO_SUCH_MODEL.format(name=name[:100]), code="model_not_found")
    return _visible_project(int(number), actor)


def _visible_project(project_id: int, actor: Actor) -> Project:
    grants = Team.llms.through.objects.filter(
        team_id=OuterRef("team_id"), llm_id=OuterRef("llm_id")
    )
    project = (
        Project.objects.visible_to(actor)
        .select_related("llm__provider")
        .annotate(is_granted=Exists(grants))
        .filter(pk=project_id)
        .first()
    )
    if project is None:
        raise NotFound("There is no such project, or you may not use it.", code="model_not_found")
    return project


def _project_call(project: Project, actor: Actor) -> Call:
    if not (project.is_granted and project.llm.enabled):  # type: ignore[attr-defined]
        raise Forbidden(NOT_GRANTED, code="model_not_granted")
    return _call(project.llm, actor, team_id=project.team_id, project_id=project.pk)


def _model_call(kind: type[LLM | EmbeddingModel], name: str, actor: Actor) -> Call:
    mine = Q(teams__memberships__user_id=actor.user_id)
    model: Any = (
        kind.objects.visible_to(actor)
        .select_related("provider")
        # A caller in several teams with the same grant pays from the oldest of them.
        .annotate(paying_team_id=Min("teams", filter=mine))
        .filter(name=name, enabled=True)
        .first()
    )
    if model is None:
        raise NotFound(NO_SUCH_MODEL.format(name=name[:100]), code="model_not_found")
    return _call(model, actor, team_id=model.paying_team_id, project_id=None)


def _call(
    model: LLM | EmbeddingModel, actor: Actor, *, team_id: int | None, project_id: int | None
) -> Call:
    is_llm = isinstance(model, LLM)
    return Call(
        actor=actor,
        endpoint=endpoint_of(model),
        kind="chat" if is_llm else "embedding",
        model_name=model.name,
        project_id=project_id,
        team_id=team_id,
        input_price_per_million=model.input_price_per_million,
        output_price_per_million=model.output_price_per_million if is_llm else 0,  # type: ignore[union-attr,arg-type]
    )


def _as_project(project: Project, request: ChatRequest, actor: Actor) -> ChatRequest:
    """Put the project's prompt first and its parameters where the caller gave none."""
    messages = list(request.messages)
    if any(message["role"] in PRIVILEGED_ROLES for message in messages):
        _require_editor(project, actor)
    if project.system_prompt:
        messages.insert(0, {"role": "system", "content": project.system_prompt})
    limits = [limit for limit in (request.max_tokens, project.max_tokens) if limit]
    return replace(
        request,
        messages=messages,
        temperature=_first(request.temperature, project.temperature),
        top_p=_first(request.top_p, project.top_p),
        max_tokens=min(limits) if limits else None,
    )


def _require_editor(project: Project, actor: Actor) -> None:
    if not Project.objects.editable_by(actor).filter(pk=project.pk).exists():
        raise Forbidden(
            "Only editors of the project may send system messages; put the text into a user "
            "message.",
            code="system_message_refused",
        )


def _first(given: float | None, otherwise: float | None) -> float | None:
    return otherwise if given is None else given
