"""Identity providers: who sees and changes them, their secrets, and the test button."""

import pytest
from django.core.cache import cache
from django.urls import resolve

from accounts.models import IdentityProvider, LinkedAccount
from accounts.services.providers import (
    TAKEN_SLUGS,
    create_provider,
    delete_provider,
    update_provider,
)
from accounts.sso.probe import TEST_GROUP
from audit.models import Entry
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.access.routes import all_routes
from restai_site.tests.canaries import leaks
from restai_site.tests.limits import use_up_tests
from restai_site.tests.world import SYSTEM, acting

API = "/api/auth/providers"
PAGE = "/settings/sign-in-providers"
FORM = {
    "name": "New",
    "slug": "new",
    "kind": "google",
    "client_id": "id",
    "client_secret": "secret",
    "position": 0,
}


# --- Services ------------------------------------------------------------------------------------


def test_only_platform_administrators_who_are_signed_in_change_providers(add, liar, world):
    row = add()
    key = acting(world.platform_admin, session_id=None, api_key_id=1, credential="key:1")
    posing = acting(world.platform_admin, impersonator_id=world.platform_admin.pk)
    for actor in (key, posing, acting(world.team_admin)):
        with pytest.raises(Forbidden):
            create_provider(liar.values(slug="new"), actor=actor)
        with pytest.raises(Forbidden):
            update_provider(row, {"name": "New"}, actor=actor)
        with pytest.raises(Forbidden):
            delete_provider(row, actor=actor)
    assert IdentityProvider.objects.get().name == "Company"


@pytest.mark.parametrize(
    "change",
    [{"server_url": "https://evil.example"}, {"kind": "github"}, {"kind": "google"}],
)
def test_a_new_destination_needs_the_secret_again_and_ends_all_links(add, world, change):
    row = add()
    LinkedAccount.objects.create(provider=row, subject="s", user=world.member)
    with pytest.raises(Invalid, match="enter the client secret again"):
        update_provider(row, change, actor=SYSTEM)
    row.refresh_from_db()
    assert row.kind == "openid_connect"
    assert LinkedAccount.objects.count() == 1
    update_provider(row, {**change, "client_secret": "new"}, actor=SYSTEM)
    assert not LinkedAccount.objects.exists()
    assert Entry.objects.acts().latest("id").changes["links_ended"] == 1


def test_another_change_keeps_secret_and_links(add, liar, world):
    row = add()
    LinkedAccount.objects.create(provider=row, subject="s", user=world.member)
    update_provider(row, {"name": "Renamed", "server_url": liar.url + "/"}, actor=SYSTEM)
    stored = IdentityProvider.objects.get()
    assert (stored.name, stored.client_secret) == ("Renamed", liar.client_secret)
    assert LinkedAccount.objects.count() == 1


WRONG = {
    "slug": {"slug": "other"},
    "server_url": {"server_url": ""},
    "server_url, of another scheme": {"server_url": "ftp://idp.example", "client_secret": "new"},
    "server_url, with a query": {"server_url": "https://idp.example/?a", "client_secret": "new"},
    "tenant": {"kind": "microsoft", "client_secret": "new"},
    "tenant, a path": {"kind": "microsoft", "tenant": "../evil", "client_secret": "new"},
    "allowed_domains": {"allowed_domains": ["no domain"]},
    "allowed_domains, a pattern": {"allowed_domains": ["*.example.org"]},
    "client_secret": {"client_secret": ""},
    "default_team_id": {"default_team_id": 2_000_000_000},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_values_that_do_not_go_together_are_refused_and_the_field_is_named(add, request, change):
    row = add()
    with pytest.raises(Invalid) as caught:
        update_provider(row, change, actor=SYSTEM)
    named = request.node.callspec.id.partition(",")[0]
    # Without an address the secret would go elsewhere: that is asked first.
    expected = {"server_url": "client_secret"} if request.node.callspec.id == "server_url" else {}
    assert list(caught.value.fields) == [expected.get(named, named)]


@pytest.mark.parametrize("slug", sorted(TAKEN_SLUGS))
def test_a_short_name_that_a_page_has_is_refused(liar, db, slug):
    assert resolve(f"/sign-in/{slug}").view_name != "accounts:sso_start"
    with pytest.raises(Invalid, match="taken by a page"):
        create_provider(liar.values(slug=slug), actor=SYSTEM)


def test_no_other_page_stands_where_a_provider_would(db):
    beside = {route.path.split("/")[2] for route in all_routes() if "/sign-in/" in route.path[:9]}
    assert beside == {"<slug:provider_slug>", *TAKEN_SLUGS}


def test_two_providers_have_two_short_names(add, liar):
    add()
    with pytest.raises(Conflict):
        create_provider(liar.values(), actor=SYSTEM)


def test_a_provider_is_off_until_it_has_a_secret(liar, db):
    values = liar.values(client_secret="")
    with pytest.raises(Invalid, match="Enter the client secret"):
        create_provider(values, actor=SYSTEM)
    create_provider({**values, "enabled": False}, actor=SYSTEM)


def test_the_trail_names_changes_and_no_secret(add, liar):
    row = add()
    update_provider(row, {"client_secret": "a new secret", "auto_create": True}, actor=SYSTEM)
    made, changed = Entry.objects.order_by("id").filter(action__startswith="identity_provider")
    assert made.changes["client_secret"] == "changed"
    assert changed.changes == {
        "client_secret": {"before": "changed", "after": "changed"},
        "auto_create": {"before": False, "after": True},
    }
    assert leaks(str(made.changes)) == []


# --- The API -------------------------------------------------------------------------------------


def test_the_four_doors_of_the_api(add, api, as_user, api_as, world):
    row = add()
    for method in ("get", "post"):
        assert getattr(api, method)(API).status_code == 401
        assert getattr(api_as(world.team_admin), method)(API).status_code == 403
    assert api_as(world.platform_admin).get(API).json()["results"][0]["slug"] == "company"
    with_key = api_as(world.platform_admin)
    assert with_key.patch(f"{API}/{row.pk}", {"name": "X"}).status_code == 403
    assert with_key.delete(f"{API}/{row.pk}").status_code == 403
    assert with_key.post(API, FORM).status_code == 403
    assert IdentityProvider.objects.get().name == "Company"
    browser = as_user(world.platform_admin)
    made = browser.post(API, FORM, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["client_secret"] == "********"
    path = f"{API}/{made.json()['id']}"
    changed = browser.patch(path, {"client_secret": "********", "name": "X"}, "application/json")
    assert (changed.status_code, changed.json()["name"]) == (200, "X")
    assert IdentityProvider.objects.get(slug="new").client_secret == "secret"
    assert browser.delete(path).status_code == 204


def test_a_taken_short_name_is_told_by_the_api(add, as_user, world):
    add()
    body = {**FORM, "slug": "company"}
    answer = as_user(world.platform_admin).post(API, body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["slug"])


@pytest.mark.parametrize("count", [1, 10])
def test_a_list_takes_the_same_queries_however_long(
    add, as_user, world, django_assert_num_queries, count
):
    for number in range(count):
        add(slug=f"p{number}")
    browser = as_user(world.platform_admin)
    for path in (API, PAGE):
        browser.get(path)
    with django_assert_num_queries(3):
        browser.get(API)
    with django_assert_num_queries(6):  # among them what the frame of each page asks
        browser.get(PAGE)


# --- Pages ---------------------------------------------------------------------------------------


def test_the_four_doors_of_the_pages(add, client, as_user, world):
    row = add()
    for path in (PAGE, f"{PAGE}/new", f"{PAGE}/{row.pk}"):
        assert client.get(path).status_code == 302
        assert as_user(world.team_admin).get(path).status_code == 403
        assert as_user(world.platform_admin).get(path).status_code == 200
    for path in (f"{PAGE}/{row.pk}/delete", f"{PAGE}/{row.pk}/test", f"{PAGE}/{row.pk}"):
        assert client.post(path).status_code == 302
        assert as_user(world.team_admin).post(path).status_code == 403
    assert IdentityProvider.objects.get() == row


def test_a_provider_is_added_changed_and_deleted(as_user, world, db):
    browser = as_user(world.platform_admin)
    assert "No sign-in providers yet" in browser.get(PAGE).content.decode()
    team = {"default_team_id": world.alpha.pk, "allowed_domains": "a.example\nb.example, c.example"}
    made = browser.post(f"{PAGE}/new", {**FORM, **team}, follow=True)
    row = IdentityProvider.objects.get()
    assert row.allowed_domains == ["a.example", "b.example", "c.example"]
    assert (row.default_team_id, row.enabled, row.client_secret) == (
        world.alpha.pk,
        False,
        "secret",
    )
    page = made.content.decode()
    assert "/sign-in/new/callback" in page
    assert "a.example\nb.example" in page
    browser.post(f"{PAGE}/{row.pk}", {**FORM, "client_secret": "", "slug": "ignored"})
    row.refresh_from_db()
    assert (row.slug, row.client_secret, row.default_team_id) == ("new", "secret", None)
    browser.post(f"{PAGE}/{row.pk}/delete")
    assert not IdentityProvider.objects.exists()


def test_the_secret_is_on_no_page_and_in_no_answer(add, as_user, world):
    row = add()
    browser = as_user(world.platform_admin)
    admin = f"/admin/accounts/identityprovider/{row.pk}/change/"
    for path in (PAGE, f"{PAGE}/{row.pk}", API, f"{API}/{row.pk}", admin):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert leaks(answer.content) == []


# --- The test button -----------------------------------------------------------------------------


@pytest.fixture
def tested(as_user, world):
    """Return a function: what the button says of a provider."""
    cache.clear()

    def press(row):
        answer = as_user(world.platform_admin).post(f"{API}/{row.pk}/test")
        assert answer.status_code == 200, answer.content
        return answer.json()["ok"], answer.json()["message"]

    return press


def test_the_button_says_that_a_provider_works(add, tested):
    words = "The provider describes itself, has one key, and knows the client."
    assert tested(add()) == (True, words)


JSON = {"Content-Type": "application/json"}
REFUSED = b'{"error": "invalid_client"}'


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/.well-known/openid-configuration", (404, {}, b""), "cannot be reached, or does not"),
        ("/.well-known/openid-configuration", (200, JSON, b"{}"), "by another address"),
        ("/keys", (500, {}, b""), "The provider's keys:"),
        ("/keys", (200, JSON, b'{"keys": []}'), "has no key that id_tokens"),
        ("/token", (401, JSON, REFUSED), "refuses the client id or the client secret."),
        ("/token", (200, {}, b"<h1>"), "The provider's tokens:"),
    ],
)
def test_the_button_says_what_is_wrong(add, tested, liar, path, answer, words):
    row = add()
    liar.lies.answers[path] = answer
    ok, message = tested(row)
    assert not ok
    assert words in message


def test_the_button_is_for_platform_administrators_and_counted(add, as_user, world, liar):
    row = add()
    assert as_user(world.team_admin).post(f"{PAGE}/{row.pk}/test").status_code == 403
    use_up_tests(TEST_GROUP, acting(world.platform_admin))
    answer = as_user(world.platform_admin).post(f"{PAGE}/{row.pk}/test")
    assert answer.status_code == 429
    assert liar.requests == []


def test_a_server_of_github_is_asked_at_its_api(add, tested, liar):
    row = add(kind="github")
    assert tested(row)[0] is True
    assert liar.requests == ["/api/v3/"]
