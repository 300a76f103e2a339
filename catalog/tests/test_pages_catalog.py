"""Pages of the catalog: for platform administrators, and without a secret on them."""

import pytest
from django.core.cache import cache

from catalog import price_list
from catalog.connection import TEST_GROUP
from catalog.models import LLM, ImageGenerator, ProviderAccount
from catalog.services import create_model
from restai_site.lib.actor import Actor
from restai_site.tests.canaries import canary
from restai_site.tests.limits import redis_away, use_up_tests
from restai_site.tests.world import SYSTEM

PATHS = [
    "/models",
    "/models/embeddings",
    "/models/llms/new",
    "/models/providers",
    "/models/providers/new",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_catalog_is_for_platform_administrators(client, as_user, world, path):
    assert client.get(path).url.startswith("/login?next=")
    for user in (world.outsider, world.viewer, world.team_admin):
        assert as_user(user).get(path).status_code == 403
    assert as_user(world.platform_admin).get(path).status_code == 200


def test_others_change_nothing(as_user, world):
    browser = as_user(world.team_admin)
    before = list(LLM.objects.values()), list(ProviderAccount.objects.values())
    for path in (
        "/models/llms/new",
        f"/models/llms/{world.llm.pk}",
        f"/models/llms/{world.llm.pk}/test",
        f"/models/llms/{world.llm.pk}/delete",
        "/models/providers/new",
        f"/models/providers/{world.provider.pk}",
        f"/models/providers/{world.provider.pk}/test",
        f"/models/providers/{world.provider.pk}/delete",
    ):
        assert browser.post(path, {"name": "x"}).status_code == 403, path
    assert (list(LLM.objects.values()), list(ProviderAccount.objects.values())) == before


def test_an_unknown_kind_of_model_is_not_found(as_user, world):
    browser = as_user(world.platform_admin)
    for path in ("/models/teapots", "/models/teapots/new", "/models/llms/2000000000"):
        assert browser.get(path).status_code == 404


def values(world, **changes):
    return {
        "provider": world.provider.pk,
        "litellm_model": "gpt-4o-mini",
        "name": "mini",
        "enabled": "on",
        "context_window": "1000",
        "input_price_per_million": "1.5",
        "output_price_per_million": "2",
        "capabilities": ["vision"],
        **changes,
    }


def test_a_model_is_added_changed_and_deleted(as_user, world):
    browser = as_user(world.platform_admin)
    assert browser.post("/models/llms/new", values(world)).url == "/models/llms"
    made = LLM.objects.get(name="mini")
    assert made.capabilities == ["vision"]
    path = f"/models/llms/{made.pk}"
    assert browser.post(path, values(world, name="midi")).status_code == 302
    assert browser.post(f"{path}/delete").status_code == 302
    assert not LLM.objects.filter(pk=made.pk).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "with a space"),
        ("name", "alpha-llm"),
        ("name", ""),
        ("context_window", "0"),
        ("context_window", "99999999999"),
        ("input_price_per_million", "-1"),
        ("input_price_per_million", "NaN"),
        ("input_price_per_million", "1e309"),
        ("output_price_per_million", "word"),
        ("capabilities", ["flying"]),
        ("provider", "999999"),
        ("litellm_model", "nul\0"),
    ],
)
def test_a_model_with_a_wrong_value_is_refused_beside_the_field(as_user, world, field, value):
    answer = as_user(world.platform_admin).post("/models/llms/new", values(world, **{field: value}))
    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert LLM.objects.count() == 2


def test_a_model_in_use_is_not_deleted(as_user, world):
    path = f"/models/llms/{world.llm.pk}/delete"
    assert as_user(world.platform_admin).post(path, follow=True).status_code == 200
    assert LLM.objects.filter(pk=world.llm.pk).exists()


def test_the_price_list_fills_the_form_and_saves_nothing(as_user, world):
    world.provider.kind = "openai"
    world.provider.save(update_fields=["kind"])
    sent = values(world, name="", prefill="1", input_price_per_million="0")
    answer = as_user(world.platform_admin).post("/models/llms/new", sent)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="0.15"' in page
    assert 'value="128000"' in page
    assert 'value="gpt-4o-mini"' in page
    assert LLM.objects.count() == 2


def test_an_unknown_model_is_not_in_the_price_list(as_user, world):
    assert price_list.suggest("openai", "no-such-model") == {}
    sent = values(world, litellm_model="no-such-model", prefill="1")
    answer = as_user(world.platform_admin).post("/models/llms/new", sent)
    assert "does not know this model" in answer.content.decode()


def test_a_key_is_stored_and_never_shown(as_user, world):
    browser = as_user(world.platform_admin)
    sent = {"name": "New", "kind": "openai", "base_url": "", "api_key": "sk-very-secret"}
    answer = browser.post("/models/providers/new", sent)
    made = ProviderAccount.objects.get(name="New")
    assert made.api_key == "sk-very-secret"
    for path in (answer.url, "/models/providers"):
        assert "sk-very-secret" not in browser.get(path).content.decode()


def test_a_refused_form_does_not_repeat_the_key(as_user, world):
    sent = {"name": "Test", "kind": "openai", "base_url": "", "api_key": "sk-very-secret"}
    answer = as_user(world.platform_admin).post("/models/providers/new", sent)
    assert answer.status_code == 400
    assert "sk-very-secret" not in answer.content.decode()


def test_a_new_destination_asks_for_the_key_again(as_user, world):
    browser = as_user(world.platform_admin)
    path = f"/models/providers/{world.provider.pk}"
    sent = {"name": "Test", "kind": "openai_compatible", "base_url": "http://other.example/v1"}
    answer = browser.post(path, sent)
    assert answer.status_code == 400
    assert "api_key" in answer.context["form"].errors
    world.provider.refresh_from_db()
    assert world.provider.base_url == "http://127.0.0.1:9/v1"
    assert browser.post(path, {**sent, "api_key": "sk-new"}).status_code == 302


@pytest.mark.parametrize("url", ["ftp://a.example", "http://a@b.example", "http:///x", "a b"])
def test_a_base_url_that_is_none_is_refused(as_user, world, url):
    sent = {"name": "New", "kind": "openai_compatible", "base_url": url}
    answer = as_user(world.platform_admin).post("/models/providers/new", sent)
    assert "base_url" in answer.context["form"].errors


def test_a_test_says_in_words_what_is_wrong(as_user, world):
    browser = as_user(world.platform_admin)
    cache.clear()
    for path in (
        f"/models/providers/{world.provider.pk}/test",
        f"/models/llms/{world.llm.pk}/test",
    ):
        page = browser.post(path).content.decode()
        assert "The connection does not work" in page
        assert canary("provider key") not in page


def test_a_test_too_many_is_told_in_the_place_of_the_result(as_user, world, settings):
    browser = as_user(world.platform_admin)
    cache.clear()
    use_up_tests(TEST_GROUP, Actor(user_id=world.platform_admin.pk, email=""))
    paths = f"/models/providers/{world.provider.pk}/test", f"/models/llms/{world.llm.pk}/test"
    for path in paths:
        answer = browser.post(path)
        assert answer.status_code == 429
        assert 1 <= int(answer["Retry-After"]) <= 60
        assert "Not tested" in answer.content.decode()
        assert "The connection does not work" not in answer.content.decode()
    with redis_away(settings):
        assert [browser.post(path).status_code for path in paths] == [503, 503]


def test_a_list_asks_few_questions(as_user, world, django_assert_max_num_queries):
    made = {"provider": world.provider, "litellm_model": "mock"}
    for number in range(30):
        create_model(ImageGenerator, {"name": f"image-{number}", **made}, actor=SYSTEM)
    browser = as_user(world.platform_admin)
    with django_assert_max_num_queries(9):
        page = browser.get("/models/images").content.decode()
    assert "25 of 30" in page
    assert "image-9" in browser.get("/models/images?page=2").content.decode()
    assert browser.get("/models/images?page=zzz&sort=zzz").status_code == 200
