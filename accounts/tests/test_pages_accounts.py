"""Log-in, set-up, one's own profile and keys: who gets in, and what it changes."""

import pytest
from django.urls import reverse

from accounts.models import ApiKey, User
from accounts.services import renew_setup_link
from audit.models import Entry
from restai_site.tests.world import make_key

PASSWORD = "unusual staple of horses"
NEW_KEY = {"name": "report", "lifetime": "90", "scope": "full", "reach": "everything"}
FOREIGN = [
    "//evil.example",
    "https://evil.example",
    "https:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "///evil.example",
    "/%09/evil.example",
    "evil.example",
]


@pytest.fixture
def viewer(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


def log_in(client, email, password=PASSWORD, **extra):
    return client.post("/login", {"email": email, "password": password, **extra})


def test_people_log_in_whatever_the_case_of_their_address(client, viewer):
    answer = log_in(client, viewer.email.upper())
    assert (answer.status_code, answer.url) == (302, "/")
    assert Entry.objects.acts().latest("id").action == "user.sign_in"


def test_the_session_id_changes_on_log_in(client, viewer):
    client.get("/login")
    session = client.session
    session["seed"] = 1
    session.save()
    before = client.session.session_key
    log_in(client, viewer.email)
    assert client.session.session_key != before


@pytest.mark.parametrize("case", ["unknown", "wrong", "inactive"])
def test_what_is_wrong_with_a_log_in_is_not_told(client, viewer, case):
    if case == "inactive":
        User.objects.filter(pk=viewer.pk).update(is_active=False)
    email = "nobody@example.org" if case == "unknown" else viewer.email
    answer = log_in(client, email, "wrong" if case == "wrong" else PASSWORD)
    assert answer.status_code == 400
    assert "The e-mail address or the password is not right." in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("target", FOREIGN)
def test_the_way_on_never_leads_to_another_site(client, viewer, target):
    answer = log_in(client, viewer.email, next=target)
    assert answer.status_code == 302
    assert answer.url in {"/", "/%09/evil.example"}


def test_the_way_on_leads_to_the_wanted_page(client, viewer):
    assert log_in(client, viewer.email, next="/projects?q=a").url == "/projects?q=a"


def test_logging_out_takes_a_post(as_user, viewer):
    browser = as_user(viewer)
    assert browser.get("/logout").status_code == 405
    assert browser.get("/profile").status_code == 200
    assert browser.post("/logout").url == "/login"
    assert browser.get("/profile").status_code == 302


def test_a_set_up_link_makes_one_administrator_and_is_gone(client, db):
    token = renew_setup_link()
    person = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD}
    assert client.get(f"/setup/{token}").status_code == 200
    assert client.get("/setup/wrong").status_code == 404
    assert client.post("/setup/wrong", person).status_code == 404
    assert client.post(f"/setup/{token}", {**person, "password": "short"}).status_code == 400
    assert not User.objects.exists()
    assert client.post(f"/setup/{token}", person).url == reverse("inference:chat")
    assert User.objects.get().is_platform_admin
    assert client.get("/profile").status_code == 200
    assert client.get(f"/setup/{token}").status_code == 404
    assert client.post(f"/setup/{token}", person).status_code == 404


@pytest.mark.parametrize("path", ["/profile", "/profile/keys"])
def test_the_profile_is_for_people_who_are_signed_in(client, path, db):
    answer = client.get(path)
    assert (answer.status_code, answer.url) == (302, f"/login?next={path}")


def test_a_profile_changes_name_and_theme_and_nothing_else(as_user, viewer):
    browser = as_user(viewer)
    sent = {"name": "New", "theme": "dark", "is_platform_admin": "on", "email": "x@example.org"}
    assert browser.post("/profile", sent).status_code == 302
    after = User.objects.get(pk=viewer.pk)
    assert (after.name, after.theme) == ("New", "dark")
    assert (after.is_platform_admin, after.email) == (False, viewer.email)


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(as_user, viewer):
    here, elsewhere = as_user(viewer), as_user(viewer)
    wrong = {"current_password": "wrong", "password": "another staple of horses"}
    assert here.post("/profile/security/password", wrong).status_code == 400
    right = {**wrong, "current_password": PASSWORD}
    assert here.post("/profile/security/password", right).status_code == 302
    assert here.get("/profile").status_code == 200
    assert elsewhere.get("/profile").status_code == 302


def test_the_theme_menu_leads_back_to_our_pages_only(as_user, viewer):
    browser = as_user(viewer)
    answer = browser.post("/profile/theme", {"theme": "dark", "next": "/projects"})
    assert answer.url == "/projects"
    answer = browser.post("/profile/theme", {"theme": "light", "next": "//evil.example"})
    assert answer.url == "/profile"


def test_a_key_is_shown_in_one_answer_alone(as_user, viewer):
    browser = as_user(viewer)
    answer = browser.post("/profile/keys", {**NEW_KEY, "lifetime": "30"})
    key = ApiKey.objects.get()
    plaintext = answer.context["plaintext"]
    assert plaintext in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert key.expires_at is not None
    assert plaintext not in browser.get("/profile/keys").content.decode()


def test_people_revoke_their_own_keys_alone(as_user, viewer, world):
    key, _ = make_key(viewer)
    path = f"/profile/keys/{key.pk}/revoke"
    for other in (world.outsider, world.platform_admin):
        assert as_user(other).post(path).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None
    assert as_user(viewer).post(path).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_opens_no_page(client, viewer):
    _, plaintext = make_key(viewer)
    answer = client.get("/profile", headers={"Authorization": f"Bearer {plaintext}"})
    assert answer.status_code == 403


def test_the_keys_page_asks_few_questions(as_user, viewer, django_assert_max_num_queries):
    for number in range(30):
        make_key(viewer, f"key {number}")
    browser = as_user(viewer)
    with django_assert_max_num_queries(9):
        assert browser.get("/profile/keys").status_code == 200
