"""Secrets under a key that the server has lost: every surface says so in words, and goes on.

What needs no secret works; what needs one is answered with 503 and one sentence. Administrators
read the name of the variable, others that an administrator must look. No answer holds a token.
"""

import logging

import pytest
from django.db import connection
from django.urls import reverse

from audit.models import Entry
from catalog.models import ProviderAccount
from inference.models import Conversation, Message
from metering.models import UsageRecord
from restai_site.demonstration import PROVIDER_NAME, ensure_demonstration
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto.columns import (
    columns_under_old_keys,
    encrypted_columns,
    unreadable_columns,
)
from restai_site.lib.drf import MASK
from restai_site.tests.clients import post_for_stream
from restai_site.tests.world import SYSTEM, make_key

COLUMN = "catalog_provideraccount.api_key"
FOR_PEOPLE = (
    "A secret that this needs cannot be read now: ask an administrator of the platform to look at "
    "it."
)
FOR_ADMINISTRATORS = (
    f"A secret in {COLUMN} cannot be read: put the key that it was written with at the end of "
    "FIELD_ENCRYPTION_KEY, or enter the secret again."
)
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def lost(world, use_keys):
    """The world, whose provider's key is under a key that is gone."""
    use_keys(fernet_key())
    return world


def token() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM catalog_provideraccount ORDER BY id LIMIT 1")
        return cursor.fetchone()[0]


def assert_bare(content: bytes) -> str:
    """Assert that an answer holds no secret, no token and no trace; return its text."""
    text = content.decode()
    for hidden in ("sk-test", "gAAAA", "Traceback", "cryptography", "InvalidToken"):
        assert hidden not in text
    return text


PAGES_THAT_NEED_NO_SECRET = [
    "/models/providers",
    "/models/providers/{provider}",
    "/models",
    "/models/llms/{llm}",
    "/admin/catalog/provideraccount/",
    "/admin/catalog/provideraccount/{provider}/change/",
    "/admin/catalog/provideraccount/{provider}/delete/",
    "/admin/catalog/llm/",
    "/admin/catalog/llm/{llm}/change/",
    "/admin/autocomplete/?app_label=catalog&model_name=llm&field_name=provider",
    "/api/providers",
    "/api/providers/{provider}",
    "/api/llms",
    "/api/llms/{llm}",
    "/projects/{project}/chat",
    "/",
]


@pytest.mark.parametrize("path", PAGES_THAT_NEED_NO_SECRET)
def test_what_needs_no_secret_works(lost, as_user, path):
    path = path.format(provider=lost.provider.pk, llm=lost.llm.pk, project=lost.project.pk)
    answer = as_user(lost.platform_admin).get(path)
    assert answer.status_code == 200
    assert_bare(answer.content)


def test_the_list_of_the_api_still_shows_that_there_is_a_secret(lost, as_user):
    (provider,) = as_user(lost.platform_admin).get("/api/providers").json()["results"]
    assert provider["api_key"] == MASK


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("who", "words"), [("viewer", FOR_PEOPLE), ("platform_admin", FOR_ADMINISTRATORS)]
)
@pytest.mark.parametrize("by", ["project", "model"])
def test_a_call_of_v1_is_answered_in_openais_shape(lost, api_as, who, words, by, stream):
    model = f"project/{lost.project.pk}" if by == "project" else "alpha-llm"
    body = {"model": model, "messages": HELLO, "stream": stream}
    answer = api_as(getattr(lost, who)).post("/v1/chat/completions", body)
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "error": {
            "message": words,
            "type": "server_error",
            "param": None,
            "code": "secret_unreadable",
        }
    }
    assert not UsageRecord.objects.exists()


def test_embeddings_are_answered_in_openais_shape(lost, api_as):
    body = {"model": "alpha-embedding", "input": "Hello"}
    answer = api_as(lost.viewer).post("/v1/embeddings", body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, FOR_PEOPLE)


def test_a_stream_that_cannot_begin_has_a_status_of_its_own(lost):
    body = {"model": "alpha-llm", "messages": HELLO, "stream": True}
    response, content = post_for_stream("/v1/chat/completions", body, key=make_key(lost.viewer)[1])
    assert response.status_code == 503
    assert FOR_PEOPLE in assert_bare(content)


@pytest.mark.parametrize(
    ("who", "words"), [("viewer", FOR_PEOPLE), ("platform_admin", FOR_ADMINISTRATORS)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_is_answered_with_problem_details_and_keeps_nothing(
    lost, api_as, who, words, stream
):
    answer = api_as(getattr(lost, who)).post(
        f"/api/projects/{lost.project.pk}/chat", {"message": "Hello", "stream": stream}
    )
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert "Retry-After" not in answer
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": words,
        "code": "secret_unreadable",
        "request_id": answer["X-Request-ID"],
    }
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


def test_a_view_of_the_rest_framework_says_the_same(lost, as_user):
    answer = as_user(lost.platform_admin).post(f"/api/providers/{lost.provider.pk}/test")
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == FOR_ADMINISTRATORS


@pytest.mark.parametrize("path", ["/models/providers/{provider}/test", "/models/llms/{llm}/test"])
def test_a_page_says_it_in_words(lost, as_user, path):
    path = path.format(provider=lost.provider.pk, llm=lost.llm.pk)
    answer = as_user(lost.platform_admin).post(path)
    assert answer.status_code == 503
    text = assert_bare(answer.content)
    assert FOR_ADMINISTRATORS in text
    assert "Not tested" in text


def test_others_never_read_the_name_of_the_variable(lost, as_user, api_as):
    for user in (lost.viewer, lost.team_admin):
        answers = [
            as_user(user).get(f"/projects/{lost.project.pk}/chat"),
            api_as(user).post(f"/api/projects/{lost.project.pk}/chat", {"message": "Hello"}),
            api_as(user).post("/v1/chat/completions", {"model": "alpha-llm", "messages": HELLO}),
        ]
        for answer in answers:
            text = assert_bare(answer.content)
            assert "FIELD_ENCRYPTION_KEY" not in text
            assert COLUMN not in text


def test_the_log_names_the_column_and_the_variable_and_no_value(lost, api_as, caplog):
    with caplog.at_level(logging.DEBUG):
        api_as(lost.viewer).post(f"/api/projects/{lost.project.pk}/chat", {"message": "Hello"})
    said = [one.getMessage() for one in caplog.records if one.name.startswith("restai_site.lib")]
    assert said == [FOR_ADMINISTRATORS]
    assert_bare(caplog.text.encode())


class TestAnAdministratorMends:
    """Entering the secret again is enough; nothing has to be deleted for it."""

    def by_page(self, world, as_user):
        form = {"name": "Test", "kind": "openai_compatible", "base_url": world.provider.base_url}
        path = f"/models/providers/{world.provider.pk}"
        return as_user(world.platform_admin).post(path, {**form, "api_key": "sk-again"})

    def by_api(self, world, as_user):
        path = f"/api/providers/{world.provider.pk}"
        body = {"api_key": "sk-again"}
        return as_user(world.platform_admin).patch(path, body, "application/json")

    def in_the_administration(self, world, as_user):
        path = reverse("admin:catalog_provideraccount_change", args=[world.provider.pk])
        form = {"name": "Test", "kind": "openai_compatible", "base_url": world.provider.base_url}
        return as_user(world.platform_admin).post(path, {**form, "new_api_key": "sk-again"})

    @pytest.mark.parametrize("way", ["by_page", "by_api", "in_the_administration"])
    def test_by_entering_the_secret_again(self, lost, as_user, way):
        assert unreadable_columns() == [COLUMN]
        assert getattr(self, way)(lost, as_user).status_code in {200, 302}
        assert ProviderAccount.objects.get().api_key == "sk-again"
        assert unreadable_columns() == []
        entry = Entry.objects.acts().latest("id")
        assert entry.action == "provider.update"
        assert entry.changes["api_key"] == {"before": "changed", "after": "changed"}

    def test_by_removing_it(self, lost, as_user):
        path = f"/api/providers/{lost.provider.pk}"
        answer = as_user(lost.platform_admin).patch(
            path, {"clear_api_key": True}, "application/json"
        )
        assert (answer.status_code, answer.json()["api_key"]) == (200, "")
        assert ProviderAccount.objects.get().api_key == ""

    def test_by_changing_something_else(self, lost, as_user):
        before = token()
        path = f"/api/providers/{lost.provider.pk}"
        answer = as_user(lost.platform_admin).patch(path, {"name": "Renamed"}, "application/json")
        assert answer.status_code == 200
        assert token() == before

    def test_but_not_by_sending_the_secret_elsewhere(self, lost, as_user):
        """A key that comes back would be sent there."""
        path = f"/api/providers/{lost.provider.pk}"
        body = {"base_url": "http://elsewhere:1/v1"}
        answer = as_user(lost.platform_admin).patch(path, body, "application/json")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["api_key"])

    @pytest.mark.parametrize(
        "path",
        ["/models/providers/{}/delete", "/admin/catalog/provideraccount/{}/delete/"],
    )
    def test_by_deleting_the_account(self, lost, as_user, use_keys, path):
        spare = ProviderAccount.objects.create(name="Spare", kind="openai", api_key="k")
        use_keys(fernet_key())
        answer = as_user(lost.platform_admin).post(path.format(spare.pk), {"post": "yes"})
        assert answer.status_code == 302
        assert not ProviderAccount.objects.filter(name="Spare").exists()


def test_the_next_start_gives_the_demonstration_its_key_again(db, settings, use_keys):
    settings.EMBEDDED_MODEL_URL, settings.EMBEDDED_MODEL_KEY = "http://127.0.0.1:9/v1", "sk-own"
    ensure_demonstration(actor=SYSTEM)
    use_keys(fernet_key())
    ensure_demonstration(actor=SYSTEM)
    assert ProviderAccount.objects.get(name=PROVIDER_NAME).api_key == "sk-own"


class TestHealth:
    def test_ready_says_that_all_is_well(self, world, client):
        answer = client.get("/health/ready")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ok",
            "database": "ok",
            "redis": "ok",
            "secrets": "ok",
            "rate_limits": "ok",
        }

    def test_ready_says_that_secrets_cannot_be_read_and_no_more(self, lost, client):
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "unavailable",
            "database": "ok",
            "redis": "ok",
            "secrets": "unavailable",
            "rate_limits": "ok",
        }

    def test_live_does_not_mind(self, lost, client):
        assert client.get("/health/live").status_code == 200


class TestFactsForThePosture:
    def test_a_column_is_unreadable_when_its_first_or_its_last_secret_is(self, db, use_keys):
        mine, other = fernet_key(), fernet_key()
        for keys in ([other, mine, mine], [mine, mine, other]):
            ProviderAccount.objects.all().delete()
            for number, key in enumerate(keys):
                use_keys(key)
                ProviderAccount.objects.create(name=f"{number}", kind="openai", api_key="k")
            use_keys(mine)
            assert unreadable_columns() == [COLUMN]
            use_keys(mine, other)
            assert unreadable_columns() == []

    def test_rows_without_a_secret_are_passed_over(self, db, use_keys):
        ProviderAccount.objects.create(name="a", kind="openai")
        ProviderAccount.objects.create(name="b", kind="openai", api_key="k")
        ProviderAccount.objects.create(name="c", kind="openai")
        assert unreadable_columns() == []
        use_keys(fernet_key())
        assert unreadable_columns() == [COLUMN]

    def test_it_costs_one_query_for_each_column_however_long_the_table_is(
        self, db, django_assert_num_queries
    ):
        accounts = [ProviderAccount(name=f"{n}", kind="openai", api_key="k") for n in range(300)]
        ProviderAccount.objects.bulk_create(accounts)
        with django_assert_num_queries(len(encrypted_columns())):
            assert unreadable_columns() == []

    def test_what_is_under_older_keys_is_counted(self, db, use_keys, django_assert_num_queries):
        old, new = fernet_key(), fernet_key()
        use_keys(old)
        accounts = [ProviderAccount(name=f"{n}", kind="openai", api_key="k") for n in range(3)]
        ProviderAccount.objects.bulk_create(accounts)
        with django_assert_num_queries(0):
            assert columns_under_old_keys() == {}
        use_keys(new, old)
        ProviderAccount.objects.create(name="new", kind="openai", api_key="k")
        assert columns_under_old_keys() == {COLUMN: 3}
