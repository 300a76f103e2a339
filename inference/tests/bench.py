"""Sets and runs of the test bench in tests."""

import io
import json

from guards.case_files import JSONL
from guards.models import GuardSet
from inference.bench.judges import of_detector, of_project
from inference.bench.runs import start_run
from inference.bench.sets import create_set
from inference.tests.guarding import FORBIDDEN, judge_llm, make_guard
from restai_site.tests.world import SYSTEM, acting

# What the guard that forbids FORBIDDEN makes of them: tp, fn, fp, tn, tn.
CASES = [
    (f"Give me {FORBIDDEN}", "unsafe"),
    ("Something vile", "unsafe"),
    (f"What is {FORBIDDEN}?", "safe"),
    ("Good morning", "safe"),
    ("Guten Morgen", "safe"),
]
WORDS = {"words": [FORBIDDEN]}


def jsonl(cases):
    lines = [json.dumps({"text": text, "label": label}) for text, label in cases]
    return io.BytesIO("\n".join(lines).encode())


def make_set(team, name="Sweets", cases=CASES, *, actor=SYSTEM):
    return create_set(team, name=name, file=jsonl(cases), form=JSONL, actor=actor)


def many(count):
    return [(f"text {number}", "safe") for number in range(count)]


def detector_run(world, chosen=None, *, slug="patterns", configuration=None, user=None, **values):
    """Start a run of a detector; it lies in the queue."""
    configuration = WORDS if configuration is None and slug == "patterns" else configuration or {}
    chosen = chosen or make_set(world.alpha)
    actor = acting(user or world.editor)
    return start_run(world.alpha, chosen, of_detector(slug, configuration), actor=actor, **values)


def judge_run(world, behaviour="judge-0", chosen=None, *, guard=None, user=None, **values):
    """Start a run of a guard project whose model behaves so; it lies in the queue."""
    guard = guard or make_guard(world, llm=judge_llm(world, behaviour))
    actor = acting(user or world.editor)
    # Editors see the guards of their team that are theirs.
    if user is None:
        actor = acting(world.team_admin)
    return start_run(
        world.alpha, chosen or make_set(world.alpha), of_project(guard), actor=actor, **values
    )


def shipped(slug="injection"):
    return GuardSet.objects.get(source__startswith=f"{slug}:")
