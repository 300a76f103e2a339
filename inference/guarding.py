"""The choke point: nothing goes to a model, and nothing comes from one, but past the guards.

`inference.pipeline` alone calls this, for every surface. Which guards a call has to pass is found
in `prepare`, with everything else that decides on it (`guards_of`).
"""

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from catalog.adapters.types import ImageRequest, SpeechRequest, TranscriptionRequest
from guards.engine import Finding, Ruling, check
from guards.plans import INPUT, OUTPUT, BoundGuard, plan_for
from guards.texts import Unit, put_back, units_in, units_of
from inference.calls import Answer, Call
from inference.guarded import Blocked, Guarded
from inference.history import release_question
from inference.judging import Judging
from restai_site.lib.db import in_database
from restai_site.lib.errors import DomainError

CONTENT_FILTER = "content_filter"
# What a caller may write beside the messages, and a model reads.
FIELDS = ("tools", "response_format", "stop", "user")
# These are words of the API, checked where the body was read.
PLAIN = frozenset({"format", "media_type"})
Media = ImageRequest | SpeechRequest | TranscriptionRequest


class Filtered(DomainError):
    """What programs are told of a request that a guard has blocked; OpenAI's code and status."""

    code = CONTENT_FILTER
    status = 400

    def __init__(self, call: Call) -> None:
        assert call.guarded is not None  # noqa: S101  a guard has spoken
        finding = call.guarded.blocked
        assert finding is not None  # noqa: S101
        more = {"category": finding.category, "stage": finding.stage}
        super().__init__(call.guarded.plan.message, more=more)


def guards_of(call: Call, *, may_be_guarded: bool) -> None:
    """Find which guards `call` has to pass, as a part of `prepare`."""
    if may_be_guarded:
        plan = plan_for(call.project_id, call.team_id)
        call.guarded = Guarded(plan) if plan.guards else None


async def admit(call: Call) -> None:
    """Have the input guards judge what is sent, but for those that run beside the model.

    Masks in `call` what they redact. Raises Blocked; BudgetExceeded where a guard's own tokens
    cannot be paid.
    """
    guarded = call.guarded
    if guarded is None:
        return
    started = time.monotonic()
    # Only a chat has an answer that can be held back.
    guards = guarded.plan.of(INPUT, speculative=None if call.request is None else False)
    await _judge_input(call, guards)
    guarded.first_token_delay_ms += (time.monotonic() - started) * 1000
    guarded.total_delay_ms = guarded.first_token_delay_ms
    if not guarded.plan.of(INPUT, speculative=True):
        await _release_question(call)


async def admit_beside(call: Call) -> None:
    """Have those input guards judge that run beside the model. Raises as `admit`."""
    guarded = call.guarded
    assert guarded is not None  # noqa: S101  the caller has looked
    await _judge_input(call, guarded.plan.of(INPUT, speculative=True))
    await _release_question(call)


def has_guards_beside(call: Call) -> bool:
    """Tell whether input guards run beside the model."""
    return call.guarded is not None and bool(call.guarded.plan.of(INPUT, speculative=True))


async def pass_answer(call: Call, answer: Answer) -> None:
    """Have the output guards judge a whole answer, and mask in it what they redact.

    Raises Blocked and as `admit`.
    """
    guarded = call.guarded
    if guarded is None or not (guards := guarded.plan.of(OUTPUT)):
        return
    started = time.monotonic()
    answer.heard = [answer.text]
    text, tool_calls = answer.text, answer.tool_calls
    units = answer_units("", text, tool_calls)
    ruling = await judge_output(call, guards, units)
    answer.parts = [ruling.texts[1]]
    answer.tool_calls = put_back_calls(tool_calls, units, ruling)
    guarded.total_delay_ms += (time.monotonic() - started) * 1000
    guarded.first_token_delay_ms = guarded.total_delay_ms


async def judge_output(call: Call, guards: Sequence[BoundGuard], units: Sequence[Unit]) -> Ruling:
    """Have `guards` judge a part of the answer. Raises Blocked and as `admit`."""
    return await _judge(call, guards, OUTPUT, units)


def answer_units(context: str, text: str, tool_calls: Any) -> list[Unit]:
    """Return what is judged of an answer: what was released before, the text, the tool calls."""
    return [
        Unit("assistant, already shown", context),
        Unit("assistant", text),
        *units_in("tool_calls", tool_calls),
    ]


def put_back_calls(tool_calls: Any, units: Sequence[Unit], ruling: Ruling) -> Any:
    """Return the tool calls with what was masked in them; `units` are those of `answer_units`."""
    return put_back(tool_calls, units[2:], ruling.texts[2:])


def withheld(call: Call, answer: Answer, finding: Finding) -> None:
    """Put the censorship message in place of an answer that `finding` has blocked."""
    assert call.guarded is not None  # noqa: S101  a guard has spoken
    call.guarded.blocked = finding
    answer.parts = [call.guarded.plan.message]
    answer.tool_calls = []
    answer.finish_reason = CONTENT_FILTER


async def _release_question(call: Call) -> None:
    if call.guarded is not None:
        call.guarded.is_admitted = True
    if call.turn is not None and call.turn.question is not None:
        assert call.guarded is not None  # noqa: S101  only then is a question held
        told = call.guarded.for_question
        kept = told if told and told["outcome"] != "passed" else None
        await in_database(release_question, call.turn, kept)


async def _judge_input(call: Call, guards: Sequence[BoundGuard]) -> None:
    if not guards:
        return
    parts = _parts(call)
    units = [unit for _, found in parts for unit in found]
    ruling = await _judge(call, guards, INPUT, units)
    texts = iter(ruling.texts)
    for name, found in parts:
        changed = [next(texts) for _ in found]
        if any(unit.text != text for unit, text in zip(found, changed, strict=True)):
            _put_back(call, name, found, changed)


async def _judge(
    call: Call, guards: Sequence[BoundGuard], stage: str, units: Sequence[Unit]
) -> Ruling:
    guarded = call.guarded
    assert guarded is not None  # noqa: S101  there are guards
    ruling = await check(guards, stage, units, Judging(call))
    guarded.note(stage, ruling)
    if ruling.blocked is not None:
        raise Blocked(ruling.blocked)
    return ruling


def _parts(call: Call) -> list[tuple[str, list[Unit]]]:
    """Return the texts of the caller by the parts of the call that they stand in."""
    if call.request is not None:
        request = call.request
        messages = ("messages", units_of(request.messages, call.own_messages))
        return [messages, *((name, units_in(name, getattr(request, name))) for name in FIELDS)]
    if call.media is not None:
        return [("media", units_in("request", _texts(call.media)))]
    return [("inputs", units_in("input", call.inputs))]


def _texts(media: Media) -> dict[str, Any]:
    found = {field.name: getattr(media, field.name) for field in fields(media)}
    return {
        name: value for name, value in found.items() if isinstance(value, str) and name not in PLAIN
    }


def _put_back(call: Call, name: str, units: Sequence[Unit], texts: Sequence[str]) -> None:
    if name == "messages":
        assert call.request is not None  # noqa: S101  it has messages
        messages = put_back(list(call.request.messages), units, texts)
        call.request = replace(call.request, messages=messages)
        if call.turn is not None and call.turn.question is not None:
            call.turn.question = messages[-1]["content"]
    elif name == "media":
        assert call.media is not None  # noqa: S101  it has texts
        call.media = replace(call.media, **put_back(_texts(call.media), units, texts))
    elif name == "inputs":
        call.inputs = put_back(call.inputs, units, texts)
    else:
        assert call.request is not None  # noqa: S101  it has the field
        value = put_back(getattr(call.request, name), units, texts)
        call.request = replace(call.request, **{name: value})
