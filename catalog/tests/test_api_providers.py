"""/api/providers: the secret stays a secret."""

import pytest
from django.core.cache import cache

from audit.models import Entry
from catalog.connection import TEST_GROUP
from catalog.models import ProviderAccount
from restai_site.lib.actor import Actor
from restai_site.lib.drf import MASK
from restai_site.tests.canaries import canary
from restai_site.tests.limits import redis_away, use_up_tests
from restai_site.tests.tables import tables_holding

SECRET = "sk-very-secret-value"


@pytest.fixture
def admin(world, as_user):
    cache.clear()
    return as_user(world.platform_admin)


@pytest.fixture
def provider(admin):
    body = {"name": "Mine", "kind": "openai_compatible", "base_url": "http://models:11434/v1"}
    answer = admin.post(
        "/api/providers", {**body, "api_key": SECRET}, content_type="application/json"
    )
    assert answer.status_code == 201
    assert answer.json()["api_key"] == MASK
    return ProviderAccount.objects.get(name="Mine")


def patch(admin, provider, body):
    answer = admin.patch(f"/api/providers/{provider.pk}", body, content_type="application/json")
    provider.refresh_from_db()
    return answer


def test_the_secret_is_in_no_answer_no_audit_entry_and_no_table(admin, provider):
    for path in ("/api/providers", f"/api/providers/{provider.pk}", "/api/audit"):
        assert SECRET not in admin.get(path).content.decode()
    admin.patch(f"/api/providers/{provider.pk}", {"api_key": SECRET + "2"}, "application/json")
    assert SECRET not in str(list(Entry.objects.values()))
    assert tables_holding(SECRET) == []


@pytest.mark.parametrize("sent", [MASK, "", "   "])
def test_writing_back_what_was_read_keeps_the_secret(admin, provider, sent):
    assert patch(admin, provider, {"name": "Renamed", "api_key": sent}).status_code == 200
    assert (provider.name, provider.api_key) == ("Renamed", SECRET)
    assert "api_key" not in Entry.objects.acts().latest("id").changes


def test_the_whole_object_can_be_written_back(admin, provider):
    body = admin.get(f"/api/providers/{provider.pk}").json()
    assert patch(admin, provider, body).status_code == 200
    assert provider.api_key == SECRET


def test_a_secret_is_cleared_on_purpose_only(admin, provider):
    answer = patch(admin, provider, {"clear_api_key": True})
    assert answer.status_code == 200
    assert (answer.json()["api_key"], provider.api_key, provider.api_key_set_at) == ("", "", None)


def test_a_new_secret_replaces_the_old_one_and_is_noted_as_changed(admin, provider):
    assert patch(admin, provider, {"api_key": "sk-new"}).status_code == 200
    assert provider.api_key == "sk-new"
    assert Entry.objects.acts().latest("id").changes == {
        "api_key": {"before": "changed", "after": "changed"}
    }


@pytest.mark.parametrize("key", [{}, {"api_key": MASK}, {"api_key": ""}])
@pytest.mark.parametrize("move", [{"base_url": "http://evil.example/v1"}, {"kind": "openai"}])
def test_a_new_destination_needs_the_secret_again(admin, provider, key, move):
    answer = patch(admin, provider, {**move, **key})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["api_key"]
    assert (provider.base_url, provider.kind) == ("http://models:11434/v1", "openai_compatible")


def test_a_new_destination_with_the_secret_or_without_any_is_taken(admin, provider):
    move = {"base_url": "http://other:1/v1"}
    assert patch(admin, provider, {**move, "api_key": "sk-again"}).status_code == 200
    assert (
        patch(
            admin, provider, {"base_url": "", "kind": "openai", "clear_api_key": True}
        ).status_code
        == 200
    )
    assert provider.api_key == ""


@pytest.mark.parametrize(
    "url",
    [
        "ftp://models/v1",
        "http://user:password@models/v1",
        "http://good.com\\@127.0.0.1/",
        "http://good.com#@127.0.0.1/",
        "http://mod els/",
        "javascript:alert(1)",
        "models",
    ],
)
def test_an_address_that_parsers_read_differently_is_refused(admin, provider, url):
    answer = patch(admin, provider, {"base_url": url, "api_key": SECRET})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["base_url"]
    assert provider.base_url == "http://models:11434/v1"


def test_a_provider_in_use_is_not_deleted(admin, world):
    answer = admin.delete(f"/api/providers/{world.provider.pk}")
    assert answer.status_code == 409
    assert ProviderAccount.objects.filter(pk=world.provider.pk).exists()
    assert not Entry.objects.filter(action="provider.delete").exists()


def test_nobody_else_reads_writes_or_tests_providers(world, as_user, provider):
    path = f"/api/providers/{provider.pk}"
    for name in ("team_admin", "member", "outsider_admin"):
        browser = as_user(getattr(world, name))
        answers = [
            browser.get("/api/providers"),
            browser.get(path),
            browser.patch(path, {"name": "x"}, content_type="application/json"),
            browser.delete(path),
            browser.post(f"{path}/test"),
        ]
        assert [answer.status_code for answer in answers] == [403] * 5


def test_testing_a_provider_says_in_words_what_is_wrong(admin, world):
    answer = admin.post(f"/api/providers/{world.provider.pk}/test")
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert canary("provider key") not in answer.content.decode()
    assert len(answer.json()["message"]) > 10


@pytest.mark.parametrize("kind", ["provider", "llm", "embedding_model"])
def test_the_eleventh_test_of_a_minute_is_refused_with_the_time_to_wait(admin, world, kind):
    cache.clear()
    use_up_tests(TEST_GROUP, Actor(user_id=world.platform_admin.pk, email=""))
    places = {"provider": "providers", "llm": "llms", "embedding_model": "embedding-models"}
    answer = admin.post(f"/api/{places[kind]}/{getattr(world, kind).pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_without_redis_nothing_is_tested(admin, world, settings):
    with redis_away(settings):
        answer = admin.post(f"/api/providers/{world.provider.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
