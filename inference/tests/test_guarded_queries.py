"""What guards ask of the database: the same for any number of detectors, one more a verdict."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from guards.sections import GuardsSection
from inference.tests.guarding import bind_detector, bind_guard, judge_llm, make_guard
from restai_site.lib.configuration import overridden

# Key, project, ledger and log.
WITHOUT_GUARDS = 4
# Findings are written after a look at whether the project still keeps what is said.
PLAN, FINDINGS = 1, 2
# What a new verdict costs is held and settled.
VERDICT = 1


def asked(api, world, text="Hello"):
    """Return how many queries one call makes, when one has been made before."""
    messages = [{"role": "user", "content": text}]
    body = {"model": f"project/{world.project.pk}", "messages": messages}
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = api.post("/v1/chat/completions", body)
        assert answer.status_code == 200, answer.content
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


@pytest.fixture
def plain(world, api_as):
    return asked(api_as(world.viewer), world)


def test_no_guards_cost_nothing(plain):
    assert plain == WITHOUT_GUARDS


@pytest.mark.parametrize("guards", [1, 5])
def test_detectors_cost_the_same_whatever_their_number(world, api_as, plain, guards):
    for number in range(guards):
        bind_detector(world.project, name=f"guard {number}", stage="both")
    assert asked(api_as(world.viewer), world) == plain + PLAN + FINDINGS


def test_a_remembered_verdict_costs_what_a_detector_costs(world, api_as, plain):
    bind_guard(world.project, make_guard(world, llm=judge_llm(world)), stage="input")
    assert asked(api_as(world.viewer), world) == plain + PLAN + FINDINGS


def test_each_new_verdict_costs_one_more(world, api_as, plain):
    guard = make_guard(world, llm=judge_llm(world))
    for stage in ("input", "output"):
        bind_guard(world.project, guard, stage=stage)
    with overridden(GuardsSection, cache_seconds=0):
        assert asked(api_as(world.viewer), world) == plain + PLAN + FINDINGS + 2 * VERDICT
