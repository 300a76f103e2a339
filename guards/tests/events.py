"""Findings for tests: rows of any age, and the figures counted from them in Python."""

from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import uuid4

from django.utils import timezone

from guards.models import GuardEvent

OUTCOMES = tuple(GuardEvent.Outcome.values)
FOUND = ("warned", "redacted", "blocked")
CATEGORIES = ("email", "prompt_injection", "violence", "api_key")


def event(project, *, at=None, age=timedelta(0), **values):
    """Write one finding of a project's guard, at a moment or so long ago."""
    row = unsaved(project, at=at or timezone.now() - age, **values)
    moment = row.created_at
    row.save()
    # The model writes the present there.
    GuardEvent.objects.filter(pk=row.pk).update(created_at=moment)
    row.refresh_from_db()
    return row


def events(rows):
    """Write many at once, each at its own moment."""
    rows = list(rows)
    moments = {row.pk: row.created_at for row in rows}
    made = GuardEvent.objects.bulk_create(rows)
    for row in made:
        row.created_at = moments[row.pk]
    GuardEvent.objects.bulk_update(made, ["created_at"], batch_size=500)
    return made


def unsaved(project, *, at, **values):
    """Return a row that is not written yet."""
    usual = {
        "call_id": uuid4(),
        "project": project,
        "team": project.team if project else None,
        "guard_name": "Personal data",
        "detector": "personal_data",
        "stage": "input",
        "mode": "block",
        "outcome": "blocked",
        "category": "email",
        "latency_ms": 5,
        "created_at": at,
    }
    return GuardEvent(**{**usual, **values})


def random_event(chance, place, moment, **values):
    """Return an unsaved row in one of `places`, of any outcome, some of them reviewed.

    `place` is a project and the bindings that stand before it.
    """
    project, bindings = place
    binding = chance.choice([*bindings, None])
    outcome = chance.choice(OUTCOMES)
    found = outcome in FOUND
    review = chance.choice(["", "", "right", "wrong"]) if "failed" not in outcome else ""
    judge: dict[str, Any] = (
        {"binding": binding, "guard": binding.guard, "detector": binding.detector}
        if binding
        else {"detector": chance.choice(["", "personal_data"])}
    )
    return unsaved(
        project,
        at=moment,
        **{
            **judge,
            "guard_name": binding.name if binding else chance.choice(["Gone", "Lost"]),
            "stage": chance.choice(["input", "output"]),
            "mode": chance.choice(["block", "warn", "redact"]),
            "outcome": outcome,
            "category": chance.choice(CATEGORIES) if found else "",
            "latency_ms": chance.choice([0, 1, 3, 40, 250, 2_000, chance.randrange(10_000)]),
            "review": review,
            **values,
        },
    )


def counted(rows):
    """Return what `Totals` says of these rows, counted one after the other."""
    outcomes = Counter(row.outcome for row in rows)
    reviews = Counter((row.outcome, row.review) for row in rows)
    right_blocks = reviews["blocked", "right"]
    right = sum(reviews[outcome, "right"] for outcome in FOUND)
    missed = reviews["passed", "wrong"]
    reviewed_blocks = right_blocks + reviews["blocked", "wrong"]
    return {
        "checked": len(rows),
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "block_rate": outcomes["blocked"] / len(rows) if rows else None,
        "precision": right_blocks / reviewed_blocks if reviewed_blocks else None,
        "recall": right / (right + missed) if right + missed else None,
        "latency_p50": float(median(row.latency_ms for row in rows)) if rows else None,
        "latency_p95": percentile([row.latency_ms for row in rows], 0.95),
    }


def percentile(values, fraction):
    """Return what percentile_cont means: a place between two neighbours, in proportion."""
    if not values:
        return None
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def told(totals):
    """Return the same of statistics."""
    names = ("checked", *OUTCOMES, "block_rate", "precision", "recall")
    return {name: getattr(totals, name) for name in (*names, "latency_p50", "latency_p95")}
