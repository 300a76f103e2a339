"""/api/llms and its siblings: members see what is granted, administrators change it."""

from decimal import Decimal

import pytest

from catalog.models import LLM
from restai_site.tests.world import SYSTEM
from teams.services import set_grants


def names(browser, path="/api/llms"):
    return [row["name"] for row in browser.get(path).json()["results"]]


def test_members_see_the_models_granted_to_their_teams(world, as_user):
    assert names(as_user(world.viewer)) == ["alpha-llm"]
    assert names(as_user(world.outsider)) == ["beta-llm"]
    assert names(as_user(world.platform_admin)) == ["alpha-llm", "beta-llm"]
    assert names(as_user(world.viewer), "/api/embedding-models") == ["alpha-embedding"]


def test_a_grant_taken_away_and_a_model_switched_off_vanish_at_once(world, as_user):
    browser = as_user(world.viewer)
    LLM.objects.filter(pk=world.llm.pk).update(enabled=False)
    assert names(browser) == []
    LLM.objects.filter(pk=world.llm.pk).update(enabled=True)
    set_grants(world.alpha, {"llms": []}, actor=SYSTEM)
    assert names(browser) == []


def test_a_model_granted_to_two_teams_is_listed_once(world, as_user):
    from teams.services import add_member

    set_grants(world.beta, {"llms": [world.llm]}, actor=SYSTEM)
    add_member(world.beta, world.viewer, actor=SYSTEM)
    assert names(as_user(world.viewer)) == ["alpha-llm"]


def test_an_administrator_makes_changes_and_deletes_a_model(world, as_user):
    browser = as_user(world.platform_admin)
    body = {
        "name": "new",
        "provider": world.provider.pk,
        "litellm_model": "gpt",
        "input_price_per_million": "2.5",
        "capabilities": ["vision"],
    }
    made = browser.post("/api/llms", body, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["input_price_per_million"] == "2.500000"
    path = f"/api/llms/{made.json()['id']}"
    changed = browser.patch(path, {"output_price_per_million": 3}, content_type="application/json")
    assert changed.status_code == 200
    assert LLM.objects.get(name="new").output_price_per_million == Decimal(3)
    assert browser.delete(path).status_code == 204
    assert not LLM.objects.filter(name="new").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "with space"),
        ("name", "line\nend"),
        ("provider", 10**9),
        ("context_window", 0),
        ("input_price_per_million", "-1"),
        ("input_price_per_million", "NaN"),
        ("capabilities", ["flight"]),
        ("capabilities", "vision"),
    ],
)
def test_a_wrong_value_names_its_field(world, as_user, field, value):
    body = {"name": "new", "provider": world.provider.pk, "litellm_model": "gpt", field: value}
    answer = as_user(world.platform_admin).post("/api/llms", body, content_type="application/json")
    assert answer.status_code == 400
    assert [name.partition(".")[0] for name in answer.json()["errors"]] == [field]
    assert LLM.objects.count() == 2


def test_a_taken_name_is_a_conflict(world, as_user):
    body = {"name": "beta-llm"}
    answer = as_user(world.platform_admin).patch(
        f"/api/llms/{world.llm.pk}", body, content_type="application/json"
    )
    assert answer.status_code == 409
    assert list(answer.json()["errors"]) == ["name"]


def test_a_model_in_use_is_not_deleted(world, as_user):
    answer = as_user(world.platform_admin).delete(f"/api/llms/{world.llm.pk}")
    assert answer.status_code == 409
    assert LLM.objects.filter(pk=world.llm.pk).exists()
