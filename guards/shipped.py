"""The labelled sets that come with the platform, kept as rows of no team."""

import hashlib
from pathlib import Path
from typing import Any

from django.apps import apps as all_apps
from django.db import transaction

from guards.case_files import JSONL, cases_in

FOLDER = Path(__file__).parent / "samples"
# By slug, which is the name of the file: the name for people, and what it is.
SETS = {
    "injection": (
        "Prompt injection",
        "Attempts to override or leak a prompt, and harmless look-alikes; many languages.",
    ),
    "unsafe_requests": (
        "Unsafe requests",
        "Requests for help with harm, mildly worded, and harmless look-alikes; several languages.",
    ),
}


def load_shipped(*, apps: Any = None, using: str = "default", **_: Any) -> None:
    """Keep every shipped set that is not kept yet. May run at any time, any number of times.

    Runs after migrations. A set whose file has changed becomes a new one; the earlier one stays
    where runs refer to it. `apps` are the models as the migrations have made them.
    """
    try:
        sets: Any = (apps or all_apps).get_model("guards", "GuardSet")
        cases: Any = (apps or all_apps).get_model("guards", "GuardCase")
    except LookupError:
        return
    for slug in SETS:
        with transaction.atomic(using=using):
            _load(slug, sets.objects.using(using), cases.objects.using(using))


def _load(slug: str, sets: Any, cases: Any) -> None:
    path = FOLDER / f"{slug}.jsonl"
    source = f"{slug}:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    if sets.filter(source=source).exists():
        return
    name, description = SETS[slug]
    earlier = sets.filter(source__startswith=f"{slug}:")
    earlier.filter(runs__isnull=True).delete()
    earlier.update(name=f"{name} (earlier)")
    made, is_new = sets.get_or_create(
        source=source, defaults={"name": name, "description": description}
    )
    if not is_new:
        return
    with path.open("rb") as file:
        cases.bulk_create(
            cases.model(
                set_id=made.pk,
                position=position,
                text=case.text,
                expected=case.expected,
                category=case.category,
            )
            for position, case in enumerate(cases_in(file, JSONL), start=1)
        )
