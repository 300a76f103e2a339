"""A budget that refuses calls is used up, on whichever surface it refuses; people are told once."""

from decimal import Decimal

import pytest

from inference.models import Message
from metering.models import BudgetAlert
from metering.services import create_budget
from metering.tests.spending import payer_of, spend
from restai_site.tests.world import SYSTEM, make_key


@pytest.fixture
def nearly_used(world):
    """A budget of which 90 % is spent: too little is left for an answer."""
    values = {"period": "month", "unit": "tokens", "amount": Decimal(100)}
    create_budget(world.alpha, **values, actor=SYSTEM)
    spend(payer_of(world), tokens=90)
    return world


def chat(world, api):
    path = f"/api/projects/{world.project.pk}/chat"
    return api.post(path, {"message": "word " * 50}, format="json")


def completion(world, api, **values):
    messages = [{"role": "user", "content": "word " * 50}]
    body = {"model": f"project/{world.project.pk}", "messages": messages, **values}
    return api.post("/v1/chat/completions", body, format="json")


def stream(world, api):
    return completion(world, api, stream=True)


def embedding(world, api):
    body = {"model": world.embedding_model.name, "input": "word " * 50}
    return api.post("/v1/embeddings", body, format="json")


@pytest.mark.parametrize("call", [chat, completion, stream, embedding])
def test_a_refusal_notes_that_the_budget_is_used_up(nearly_used, api, call):
    api.with_key(make_key(nearly_used.viewer)[1])
    for _ in range(2):
        answer = call(nearly_used, api)
        assert answer.status_code == 402
        assert "begins anew" in answer.content.decode()
        assert "resets_at" in answer.content.decode()
    assert sorted(BudgetAlert.objects.values_list("percent", flat=True)) == [50, 80, 100]
    assert not Message.objects.exists()


def test_what_is_refused_at_first_is_paid_once_the_budget_is_raised(nearly_used, api):
    from metering.models import Budget
    from metering.services import change_budget

    api.with_key(make_key(nearly_used.viewer)[1])
    assert chat(nearly_used, api).status_code == 402
    change_budget(Budget.objects.get(), amount=Decimal(10_000), actor=SYSTEM)
    assert chat(nearly_used, api).status_code == 200
    assert not BudgetAlert.objects.exists()
