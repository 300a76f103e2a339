"""The pages by which administrators run users."""

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from audit.models import Entry
from restai_site.tests.world import make_key, make_user

pytestmark = pytest.mark.django_db
POSTS = [
    "role",
    "suspend",
    "activate",
    "sessions/end",
    "second-factor/reset",
    "invitation",
    "invitation/show",
    "delete",
]
OTHERS = ["outsider", "outsider_admin", "viewer", "editor", "team_admin"]


@pytest.fixture
def admin(as_user, world):
    return as_user(world.platform_admin)


def shown(answer):
    return [user.email for user in answer.context["table"].rows]


def state(user):
    return User.objects.filter(pk=user.pk).values().first()


# --- Doors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/users", "/users/invite", "/users/{id}"])
def test_pages_are_for_platform_administrators(client, as_user, world, path):
    path = path.format(id=world.viewer.pk)
    assert client.get(path).url == f"/login?next={path}"
    for name in OTHERS:
        assert as_user(getattr(world, name)).get(path).status_code == 403
    assert as_user(world.platform_admin).get(path).status_code == 200


@pytest.mark.parametrize("name", POSTS)
def test_others_change_nothing(client, as_user, world, name):
    path = f"/users/{world.viewer.pk}/{name}"
    sent = {"confirmation": world.viewer.email, "is_platform_admin": "on"}
    session = as_user(world.viewer)
    before = state(world.viewer)
    assert client.post(path, sent).status_code == 302
    for other in OTHERS:
        assert as_user(getattr(world, other)).post(path, sent).status_code == 403
    assert state(world.viewer) == before
    assert session.get("/profile").status_code == 200


@pytest.mark.parametrize("name", POSTS)
def test_nothing_is_changed_by_a_get_or_without_anybody_there(admin, world, name):
    assert admin.get(f"/users/{world.viewer.pk}/{name}").status_code == 405
    assert admin.post(f"/users/2000000000/{name}").status_code == 404


def test_a_key_opens_no_page(api_as, world):
    assert api_as(world.platform_admin).get("/users").status_code == 403


# --- The list --------------------------------------------------------------------------------


def test_the_list_searches_names_and_addresses_and_sorts(admin, world):
    assert shown(admin.get("/users?q=OUTSIDER-ad")) == ["outsider-admin@example.org"]
    assert shown(admin.get("/users"))[0] == "editor@example.org"
    assert shown(admin.get("/users?sort=-email"))[0] == "viewer@example.org"
    assert shown(admin.get("/users?q=nobody-like-this")) == []


def test_facets_narrow_the_list(admin, world):
    User.objects.filter(pk=world.viewer.pk).update(is_active=False)
    User.objects.filter(pk=world.editor.pk).update(is_restricted=True)
    User.objects.filter(pk=world.member.pk).update(invited_at=timezone.now())
    User.objects.exclude(pk=world.outsider.pk).update(second_factor_since=timezone.now())
    for word, expected in {
        "administrators": ["platform-admin@example.org"],
        "suspended": ["viewer@example.org"],
        "restricted": ["editor@example.org"],
        "invited": ["member@example.org"],
        "one-factor": ["outsider@example.org"],
    }.items():
        assert shown(admin.get(f"/users?is={word}")) == expected
    assert len(shown(admin.get("/users?is=nonsense"))) == 7


def test_the_list_is_paged_and_asks_few_questions(admin, django_assert_max_num_queries):
    for number in range(40):
        make_user(f"person{number}")
    with django_assert_max_num_queries(8):
        answer = admin.get("/users")
    assert len(shown(answer)) == 25
    assert len(shown(admin.get("/users?page=2"))) == 22


def test_the_navigation_leads_to_the_list(admin, world, as_user):
    assert 'href="/users"' in admin.get("/profile").content.decode()
    assert 'href="/users"' not in as_user(world.viewer).get("/profile").content.decode()


# --- One user --------------------------------------------------------------------------------


def test_name_and_address_are_saved(admin, world):
    path = f"/users/{world.viewer.pk}"
    assert admin.post(path, {"name": "New", "email": "New@Example.org"}).status_code == 302
    world.viewer.refresh_from_db()
    assert (world.viewer.name, world.viewer.email) == ("New", "new@example.org")
    taken = admin.post(path, {"name": "New", "email": world.editor.email})
    assert taken.status_code == 400
    assert "already a user with this e-mail address" in taken.content.decode()


def test_fields_that_are_not_offered_change_nothing(admin, world):
    before = state(world.viewer)
    sent = {"name": world.viewer.name, "email": world.viewer.email, "is_active": "", "theme": "x"}
    admin.post(f"/users/{world.viewer.pk}", {**sent, "password": "x", "is_platform_admin": "on"})
    assert state(world.viewer) == before


def test_roles_are_given_and_taken(admin, world):
    path = f"/users/{world.viewer.pk}/role"
    admin.post(path, {"is_platform_admin": "on", "is_restricted": "on"})
    world.viewer.refresh_from_db()
    assert (world.viewer.is_platform_admin, world.viewer.is_restricted) == (True, True)
    admin.post(path, {})
    world.viewer.refresh_from_db()
    assert (world.viewer.is_platform_admin, world.viewer.is_restricted) == (False, False)


def test_suspending_and_letting_in_again(admin, world, as_user):
    browser = as_user(world.viewer)
    assert admin.post(f"/users/{world.viewer.pk}/suspend").status_code == 302
    assert browser.get("/profile").status_code == 302
    assert "Let in again" in admin.get(f"/users/{world.viewer.pk}").content.decode()
    admin.post(f"/users/{world.viewer.pk}/activate")
    world.viewer.refresh_from_db()
    assert world.viewer.is_active


def test_all_sessions_are_ended(admin, world, as_user):
    browsers = [as_user(world.viewer) for _ in range(2)]
    assert admin.post(f"/users/{world.viewer.pk}/sessions/end").status_code == 302
    assert [browser.get("/profile").status_code for browser in browsers] == [302, 302]
    assert not Session.objects.filter(user=world.viewer).exists()
    assert Entry.objects.acts().latest("id").action == "session.end_all"


def test_a_lost_second_factor_is_reset(admin, world, as_user):
    page = f"/users/{world.viewer.pk}"
    assert "Reset second factor" not in admin.get(page).content.decode()
    User.objects.filter(pk=world.viewer.pk).update(second_factor_since=timezone.now())
    browser = as_user(world.viewer)
    assert "Reset second factor" in admin.get(page).content.decode()
    assert admin.post(f"{page}/second-factor/reset").status_code == 302
    world.viewer.refresh_from_db()
    assert world.viewer.second_factor_since is None
    assert browser.get("/profile").status_code == 302
    assert Entry.objects.acts().latest("id").action == "user.second_factor_reset"


def test_keys_are_listed_without_their_digest_and_revoked(admin, world):
    key, plaintext = make_key(world.viewer)
    page = admin.get(f"/users/{world.viewer.pk}").content.decode()
    assert key.prefix in page
    assert key.digest not in page
    assert plaintext not in page
    assert admin.post(f"/users/{world.viewer.pk}/keys/{key.pk}/revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.prefix not in admin.get(f"/users/{world.viewer.pk}").content.decode()


def test_a_key_is_revoked_on_its_owners_page_alone(admin, world, as_user):
    key, _ = make_key(world.viewer)
    assert admin.post(f"/users/{world.editor.pk}/keys/{key.pk}/revoke").status_code == 404
    other = as_user(world.team_admin)
    assert other.post(f"/users/{world.viewer.pk}/keys/{key.pk}/revoke").status_code == 403
    assert ApiKey.objects.filter(pk=key.pk, revoked_at=None).exists()


@pytest.mark.parametrize("typed", ["", "viewer", "VIEWER@example.org", None])
def test_deleting_wants_the_address_typed(admin, world, typed):
    sent = {} if typed is None else {"confirmation": typed}
    assert admin.post(f"/users/{world.viewer.pk}/delete", sent).status_code == 302
    assert User.objects.filter(pk=world.viewer.pk).exists()


def test_deleting_leads_back_to_the_list(admin, world):
    sent = {"confirmation": world.viewer.email}
    answer = admin.post(f"/users/{world.viewer.pk}/delete", sent)
    assert (answer.status_code, answer.url) == (302, "/users")
    assert not User.objects.filter(pk=world.viewer.pk).exists()


def test_ones_own_page_offers_no_way_to_shut_oneself_out(admin, world):
    own = f"/users/{world.platform_admin.pk}"
    page = admin.get(own).content.decode()
    assert "suspend-user" not in page
    assert "delete-user" not in page
    before = state(world.platform_admin)
    admin.post(f"{own}/suspend")
    admin.post(f"{own}/role", {})
    admin.post(f"{own}/delete", {"confirmation": world.platform_admin.email})
    assert state(world.platform_admin) == before
    assert "Ask another administrator" in admin.get(own).content.decode()


def test_a_users_page_asks_few_questions(admin, world, django_assert_max_num_queries):
    for number in range(20):
        make_key(world.viewer, f"key {number}")
    with django_assert_max_num_queries(10):
        assert admin.get(f"/users/{world.viewer.pk}").status_code == 200
