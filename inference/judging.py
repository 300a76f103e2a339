"""How a model is asked for a verdict: a call of its own, paid by the project that is guarded."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from django.core.cache import cache
from redis.exceptions import RedisError

from catalog.adapters import adapter_for
from catalog.adapters.types import ChatRequest, ChatResult
from guards.plans import REDACT, BoundGuard, Judge
from guards.prompts import pieces, request_for
from guards.sections import GuardsSection
from guards.texts import Unit
from guards.verdicts import NAME, SAFE, UNSAFE, Unjudged, Unreadable, Verdict, read
from inference.budgets import hold
from inference.calls import Answer, Call
from inference.settling import counted_when_it_fails, settle
from metering.alerts import noting_refusals
from restai_site.lib.configuration import current, fresh
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.db import in_database
from restai_site.lib.errors import Invalid, ProviderFailed, ProviderTimedOut

log = logging.getLogger(__name__)
GUARD = "guard"
# Words for the log of findings.
UNREADABLE, TIMED_OUT, PROVIDER = "unreadable_verdict", "timeout", "provider_error"
TOO_LONG, NO_JUDGE, NO_UNICODE = "text_too_long", "no_judge", "text_is_no_unicode"
# A text that a guard's model cannot take in so many pieces does not pass.
PIECES_MAX = 64
PIECES_AT_ONCE = 4


class Judging:
    """Asks guards with models for `call`: their tokens count to whoever pays for it.

    They are not guarded themselves, so that no guard can wait for another.
    """

    # Whether verdicts are remembered: whoever measures guards asks anew.
    remembers = True

    def __init__(self, call: Call) -> None:
        self.call = call

    async def __call__(self, guard: BoundGuard, units: Sequence[Unit]) -> Verdict:
        """Return the verdict on all of `units`, however many pieces they come to.

        Raises Unjudged, BudgetExceeded (which no failure policy turns into a pass).
        """
        judge = guard.judge
        if judge is None:
            raise Unjudged(NO_JUDGE)
        tokens = (await fresh(GuardsSection)).answer_tokens
        groups = pieces(judge, units, answer_tokens=tokens)
        if len(groups) > PIECES_MAX:
            raise Unjudged(TOO_LONG)
        at_once = asyncio.Semaphore(PIECES_AT_ONCE)

        async def ask(group: Sequence[Unit]) -> Verdict:
            async with at_once:
                return await self._ask(guard, judge, group, tokens)

        return _gravest(await asyncio.gather(*(ask(group) for group in groups)))

    async def _ask(
        self, guard: BoundGuard, judge: Judge, units: Sequence[Unit], tokens: int
    ) -> Verdict:
        with_quotes = guard.mode == REDACT
        try:
            request = request_for(judge, units, with_quotes=with_quotes, answer_tokens=tokens)
        except orjson.JSONEncodeError:
            raise Unjudged(NO_UNICODE) from None
        # What is to be masked is itself in such a verdict, and is not put anywhere.
        key = "" if with_quotes or not self.remembers else _key(self.call, judge, request)
        call = self._call(judge, request, guard.timeout_seconds)
        remembered = await in_database(_begin, call, key)
        if remembered is not None:
            return replace(read(remembered, with_quotes=False), is_cached=True)
        text = await self._answer(call)
        try:
            verdict = read(text, with_quotes=with_quotes)
        except Unreadable as error:
            raise Unjudged(UNREADABLE, str(error)) from None
        if key:
            await in_database(_remember, key, verdict)
        return verdict

    def _call(self, judge: Judge, request: ChatRequest, seconds: float) -> Call:
        guarded = self.call
        patience = min(judge.endpoint.timeout_seconds, seconds)
        return Call(
            actor=guarded.actor,
            endpoint=replace(judge.endpoint, timeout_seconds=patience),
            kind=GUARD,
            model_name=judge.model_name,
            project_id=guarded.project_id,
            team_id=guarded.team_id,
            input_price_per_million=judge.input_price_per_million,
            output_price_per_million=judge.output_price_per_million,
            may_be_budgeted=guarded.may_be_budgeted,
            request=request,
        )

    async def _answer(self, call: Call) -> str:
        answer = Answer()
        assert call.request is not None  # noqa: S101  set above
        try:
            async with counted_when_it_fails(call, answer):
                adapter = adapter_for(call.endpoint.kind)
                result = await adapter.chat(call.endpoint, call.request)
        except ProviderTimedOut:
            raise Unjudged(TIMED_OUT) from None
        except (ProviderFailed, Invalid):
            # The provider's own words are in its log; here a word for the log of findings.
            raise Unjudged(PROVIDER) from None
        answer.parts.append(result.content)
        answer.tool_calls = list(result.tool_calls or [])
        answer.usage = result.usage
        await settle(call, answer, "completed")
        return _said(result)


def _said(result: ChatResult) -> str:
    """Return the text of the verdict: what was said, or the arguments of the one call."""
    calls: list[dict[str, Any]] = result.tool_calls or []
    if not calls:
        return result.content
    function = calls[0].get("function") or {}
    if len(calls) > 1 or function.get("name") != NAME or result.content.strip():
        raise Unjudged(UNREADABLE)
    return str(function.get("arguments", ""))


def _gravest(verdicts: Sequence[Verdict]) -> Verdict:
    unsafe = [one for one in verdicts if one.is_unsafe]
    worst = max(unsafe or verdicts, key=lambda one: one.score or 0)
    quotes = tuple(quote for one in unsafe for quote in one.quotes)
    return replace(worst, quotes=quotes, is_cached=all(one.is_cached for one in verdicts))


def _key(call: Call, judge: Judge, request: ChatRequest) -> str:
    """Return where the verdict is remembered: no other team's, guard's or version's is there."""
    parts = [call.team_id, judge.project_id, judge.version, request.parameters()]
    return f"verdict:{keyed_digest(orjson.dumps(parts).decode())}"


@noting_refusals
def _begin(call: Call, key: str) -> str | None:
    """Return the verdict that is remembered, or hold what a new one may cost."""
    remembered = _recalled(key) if key and current(GuardsSection).cache_seconds else None
    if remembered is None:
        hold(call)
    return remembered


def _recalled(key: str) -> str | None:
    """Return what `_remember` has put there, and only that: the seal is of our own key."""
    try:
        value = cache.get(key)
    except RedisError:
        log.warning("Redis is away, so that no verdict is remembered.")
        return None
    if not isinstance(value, str):
        return None
    seal, _, text = value.partition(" ")
    return text if seal == _seal(key, text) else None


def _remember(key: str, verdict: Verdict) -> None:
    """Keep a verdict without its reason, which may repeat what was said."""
    word = UNSAFE if verdict.is_unsafe else SAFE
    fields = {"verdict": word, "category": verdict.category, "score": verdict.score, "reason": ""}
    text = orjson.dumps(fields).decode()
    seconds = current(GuardsSection).cache_seconds
    if not seconds:
        return
    try:
        cache.set(key, f"{_seal(key, text)} {text}", timeout=seconds)
    except RedisError:
        log.warning("Redis is away, so that no verdict is remembered.")


def _seal(key: str, text: str) -> str:
    return keyed_digest(f"{key} {text}")
