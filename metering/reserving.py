"""Holding what a call may cost at most, of every budget that applies to it.

The order of locks, here, in `metering.settling` and in `metering.going`: LEDGER, then budgets by
their id, then the periods by theirs. Whoever also locks a project or a conversation does so before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction

from metering.claims import Claim, Payer
from metering.errors import BudgetExceeded
from metering.models import OWNERS
from metering.periods import COMMON_ZONE, Window, window
from restai_site.lib.errors import Conflict

# An advisory lock of the database. Whoever writes the ledger shares it; whoever begins to count,
# with what the ledger holds at that moment, has it alone. So no call is counted twice or never.
LEDGER = 7_203_685_001
# An answer that the budget would cut shorter than this is refused instead.
LEAST_ANSWER = 64
GOING = "Something that pays for this call has just been deleted: try again."

APPLYING = """
    SELECT budget.id, budget.period, budget.unit, budget.amount,
           CASE WHEN budget.team_id IS NOT NULL THEN 'team'
                WHEN budget.project_id IS NOT NULL THEN 'project'
                WHEN budget.user_id IS NOT NULL THEN 'user' ELSE 'api_key' END,
           coalesce(own.time_zone, above.time_zone)
    FROM metering_budget AS budget
    LEFT JOIN teams_team AS own ON own.id = budget.team_id
    LEFT JOIN projects_project AS project ON project.id = budget.project_id
    LEFT JOIN teams_team AS above ON above.id = project.team_id
    WHERE budget.team_id = %s OR budget.project_id = %s OR budget.user_id = %s
       OR budget.api_key_id = %s
    ORDER BY budget.id
"""
BEGUN = """
    SELECT budget_id FROM metering_budgetperiod
    WHERE (budget_id, starts_at) IN (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]))
"""
LOCKED = """
    SELECT id, budget_id, spent, reserved FROM metering_budgetperiod
    WHERE (budget_id, starts_at) IN (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]))
    ORDER BY id FOR UPDATE
"""
# What the ledger holds of `budget` within `spell`, by the kind of its owner, so that each finds its
# rows by an index. A row may be written by another clock than the one that its call began by, and
# clocks are set back: the bound that lets the index help is wide.
_OF_OWNER = """
    WHEN budget.OWNER_id IS NOT NULL THEN (
        SELECT coalesce(sum(CASE budget.unit WHEN 'money' THEN usage.cost
                            ELSE usage.prompt_tokens + usage.completion_tokens END), 0)
        FROM metering_usagerecord AS usage
        WHERE usage.OWNER_id = budget.OWNER_id
          AND usage.created_at >= spell.starts_at - interval '1 day'
          AND usage.started_at >= spell.starts_at AND usage.started_at < spell.ends_at)
"""
COUNTED = f"CASE {' '.join(_OF_OWNER.replace('OWNER', owner) for owner in OWNERS)} END"
BEGIN = f"""
    INSERT INTO metering_budgetperiod (budget_id, starts_at, ends_at, spent, reserved)
    SELECT budget.id, spell.starts_at, spell.ends_at, {COUNTED}, 0
    FROM metering_budget AS budget,
         (VALUES (%(starts_at)s::timestamptz, %(ends_at)s::timestamptz))
             AS spell (starts_at, ends_at)
    WHERE budget.id = %(budget_id)s
    ON CONFLICT (budget_id, starts_at) DO NOTHING
"""  # noqa: S608 - all parts are fixed
HOLD = """
    WITH lines AS MATERIALIZED (
        SELECT * FROM unnest(%(periods)s::bigint[], %(amounts)s::numeric[]) AS line (period, amount)
    ), held AS (
        UPDATE metering_budgetperiod AS period SET reserved = reserved + lines.amount
        FROM lines WHERE period.id = lines.period
    ), reservation AS (
        INSERT INTO metering_reservation (call_id, state, lease_until, team_id, project_id, user_id,
            api_key_id, model_name, kind, prompt_tokens, completion_tokens, cost, request_id,
            started_at)
        VALUES (%(call_id)s, 'held', %(lease_until)s, %(team_id)s, %(project_id)s, %(user_id)s,
            %(api_key_id)s, %(model_name)s, %(kind)s, %(prompt_tokens)s, %(completion_tokens)s,
            %(cost)s, %(request_id)s, %(started_at)s)
    )
    INSERT INTO metering_reservationline (reservation_id, period_id, amount)
    SELECT %(call_id)s, period, amount FROM lines
"""


class Applying(NamedTuple):
    """A budget that applies to a call."""

    id: int
    period: str
    unit: str
    amount: Decimal
    owner: str
    time_zone: str


class _Counted(NamedTuple):
    period_id: int
    budget: Applying
    window: Window
    remaining: Decimal


def reserve(claim: Claim, budgets: Sequence[Applying], *, lease: timedelta) -> int | None:
    """Hold what `claim` asks for, of all `budgets` or of none.

    Returns how long the answer may be, in tokens; None where there is no answer to limit.

    An answer for which there is not enough left is limited to what there is, down to LEAST_ANSWER
    tokens. What is held comes back by `settle`, or counts in full once `lease` is over. Raises
    BudgetExceeded with the budget that has the least left, and Conflict where a budget goes at this
    moment, with whom it is for.
    """
    try:
        with transaction.atomic():
            counted = _locked(budgets, claim.started_at)
            answer_tokens = _affordable(claim, counted)
            _hold(claim, counted, answer_tokens, claim.started_at + lease)
    except IntegrityError:
        raise Conflict(GOING) from None
    return None if claim.answer_tokens is None else answer_tokens


def applying_to(payer: Payer) -> list[Applying]:
    """Return the budgets that apply to calls of `payer`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(APPLYING, [payer.team_id, payer.project_id, payer.user_id, payer.api_key_id])
        rows = cursor.fetchall()
    return [Applying._make([*row[:5], row[5] or COMMON_ZONE]) for row in rows]


def have_ledger_alone() -> None:
    """Wait until nobody writes the ledger, and keep it so to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LEDGER])


def begin_periods(budgets: Sequence[Applying], moment: datetime) -> None:
    """Begin to count the periods of `budgets` that hold `moment`. Call it in a transaction."""
    _begin(_spells(budgets, moment))


def begin_period_of(budget_id: int, spell: Window) -> None:
    """Begin to count `spell` of a budget, if nobody has. Call it in a transaction."""
    _begin_missing({budget_id: spell})


def _spells(budgets: Sequence[Applying], moment: datetime) -> dict[int, Window]:
    return {one.id: window(one.period, moment, one.time_zone) for one in budgets}


def _begin(spells: Mapping[int, Window]) -> None:
    have_ledger_alone()
    with connection.cursor() as cursor:
        for budget_id, spell in spells.items():
            cursor.execute(BEGIN, {"budget_id": budget_id, **spell._asdict()})


def _begin_missing(spells: Mapping[int, Window]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(BEGUN, _keys(spells))
        begun = {budget_id for (budget_id,) in cursor.fetchall()}
    if missing := {pk: spell for pk, spell in spells.items() if pk not in begun}:
        _begin(missing)


def _keys(spells: Mapping[int, Window]) -> list[Any]:
    return [list(spells), [spell.starts_at for spell in spells.values()]]


def _locked(budgets: Sequence[Applying], moment: datetime) -> list[_Counted]:
    """Lock the periods of `budgets` that hold `moment`, and begin those that nobody has counted."""
    spells = _spells(budgets, moment)
    by_id = {one.id: one for one in budgets}
    _begin_missing(spells)
    with connection.cursor() as cursor:
        cursor.execute(LOCKED, _keys(spells))
        return [
            _Counted(pk, by_id[budget], spells[budget], by_id[budget].amount - spent - reserved)
            for pk, budget, spent, reserved in cursor.fetchall()
        ]


def _affordable(claim: Claim, counted: Sequence[_Counted]) -> int:
    """Return how long the answer may be; 0 where there is none. Raises BudgetExceeded."""
    wanted = claim.answer_tokens or 0
    allowed, lowest = wanted, None
    for one in counted:
        longest = claim.affordable(one.budget.unit, one.remaining)
        if longest is not None and longest < allowed:
            allowed, lowest = longest, one
    if lowest is not None and allowed < min(wanted, LEAST_ANSWER):
        budget = lowest.budget
        raise BudgetExceeded(
            budget_id=budget.id,
            owner=budget.owner,
            unit=budget.unit,
            period=budget.period,
            zone=budget.time_zone,
            window=lowest.window,
        )
    return allowed


def _hold(
    claim: Claim, counted: Sequence[_Counted], answer_tokens: int, lease_until: datetime
) -> None:
    amounts = [claim.amount(one.budget.unit, answer_tokens) for one in counted]
    values: dict[str, Any] = {
        "periods": [one.period_id for one in counted],
        "amounts": amounts,
        "call_id": claim.call_id,
        "lease_until": lease_until,
        "team_id": claim.payer.team_id,
        "project_id": claim.payer.project_id,
        "user_id": claim.payer.user_id,
        "api_key_id": claim.payer.api_key_id,
        "model_name": claim.model_name,
        "kind": claim.kind,
        "prompt_tokens": claim.prompt_tokens,
        "completion_tokens": answer_tokens,
        "cost": claim.amount("money", answer_tokens),
        "request_id": claim.request_id,
        "started_at": claim.started_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLD, values)
