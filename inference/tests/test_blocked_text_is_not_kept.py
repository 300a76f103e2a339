"""What a guard withholds is afterwards nowhere but in the log of findings, if it is kept at all."""

from uuid import uuid4

import httpx
import pytest
from django.core.cache import cache

from guards.models import GuardEvent
from inference.models import Message
from inference.tests.guarding import FORBIDDEN, bind_detector, bind_guard, judge_llm, make_guard
from inference.tests.talkative import assert_the_log_says_much, places_of
from metering.models import UsageRecord
from projects.services import update_project
from restai_site.tests.tables import keys_holding, tables_holding
from restai_site.tests.world import SYSTEM, make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# What is looked for: an expression finds it, a judge goes by the word it is built with.
EXPRESSION = f"{FORBIDDEN}[0-9]+"
EVENTS = ["guards_guardevent"]


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    cache.clear()
    world = make_world(provider.url)
    world.llm.litellm_model = "told-7"
    world.llm.save()
    return world


@pytest.fixture
def mark():
    return f"{FORBIDDEN}{uuid4().int}"


@pytest.fixture
def program(talkative, world):
    headers = {"Authorization": f"Bearer {make_key(world.viewer)[1]}"}
    with httpx.Client(base_url=talkative.url, headers=headers, timeout=20) as client:
        yield client


def detect(world, **values):
    configuration = {"expressions": [EXPRESSION]}
    return bind_detector(world.project, configuration=configuration, **values)


def judge(world, behaviour="judge-0", **values):
    guard = make_guard(world, llm=judge_llm(world, behaviour))
    return bind_guard(world.project, guard, **values)


GUARDS = {
    "detector of questions": lambda world: detect(world, stage="input"),
    "detector of answers": lambda world: detect(world, stage="output"),
    "model of questions": lambda world: judge(world, stage="input"),
    "model of answers": lambda world: judge(world, stage="output"),
    "model beside the other": lambda world: judge(world, stage="input", is_speculative=True),
    "model that repeats all": lambda world: judge(world, "echo", stage="input"),
    "model that fails and repeats all": lambda world: judge(
        world, "echo-error-500", stage="output"
    ),
}
MASKS = {
    "detector of questions": lambda world: detect(world, stage="input", mode="redact"),
    "detector of answers": lambda world: detect(world, stage="output", mode="redact"),
    "model of questions": lambda world: judge(world, stage="input", mode="redact"),
    "model of answers": lambda world: judge(world, stage="output", mode="redact"),
}


def log_off(world):
    update_project(world.project, {"inference_logging": "off"}, actor=SYSTEM)


def ask_everywhere(program, world, mark):
    """Have the mark said in the chat and through /v1, streamed and not."""
    text, answers = f"SAY Some {mark} for the heron, please.", []
    model = f"project/{world.project.pk}"
    for stream in (False, True):
        said = {"message": text, "stream": stream}
        answers.append(program.post(f"/api/projects/{world.project.pk}/chat", json=said))
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "stream": stream}
        answers.append(program.post("/v1/chat/completions", json=body))
    return answers


@pytest.mark.parametrize("guard", GUARDS)
def test_with_logging_off_it_is_nowhere(program, world, talkative, mark, guard):
    log_off(world)
    GUARDS[guard](world)
    answers = ask_everywhere(program, world, mark)
    assert not any(mark in answer.text for answer in answers)
    assert GuardEvent.objects.count() == len(answers)
    assert UsageRecord.objects.filter(kind="chat").count() == len(answers)
    assert_the_log_says_much(talkative)
    assert places_of(mark, talkative) == []


@pytest.mark.parametrize("guard", GUARDS)
def test_with_logging_on_the_log_of_findings_alone_has_it(program, world, mark, guard):
    GUARDS[guard](world)
    of_questions = not guard.endswith("answers") and "fails" not in guard
    answers = ask_everywhere(program, world, mark)
    assert not any(mark in answer.text.replace(f"SAY Some {mark}", "") for answer in answers)
    assert keys_holding(mark) == []
    if of_questions:
        # The question itself is what was blocked.
        assert tables_holding(mark) == EVENTS
    assert not Message.objects.filter(role="assistant", content__contains=mark).exists()
    assert Message.objects.filter(role="assistant").count() == 2


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("guard", MASKS)
def test_what_was_masked_is_not_even_in_the_log_of_findings(
    program, world, talkative, mark, guard, is_kept
):
    if not is_kept:
        log_off(world)
    MASKS[guard](world)
    answers = ask_everywhere(program, world, mark)
    assert {answer.status_code for answer in answers} == {200}
    assert set(GuardEvent.objects.values_list("outcome", flat=True)) == {"redacted"}
    assert not GuardEvent.objects.filter(text__contains=mark).exists()
    if is_kept and guard.endswith("answers"):
        assert not Message.objects.filter(role="assistant", content__contains=mark).exists()
    elif is_kept:
        assert (tables_holding(mark), keys_holding(mark)) == ([], [])
    else:
        assert places_of(mark, talkative) == []
