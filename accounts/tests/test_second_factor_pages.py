"""The pages of second factors: the stage after the password, setting up, and taking away."""

import json
import re
import time

import pytest
from django.conf import settings as django_settings
from fido2.webauthn import AuthenticatorData

from accounts import challenges
from accounts.models import Passkey, RecoveryCode, Session, TotpDevice, User
from accounts.sections import AuthenticationSection
from accounts.tests.factors import (
    PASSWORD,
    Authenticator,
    code_of,
    handle_in,
    with_app,
)
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import AuditedClient

pytestmark = pytest.mark.django_db
STAGE = "/sign-in/second-factor"
SECURITY = "/profile/security"
SECRET = re.compile(r'id="secret-value"[^>]*>([A-Z2-7 ]{39})<')
CODES = re.compile(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}")


@pytest.fixture
def user(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


@pytest.fixture
def secret(user, clock):
    return with_app(user)[0]


def log_in(client, user, **extra):
    return client.post("/login", {"email": user.email, "password": PASSWORD, **extra})


def is_signed_in(client):
    return client.get("/profile").status_code == 200


def last_session(user):
    return Session.objects.filter(user=user).latest("created_at")


def age(user, minutes=16):
    """Let the user have signed in some time ago."""
    session = last_session(user)
    moment = session.created_at.timestamp() - 60 * minutes
    Session.objects.filter(pk=session.pk).update(
        created_at=session.created_at.fromtimestamp(moment, session.created_at.tzinfo)
    )


# --- The second stage ----------------------------------------------------------------------------


def test_the_password_leads_to_the_second_stage_and_a_code_to_the_wanted_page(client, user, secret):
    assert log_in(client, user, next="/projects?q=a").url == STAGE
    assert user.email in client.get(STAGE).content.decode()
    assert not is_signed_in(client)
    answer = client.post(STAGE, {"code": code_of(secret)})
    assert (answer.status_code, answer.url) == (302, "/projects?q=a")
    assert is_signed_in(client)
    assert last_session(user).amr == ["pwd", "otp", "mfa"]
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.changes) == ("user.sign_in", {"amr": ["pwd", "otp", "mfa"]})


def test_the_session_id_changes_at_each_stage(client, user, secret):
    client.get("/login")
    log_in(client, user)
    half = client.cookies["session"].value
    client.post(STAGE, {"code": code_of(secret)})
    assert client.cookies["session"].value != half
    client.cookies["session"] = half
    assert not is_signed_in(client)
    assert client.get(STAGE).url == "/login"


@pytest.mark.parametrize(
    "sent",
    [{"code": "000000"}, {"code": ""}, {}, {"recovery_code": "aaaa-aaaa-aaaa-aaaa"}],
    ids=["wrong", "empty", "nothing", "wrong recovery code"],
)
def test_what_does_not_hold_signs_nobody_in(client, user, secret, sent):
    log_in(client, user)
    answer = client.post(STAGE, sent)
    assert answer.status_code == 400
    assert not is_signed_in(client)
    assert not Session.objects.filter(user=user, amr__contains=["mfa"]).exists()


def test_a_code_that_was_used_does_not_sign_in_again(client, user, secret):
    code = code_of(secret)
    log_in(client, user)
    assert client.post(STAGE, {"code": code}).status_code == 302
    thief = AuditedClient()
    log_in(thief, user)
    assert thief.post(STAGE, {"code": code}).status_code == 400
    assert not is_signed_in(thief)


def test_a_recovery_code_signs_in_once(client, user, clock):
    _, codes = with_app(user)
    log_in(client, user)
    assert client.post(STAGE, {"recovery_code": codes[0].upper()}).status_code == 302
    assert last_session(user).amr == ["pwd", "recovery", "mfa"]
    assert "9 left of 10" in client.get(SECURITY).content.decode()
    again = AuditedClient()
    log_in(again, user)
    assert again.post(STAGE, {"recovery_code": codes[0]}).status_code == 400


def test_codes_are_not_found_by_trying(client, user, secret):
    log_in(client, user)
    with overridden(AuthenticationSection, attempts_per_account=3):
        statuses = [client.post(STAGE, {"code": f"00000{n}"}).status_code for n in range(4)]
        assert statuses == [400, 400, 400, 429]
        right = client.post(STAGE, {"code": code_of(secret)})
        recovery = client.post(STAGE, {"recovery_code": "a" * 16})
    assert (right.status_code, recovery.status_code) == (429, 429)
    assert int(right.headers["Retry-After"]) > 0
    assert not is_signed_in(client)


def test_another_password_log_in_does_not_begin_the_count_anew(client, user, secret):
    with overridden(AuthenticationSection, attempts_per_account=3):
        for number in range(3):
            browser = AuditedClient()
            log_in(browser, user)
            assert browser.post(STAGE, {"code": f"00000{number}"}).status_code == 400
        log_in(client, user)
        assert client.post(STAGE, {"code": code_of(secret)}).status_code == 429


def test_without_a_password_before_it_there_is_no_second_stage(client, user, secret):
    assert client.get(STAGE).url == "/login"
    assert client.post(STAGE, {"code": code_of(secret)}).url == "/login"
    assert not is_signed_in(client)


def test_whoever_is_suspended_between_the_stages_does_not_get_in(client, user, secret):
    log_in(client, user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.post(STAGE, {"code": code_of(secret)}).url == "/login"
    assert not Session.objects.filter(user=user, amr__contains=["mfa"]).exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/", 302),
        ("get", "/profile", 302),
        ("get", f"{SECURITY}/enrol", 302),
        ("post", f"{SECURITY}/app", 302),
        ("post", f"{SECURITY}/passkeys/registration", 302),
        ("get", f"{SECURITY}/recovery-codes", 302),
        ("get", "/admin/", 302),
        ("get", "/api/me", 401),
        ("get", "/api/projects", 401),
        ("get", "/api/auth/second-factor", 401),
        ("post", "/api/auth/second-factor/totp", 401),
        ("post", "/api/keys", 401),
        ("get", "/v1/models", 401),
    ],
)
def test_the_password_alone_reaches_nothing(client, user, secret, method, path, status):
    log_in(client, user)
    answer = getattr(client, method)(path)
    assert answer.status_code == status
    if status == 302:
        assert answer.url.startswith(("/login", "/admin/login"))
    assert not TotpDevice.objects.filter(confirmed=False).exists()


# --- Setting up an app ---------------------------------------------------------------------------


def begin(browser):
    text = browser.post(f"{SECURITY}/app").content.decode()
    return SECRET.search(text)[1], text


def test_an_app_is_set_up_by_its_code_and_recovery_codes_are_shown_once(as_user, user, clock):
    browser, elsewhere = as_user(user), as_user(user)
    assert browser.get(f"{SECURITY}/enrol").status_code == 200
    shown, text = begin(browser)
    assert 'src="data:image/svg+xml' in text
    assert "style=" not in text
    assert browser.post(f"{SECURITY}/app/confirm", {"code": "000000"}).status_code == 400
    answer = browser.post(f"{SECURITY}/app/confirm", {"code": code_of(shown)})
    codes = CODES.findall(answer.content.decode())
    assert len(codes) == 10
    assert answer.headers["Cache-Control"] == "no-store"
    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)
    assert last_session(user).amr[-2:] == ["otp", "mfa"]
    assert "10 left of 10" in browser.get(SECURITY).content.decode()


def test_the_secret_is_in_one_answer_alone(as_user, user, clock):
    browser = as_user(user)
    shown, _ = begin(browser)
    plain = shown.replace(" ", "")
    later = [
        browser.get(f"{SECURITY}/enrol"),
        browser.get(SECURITY),
        browser.post(f"{SECURITY}/app/confirm", {"code": "000000"}),
        browser.post(f"{SECURITY}/app/confirm", {"code": code_of(shown)}),
        browser.get(SECURITY),
        browser.get(f"{SECURITY}/enrol"),
        browser.get(f"{SECURITY}/app/remove"),
        browser.get("/api/me"),
        browser.get("/api/auth/second-factor"),
    ]
    for answer in later:
        assert plain not in answer.content.decode()
        assert shown not in answer.content.decode()
    assert plain not in str(list(Entry.objects.values()))


def test_some_time_after_signing_in_setting_up_asks_who_is_there(as_user, user, clock):
    browser = as_user(user)
    age(user)
    assert browser.post(f"{SECURITY}/app").status_code == 403
    assert not TotpDevice.objects.exists()
    assert "Confirm that it is you" in browser.get(f"{SECURITY}/enrol").content.decode()
    wrong = browser.post(f"{SECURITY}/enrol", {"password": "wrong"})
    assert wrong.status_code == 400
    assert browser.post(f"{SECURITY}/enrol", {"password": ""}).status_code == 400
    assert browser.post(f"{SECURITY}/app").status_code == 403
    assert browser.post(f"{SECURITY}/enrol", {"password": PASSWORD}).status_code == 302
    assert browser.post(f"{SECURITY}/app").status_code == 200


def test_the_confirmation_lasts_for_minutes_alone(as_user, user, clock):
    browser = as_user(user)
    age(user)
    browser.post(f"{SECURITY}/enrol", {"password": PASSWORD})
    session = browser.session
    session["confirmed_at"] = time.time() - 16 * 60
    session.save()
    assert browser.post(f"{SECURITY}/app").status_code == 403


# --- Taking away ---------------------------------------------------------------------------------


def test_an_app_is_removed_with_password_and_code(as_user, user, secret):
    browser = as_user(user)
    path = f"{SECURITY}/app/remove"
    assert browser.get(path).status_code == 200
    code = code_of(secret)
    for sent, status in [
        ({"password": "wrong", "code": code}, 400),
        ({"password": PASSWORD, "code": "000000"}, 400),
        ({"password": PASSWORD}, 400),
        ({}, 400),
    ]:
        assert browser.post(path, sent).status_code == status, sent
        assert TotpDevice.objects.filter(user=user).exists()
    answer = browser.post(path, {"code": code})
    assert answer.status_code == 400
    assert "with your password and with a second factor" in answer.content.decode()
    again = {"password": PASSWORD, "code": code_of(secret, steps=1)}
    assert browser.post(path, again).url == SECURITY
    assert not TotpDevice.objects.filter(user=user).exists()
    assert not RecoveryCode.objects.filter(user=user).exists()
    assert is_signed_in(browser)


def test_the_words_say_why_a_factor_stays(as_user, user, secret):
    User.objects.filter(pk=user.pk).update(password_is_short=True)
    sent = {"password": PASSWORD, "code": code_of(secret)}
    answer = as_user(user).post(f"{SECURITY}/app/remove", sent)
    assert answer.status_code == 400
    assert "choose a longer one" in answer.content.decode()


def test_new_recovery_codes_are_shown_once(as_user, user, clock):
    _, before = with_app(user)
    browser = as_user(user)
    path = f"{SECURITY}/recovery-codes"
    assert browser.get(path).status_code == 200
    assert browser.post(path, {}).status_code == 400
    answer = browser.post(path, {"password": PASSWORD})
    codes = CODES.findall(answer.content.decode())
    assert len(codes) == 10
    assert not set(codes) & set(before)
    assert CODES.findall(browser.get(path).content.decode()) == []


def test_passwords_are_not_found_by_trying_here_either(as_user, user, secret):
    browser = as_user(user)
    with overridden(AuthenticationSection, attempts_per_account=3):
        statuses = [
            browser.post(f"{SECURITY}/recovery-codes", {"password": f"wrong {n}"}).status_code
            for n in range(4)
        ]
    assert statuses == [400, 400, 400, 429]


# --- Passkeys ------------------------------------------------------------------------------------


def device():
    return Authenticator(django_settings.PUBLIC_URL)


def add(browser, made, name="Laptop"):
    options = browser.post(f"{SECURITY}/passkeys/registration").json()
    sent = {"name": name, "passkey": json.dumps(made.create(options))}
    return browser.post(f"{SECURITY}/passkeys", sent), handle_in(options)


@pytest.fixture
def registered(as_user, user):
    made = device()
    _, handle = add(as_user(user), made)
    return made.but(handle=handle, counter=2)


def with_passkey(client, made, path="/sign-in/passkey", **extra):
    options = client.post("/sign-in/passkey/options").json()
    return client.post(path, {"passkey": json.dumps(made.get(options)), **extra})


def test_a_passkey_is_added_and_shows(as_user, user):
    browser = as_user(user)
    answer, _ = add(browser, device())
    assert len(CODES.findall(answer.content.decode())) == 10
    assert is_signed_in(browser)
    assert last_session(user).amr[-2:] == ["passkey", "mfa"]
    assert "Laptop" in browser.get(SECURITY).content.decode()


def test_a_passkey_is_the_second_stage(client, user, registered):
    log_in(client, user, next="/projects")
    assert with_passkey(client, registered, STAGE).url == "/projects"
    assert last_session(user).amr == ["pwd", "passkey", "mfa"]


def test_a_passkey_signs_in_by_itself(client, user, registered):
    answer = with_passkey(client, registered, next="/projects")
    assert (answer.status_code, answer.url) == (302, "/projects")
    assert is_signed_in(client)
    assert last_session(user).amr == ["passkey", "mfa"]


def test_a_passkey_that_did_not_verify_its_owner_is_no_log_in(client, user, registered):
    untouched = registered.but(flags=AuthenticatorData.FLAG.UP)
    assert with_passkey(client, untouched).url.startswith("/login?next=")
    assert not is_signed_in(client)
    log_in(client, user)
    assert with_passkey(client, untouched.but(counter=3), STAGE).status_code == 302


@pytest.mark.parametrize("case", ["suspended", "only providers", "not ours", "no json", "nothing"])
def test_who_is_refused_is_told_the_same(client, user, registered, case):
    made = registered
    if case == "suspended":
        User.objects.filter(pk=user.pk).update(is_active=False)
    if case == "not ours":
        made = device()
    with overridden(AuthenticationSection, local_sign_in=case != "only providers"):
        options = client.post("/sign-in/passkey/options").json()
        sent = {"no json": "{", "nothing": ""}.get(case, json.dumps(made.get(options)))
        answer = client.post("/sign-in/passkey", {"passkey": sent})
        assert answer.url.startswith("/login?next=")
        assert "This passkey was not accepted" in client.get(answer.url).content.decode()
    assert not Session.objects.filter(user=user, amr=["passkey", "mfa"]).exists()


def test_a_challenge_is_answered_once(client, user, registered):
    options = client.post("/sign-in/passkey/options").json()
    wrong = json.dumps(device().get(options))
    right = json.dumps(registered.get(options))
    client.post("/sign-in/passkey", {"passkey": wrong})
    assert client.post("/sign-in/passkey", {"passkey": right}).url.startswith("/login?next=")
    assert not is_signed_in(client)


def test_a_challenge_is_answered_in_time(client, user, registered, monkeypatch):
    options = client.post("/sign-in/passkey/options").json()
    late = time.time() + 301
    monkeypatch.setattr(challenges.time, "time", lambda: late)
    client.post("/sign-in/passkey", {"passkey": json.dumps(registered.get(options))})
    assert not is_signed_in(client)


def test_a_challenge_belongs_to_its_browser_and_purpose(client, as_user, user, registered):
    options = AuditedClient().post("/sign-in/passkey/options").json()
    client.post("/sign-in/passkey/options")
    answer = client.post("/sign-in/passkey", {"passkey": json.dumps(registered.get(options))})
    assert answer.url.startswith("/login?next=")
    browser = as_user(user)
    options = browser.post(f"{SECURITY}/passkeys/proof").json()
    sent = {"name": "x", "passkey": json.dumps(device().create(options))}
    assert browser.post(f"{SECURITY}/passkeys", sent).status_code == 400
    assert Passkey.objects.count() == 1


def test_a_passkey_stands_for_the_code_when_another_is_removed(as_user, user, registered):
    browser = as_user(user)
    passkey = Passkey.objects.get()
    options = browser.post(f"{SECURITY}/passkeys/proof").json()
    sent = {"password": PASSWORD, "passkey": json.dumps(registered.get(options))}
    path = f"{SECURITY}/passkeys/{passkey.pk}/remove"
    assert browser.get(path).status_code == 200
    assert browser.post(path, sent).url == SECURITY
    assert not Passkey.objects.exists()


def test_the_passkeys_of_others_are_not_there(as_user, world, registered):
    passkey = Passkey.objects.get()
    for other in (world.editor, world.platform_admin):
        browser = as_user(other)
        assert browser.get(f"{SECURITY}/passkeys/{passkey.pk}/remove").status_code == 404
        answer = browser.post(f"{SECURITY}/passkeys/{passkey.pk}/rename", {"name": "Mine"})
        assert answer.status_code == 404
    assert Passkey.objects.get().name == "Laptop"


def test_a_passkey_is_renamed(as_user, user, registered):
    browser, passkey = as_user(user), Passkey.objects.get()
    path = f"{SECURITY}/passkeys/{passkey.pk}/rename"
    assert browser.post(path, {"name": ""}).url == SECURITY
    assert Passkey.objects.get().name == "Laptop"
    assert browser.post(path, {"name": "Telephone"}).url == SECURITY
    assert Passkey.objects.get().name == "Telephone"


def test_strangers_get_no_challenge_without_a_csrf_token(user, registered):
    client = AuditedClient(enforce_csrf_checks=True)
    assert client.post("/sign-in/passkey/options").status_code == 403


def test_the_security_tab_takes_few_queries(as_user, user, secret, django_assert_max_num_queries):
    browser = as_user(user)
    with django_assert_max_num_queries(12):
        browser.get(SECURITY)
