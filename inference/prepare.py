"""The first stage: one hop to the database that decides whether a call may be made, and how."""

from collections import abc
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.http import HttpRequest

from accounts.credentials import require
from catalog.adapters.types import ChatRequest
from catalog.models import LLM, EmbeddingModel
from inference.bodies import PRIVILEGED_ROLES, ChatBody, CompletionBody, EmbeddingBody
from inference.budgets import hold
from inference.calls import Call
from inference.guarding import guards_of
from inference.history import begin_turn, unkept_turn
from inference.targets import Callable, ModelTarget, ProjectTarget, find_model, find_project
from metering.alerts import noting_refusals
from metering.rate_limits import Rate, admit
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, NotFound

PROJECT_PREFIX = "project/"
# What of a project only its editors raise by a parameter of a call.
LOWER_ONLY = ("temperature", "top_p")
NO_SUCH_MODEL = "There is no model “{name}”, or it is not granted to a team of yours."
NOT_GRANTED = "The model of this project is switched off or no longer granted to its team."


@noting_refusals
def prepare_completion(request: HttpRequest, body: CompletionBody) -> Call:
    """Resolve the sender and the model of `POST /v1/chat/completions`.

    `model` names an LLM granted to a team of the caller, or `project/<id>`. Raises Unauthenticated,
    NotFound, Forbidden, RateLimited, Unavailable (a limit cannot be counted), BudgetExceeded.
    """
    actor = require(request)
    if body.model.startswith(PROJECT_PREFIX):
        project = _project_named(body.model, actor)
        call = _project_call(project, actor)
        call.request = _as_project(project, body.request, actor)
        call.rate = counted(request, actor, project)
        call.own_messages = len(call.request.messages) - len(body.request.messages)
    else:
        call, _ = model_call(LLM, body.model, actor, "chat")
        call.request = body.request
        call.rate = counted(request, actor)
    call.streamed = body.stream
    hold(call)
    return call


@noting_refusals
def prepare_embedding(request: HttpRequest, body: EmbeddingBody) -> Call:
    """Resolve the sender and the model of `POST /v1/embeddings`. Raises as the others do."""
    actor = require(request)
    call, _ = model_call(EmbeddingModel, body.model, actor, "embedding")
    call.rate = counted(request, actor)
    call.inputs = body.inputs
    hold(call)
    return call


@noting_refusals
def prepare_chat(request: HttpRequest, project_id: int, body: ChatBody) -> Call:
    """Resolve the sender, the project and the conversation, and keep what the person said.

    In a project whose inference logging is off nothing is kept. Raises Unauthenticated, NotFound
    (project or conversation), Forbidden, Invalid (what does not go with the project's logging),
    RateLimited, Unavailable (a limit cannot be counted), BudgetExceeded.
    """
    return _prepare_turn(request, project_id, body, require(request), surface="chat")


@noting_refusals
def prepare_visit(
    request: HttpRequest,
    project_id: int,
    body: ChatBody,
    actor: Actor,
    *,
    context: abc.Callable[[], str],
) -> Call:
    """As `prepare_chat`, for a visitor of a widget: `actor` is a widget's key with a visitor.

    What `context` returns follows the project's own prompt: what the website says of its visitor,
    marked as data. It is asked once the project is held, in whose transaction the question is kept,
    and may refuse. Raises as `prepare_chat` and `context` do.
    """
    return _prepare_turn(request, project_id, body, actor, surface="widget", context=context)


def _prepare_turn(
    request: HttpRequest,
    project_id: int,
    body: ChatBody,
    actor: Actor,
    *,
    surface: str,
    context: abc.Callable[[], str] = str,
) -> Call:
    # Redis is asked before anything is locked.
    project = _visible_project(project_id, actor)
    _require_callable(project)
    rate = counted(request, actor, project)
    # Whoever is switching the logging is waited for and obeyed, or waits until this is kept.
    with transaction.atomic():
        project = _visible_project(project_id, actor, is_held=True)
        call = _project_call(project, actor)
        call.rate, call.surface = rate, surface
        said_of_visitor = context()
        if project.keeps_conversations:
            is_held = call.guarded is not None
            call.turn, messages = begin_turn(project, body, actor=actor, is_held=is_held)
        else:
            messages = unkept_turn(project, body)
        call.request = _as_project(project, ChatRequest(messages=messages), actor, said_of_visitor)
        call.own_messages = len(call.request.messages) - len(messages)
        call.streamed = body.stream
        # Here, so that nothing is kept of a question that no budget pays for.
        hold(call)
    return call


def _project_named(name: str, actor: Actor) -> ProjectTarget:
    number = name.removeprefix(PROJECT_PREFIX)
    # Eighteen digits always fit the column.
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise NotFound(NO_SUCH_MODEL.format(name=name[:100]), code="model_not_found")
    return _visible_project(int(number), actor)


def _visible_project(project_id: int, actor: Actor, *, is_held: bool = False) -> ProjectTarget:
    project = find_project(project_id, actor, is_held=is_held)
    if project is None:
        raise NotFound("There is no such project, or you may not use it.", code="model_not_found")
    return project


def counted(
    request: HttpRequest, actor: Actor, project: ProjectTarget | None = None
) -> Rate | None:
    """Count the call against the limits on how often, and have its answer tell how they stand."""
    if project is None:
        rate = admit(actor)
    else:
        rate = admit(actor, project_id=project.id, project_limit=project.requests_per_minute)
    request.rate = rate  # type: ignore[attr-defined]
    return rate


def _require_callable(project: ProjectTarget) -> None:
    if not project.is_callable:
        raise Forbidden(NOT_GRANTED, code="model_not_granted")


def _project_call(project: ProjectTarget, actor: Actor) -> Call:
    _require_callable(project)
    call = _call(project.model, actor, "chat", project_id=project.id)
    call.keeps_text = project.keeps_conversations
    call.logging, call.masks_logs = project.inference_logging, project.masks_logs
    return call


def model_call(model: type[Callable], name: str, actor: Actor, kind: str) -> tuple[Call, Decimal]:
    """Return a call of a model that is named by itself, and its price that is not one of tokens.

    Raises NotFound, also for a model that is not granted to a team of the actor.
    """
    target = find_model(model, name, actor)
    if target is None:
        raise NotFound(NO_SUCH_MODEL.format(name=name[:100]), code="model_not_found")
    return _call(target, actor, kind, project_id=None), target.unit_price


def _call(model: ModelTarget, actor: Actor, kind: str, *, project_id: int | None) -> Call:
    call = Call(
        actor=actor,
        endpoint=model.endpoint(),
        kind=kind,
        model_name=model.name,
        project_id=project_id,
        team_id=model.team_id,
        input_price_per_million=model.input_price_per_million,
        output_price_per_million=model.output_price_per_million,
        may_be_budgeted=model.may_be_budgeted,
    )
    guards_of(call, may_be_guarded=model.may_be_guarded)
    return call


def _as_project(
    project: ProjectTarget, request: ChatRequest, actor: Actor, context: str = ""
) -> ChatRequest:
    """Put the project's prompt first and its parameters where the caller gave none.

    Callers who may not edit the project lower its parameters and do not raise them; nobody raises
    its longest answer.
    """
    messages = list(request.messages)
    if any(message["role"] in PRIVILEGED_ROLES for message in messages):
        _require_editor(project, actor)
    prompt = "\n\n".join(filter(None, (project.system_prompt, context)))
    if prompt:
        messages.insert(0, {"role": "system", "content": prompt})
    limits = [limit for limit in (request.max_tokens, project.max_tokens) if limit]
    raises = any(_raises(getattr(request, name), getattr(project, name)) for name in LOWER_ONLY)
    # Asked of the database for those alone who would raise something.
    choose = _first if not raises or _may_edit(project, actor) else _lower
    return replace(
        request,
        messages=messages,
        temperature=choose(request.temperature, project.temperature),
        top_p=choose(request.top_p, project.top_p),
        max_tokens=min(limits) if limits else None,
    )


def _may_edit(project: ProjectTarget, actor: Actor) -> bool:
    return Project.objects.editable_by(actor).filter(pk=project.id).exists()


def _require_editor(project: ProjectTarget, actor: Actor) -> None:
    if not _may_edit(project, actor):
        raise Forbidden(
            "Only editors of the project may send system messages; put the text into a user "
            "message.",
            code="system_message_refused",
        )


def _first(given: float | None, otherwise: float | None) -> float | None:
    return otherwise if given is None else given


def _raises(given: float | None, own: float | None) -> bool:
    return given is not None and own is not None and given > own


def _lower(given: float | None, own: float | None) -> float | None:
    found = [value for value in (given, own) if value is not None]
    return min(found) if found else None
