"""Where a second factor is required, whoever has none sets it up and reaches nothing else."""

import json
from base64 import b64encode

import pytest
from django.conf import settings as django_settings

from accounts.models import ApiKey, Passkey
from accounts.sections import AuthenticationSection
from accounts.sessions import tokens
from accounts.tests.factors import PASSWORD, Authenticator, code_of, with_app
from restai_site.lib.configuration import overridden
from restai_site.tests.access.bodies import body_for
from restai_site.tests.access.expectations import is_there
from restai_site.tests.access.routes import all_routes
from restai_site.tests.access.stage import make_stage
from restai_site.tests.clients import AuditedAPIClient, AuditedClient
from restai_site.tests.world import make_key

pytestmark = pytest.mark.django_db
ENROL = "/profile/security/enrol"
# What leads in, to a second factor, or out.
OPEN = frozenset(
    {
        "/login",
        "/sign-in/<slug:provider_slug>",
        "/logout",
        "/api/auth/sign-out",
        "/api/auth/impersonation",
        "/impersonation/end",
        ENROL,
        "/profile/security/app",
        "/profile/security/app/confirm",
        "/profile/security/passkeys",
        "/profile/security/passkeys/registration",
    }
)


@pytest.fixture
def user(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


@pytest.fixture
def enforced():
    with overridden(AuthenticationSection, second_factor="everyone"):
        yield


def basic(user, password=PASSWORD):
    token = b64encode(f"{user.email}:{password}".encode()).decode()
    return AuditedAPIClient(headers={"Authorization": f"Basic {token}"})


def refused(answer):
    return answer.status_code == 403 and b"set up a second factor first" in answer.content


def test_the_log_in_leads_to_the_page_that_sets_one_up(client, user, enforced):
    answer = client.post("/login", {"email": user.email, "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1] == (ENROL, 302)
    assert "This platform requires one" in answer.content.decode()


def test_every_other_route_treats_somebody_who_has_none_as_a_stranger(as_user, enforced):
    tokens.make_first_key()
    stage = make_stage()
    browser, stranger = as_user(stage.world.platform_admin), AuditedClient()
    browser.raise_request_exception = stranger.raise_request_exception = False
    reached = {}
    for route in all_routes():
        if route.path in OPEN:
            continue
        path = route.filled(stage.values(route))
        sent = {"data": body_for(stage, "POST", route.path)}
        content = {"content_type": "application/json"} if route.is_json else {}
        for method in ("get", "post", "put", "patch", "delete"):
            if not is_there(route.path, method.upper()):
                continue
            values = {} if method == "get" else {**sent, **content}
            answer = getattr(browser, method)(path, **values)
            led_back = answer.status_code == 302 and answer.url == ENROL
            if led_back or refused(answer):
                continue
            # What is there for anybody, and where there is nothing.
            if answer.status_code != getattr(stranger, method)(path, **values).status_code:
                reached[f"{method} {route.path}"] = answer.status_code
    assert reached == {}


@pytest.mark.parametrize("path", ["/api/me", "/api/projects", "/api/keys", "/v1/models"])
def test_keys_and_basic_stop_too(user, enforced, path):
    key = AuditedAPIClient().with_key(make_key(user)[1])
    header = AuditedAPIClient(headers={"X-API-Key": make_key(user)[1]})
    for program in (key, header, basic(user)):
        answer = program.get(path)
        assert refused(answer), answer.content
        assert b"second_factor_required" in answer.content


def test_no_key_is_made_without_one(as_user, user, enforced):
    browser = as_user(user)
    assert browser.post("/profile/keys", {"name": "x", "lifetime": "30"}).url == ENROL
    assert refused(browser.post("/api/keys", {"name": "x"}, content_type="application/json"))
    assert not ApiKey.objects.exists()


def test_it_works_at_once_for_who_was_signed_in_before(as_user, user):
    browser = as_user(user)
    assert browser.get("/projects").status_code == 200
    with overridden(AuthenticationSection, second_factor="everyone"):
        assert browser.get("/projects").url == ENROL
    assert browser.get("/projects").status_code == 200


def test_whoever_sets_up_an_app_goes_on(as_user, user, enforced, clock):
    browser = as_user(user)
    secret = browser.post("/profile/security/app").context["secret"]
    answer = browser.post("/profile/security/app/confirm", {"code": code_of(secret)})
    assert answer.status_code == 200
    assert browser.get("/projects").status_code == 200
    assert AuditedAPIClient().with_key(make_key(user)[1]).get("/api/me").status_code == 200


def test_whoever_adds_a_passkey_goes_on(as_user, user, enforced):
    browser = as_user(user)
    options = browser.post("/profile/security/passkeys/registration").json()
    made = Authenticator(django_settings.PUBLIC_URL).create(options)
    sent = {"name": "Laptop", "passkey": json.dumps(made)}
    assert browser.post("/profile/security/passkeys", sent).status_code == 200
    assert Passkey.objects.filter(user=user).exists()
    assert browser.get("/projects").status_code == 200


def test_they_may_log_out_instead(as_user, user, enforced):
    browser = as_user(user)
    assert browser.post("/logout").url == "/login"


def test_it_may_be_required_of_administrators_alone(as_user, world, user):
    with overridden(AuthenticationSection, second_factor="administrators"):
        assert as_user(user).get("/projects").status_code == 200
        assert as_user(world.platform_admin).get("/projects").url == ENROL
        assert basic(user).get("/api/me").status_code == 200


@pytest.mark.parametrize("rule", ["optional", "everyone"])
def test_basic_with_the_password_alone_is_refused_beside_a_second_factor(user, clock, rule):
    assert basic(user).get("/api/me").status_code == 200
    with_app(user)
    with overridden(AuthenticationSection, second_factor=rule):
        answer = basic(user).get("/api/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_needed")
    assert basic(user, "wrong password").get("/api/me").json()["code"] == "sign_in_refused"


def test_a_key_of_somebody_with_a_second_factor_works(user, clock, enforced):
    with_app(user)
    assert AuditedAPIClient().with_key(make_key(user)[1]).get("/api/me").status_code == 200
