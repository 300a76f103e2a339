"""What a provider, or somebody between, may try: nobody comes in, and nothing is a failure."""

import base64
import hashlib
import json
import logging
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.test import Client

from accounts.models import LinkedAccount, Session, User
from accounts.services.providers import update_provider
from audit.models import Entry
from restai_site.tests.canaries import leaks
from restai_site.tests.identity_provider.lying import KEY, OTHER_KEY
from restai_site.tests.world import SYSTEM

FAILED = "Company does not answer as it should"
NOT_BEGUN = "This sign-in was not begun in this browser, or took too long: try again."


def assert_nobody_came_in(answer, status=502, words=FAILED):
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert not User.objects.exists()
    assert not LinkedAccount.objects.exists()
    assert not Session.objects.exclude(user=None).exists()


def test_the_way_without_lies_leads_in(add, way, liar):
    add(auto_create=True)
    answer = way.go()
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert Session.objects.get(user__email="ada@example.org").amr == ["sso"]


def test_the_address_of_the_provider_holds_state_nonce_and_the_hash_of_a_secret(add, way, liar):
    add(auto_create=True)
    asked = way.begin()
    assert way.address.startswith(f"{liar.url}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "restai"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"].endswith("/sign-in/company/callback")
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) == len(asked["nonce"]) == 43
    way.back(code="the-code", state=asked["state"])
    sent = liar.forms[0]
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
    assert sent["client_secret"] == liar.client_secret
    assert leaks(way.address) == []


def test_each_way_has_a_state_nonce_and_secret_of_its_own(add, way):
    add()
    first, second = way.begin(), way.begin()
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


# --- The id_token --------------------------------------------------------------------------------

PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
WRONG_CLAIMS = {
    "another audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "for others too, and not issued to us": {"aud": ["restai", "somebody-else"]},
    "issued to somebody else": {"azp": "somebody-else"},
    "for others too, issued to them": {"aud": ["restai", "other"], "azp": "other"},
    "another issuer": {"iss": "https://accounts.google.com"},
    "the issuer with a slash more": {"iss": "http://127.0.0.1/"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no expiry": {"exp": None},
    "no moment of issue": {"iat": None},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "not valid yet": {"nbf": int(time.time()) + 3600},
    "another nonce": {"nonce": "x" * 43},
    "an empty nonce": {"nonce": ""},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
}


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_an_id_token_that_does_not_hold_is_refused(add, way, liar, claims):
    add(auto_create=True)
    liar.lies.claims = claims
    assert_nobody_came_in(way.go())


def test_a_token_of_several_audiences_that_was_issued_to_us_holds(add, way, liar):
    add(auto_create=True)
    liar.lies.claims = {"aud": ["restai", "other"], "azp": "restai"}
    assert way.go().status_code == 302


def unsigned(liar) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{liar.id_token().split('.')[1]}."


def hmac_by_public_key(liar) -> str:
    """The old confusion: the public key taken for the secret of an HMAC."""
    head, body, _ = liar.id_token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"the-key"}').rstrip(b"=").decode()
    import hmac

    seal = hmac.new(PUBLIC, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def hmac_by_client_secret(liar) -> str:
    claims = jwt.decode(liar.id_token(), options={"verify_signature": False})
    return jwt.encode(claims, liar.client_secret, algorithm="HS256", headers={"kid": "the-key"})


def signed_by_another(liar) -> str:
    liar.lies.key = OTHER_KEY
    return liar.id_token()


def signed_by_another_without_kid(liar) -> str:
    liar.lies.key, liar.lies.header = OTHER_KEY, {}
    return liar.id_token()


def of_an_unknown_key(liar) -> str:
    liar.lies.header = {"kid": "another"}
    return liar.id_token()


def by_another_algorithm_than_the_keys(liar) -> str:
    liar.lies.algorithm = "RS512"
    return liar.id_token()


def by_its_own_key(liar) -> str:
    """A key that comes along in the header is nobody's."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key()))
    liar.lies.key, liar.lies.header = OTHER_KEY, {"kid": "the-key", "jwk": public}
    return liar.id_token()


def without_signature(liar) -> str:
    return liar.id_token().rpartition(".")[0] + "."


def tampered(liar) -> str:
    head, body, seal = liar.id_token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = json.dumps({**claims, "email": "admin@example.org"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(changed).rstrip(b'=').decode()}.{seal}"


FORGED = [
    unsigned,
    hmac_by_public_key,
    hmac_by_client_secret,
    signed_by_another,
    signed_by_another_without_kid,
    of_an_unknown_key,
    by_another_algorithm_than_the_keys,
    by_its_own_key,
    without_signature,
    tampered,
    lambda _: "no token",
    lambda _: "",
    lambda _: None,
    lambda _: {"a": 1},
    lambda _: ["a"],
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_id_token_is_refused(add, way, liar, forge):
    add(auto_create=True)
    state = way.begin()["state"]
    token = forge(liar)
    body = json.dumps({"access_token": liar.access_token, "id_token": token}).encode()
    liar.lies.answers["/token"] = (200, {"Content-Type": "application/json"}, body)
    assert_nobody_came_in(way.back(code="the-code", state=state))


def test_userinfo_of_another_subject_is_refused(add, way, liar):
    add(auto_create=True)
    liar.lies.userinfo = {"sub": "subject-2"}
    assert_nobody_came_in(way.go())


def test_an_id_token_of_another_sign_in_is_refused(add, way, liar):
    add(auto_create=True)
    nonce = way.begin()["nonce"]
    state = way.begin()["state"]
    liar.nonce = nonce
    assert_nobody_came_in(way.back(code="the-code", state=state))


# --- The state -----------------------------------------------------------------------------------


def test_a_state_that_is_missing_wrong_or_of_another_browser_is_refused(add, way, liar):
    add(auto_create=True)
    state = way.begin()["state"]
    other = Client()
    for answer in (
        way.back(code="the-code"),
        way.back(code="the-code", state=""),
        way.back(code="the-code", state="x" * 43),
        other.get("/sign-in/company/callback", {"code": "the-code", "state": state}),
    ):
        assert_nobody_came_in(answer, 400, NOT_BEGUN)
    assert liar.forms == []


def test_a_state_works_once(add, way, liar):
    add(auto_create=True)
    state = way.begin()["state"]
    liar.lies.claims = {"nonce": "wrong"}
    assert_nobody_came_in(way.back(code="the-code", state=state))
    liar.lies.claims = {}
    assert_nobody_came_in(way.back(code="the-code", state=state), 400, NOT_BEGUN)
    assert len(liar.forms) == 1


def test_a_state_of_another_provider_is_refused(add, way, liar):
    add(auto_create=True)
    add(slug="second", auto_create=True)
    state = way.begin()["state"]
    way.slug = "second"
    assert_nobody_came_in(way.back(code="the-code", state=state), 400, NOT_BEGUN)


def test_a_state_is_forgotten_after_ten_minutes(add, way, liar, monkeypatch):
    add(auto_create=True)
    state = way.begin()["state"]
    now = time.time()
    monkeypatch.setattr("allauth.socialaccount.internal.statekit.time.time", lambda: now + 601)
    assert_nobody_came_in(way.back(code="the-code", state=state), 400, NOT_BEGUN)


def test_the_session_changes_on_sign_in(add, way):
    add(auto_create=True)
    state = way.begin()["state"]
    before = way.browser.cookies["session"].value
    way.back(code="the-code", state=state)
    assert way.browser.cookies["session"].value != before
    assert Session.objects.count() == 1


def test_an_answer_that_names_another_issuer_is_refused(add, way, liar):
    add(auto_create=True)
    state = way.begin()["state"]
    answer = way.back(code="the-code", state=state, iss="https://evil.example")
    assert_nobody_came_in(answer)
    liar.lies.document = {"authorization_response_iss_parameter_supported": True}
    assert_nobody_came_in(way.go())
    assert liar.forms == []
    state = way.begin()["state"]
    assert way.back(code="the-code", state=state, iss=liar.url).status_code == 302


def test_a_sign_in_that_was_given_up_is_told(add, way):
    add(auto_create=True)
    state = way.begin()["state"]
    answer = way.back(error="access_denied", state=state)
    assert_nobody_came_in(answer, 400, "Company did not confirm who you are: try again.")


def test_it_begins_by_post_with_a_csrf_token_alone(add):
    add()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-in/company").status_code == 403
    assert strict.get("/sign-in/company").status_code == 405


# --- Where it leads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https:evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "///evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/%0d%0aLocation:https://evil.example\r\n",
        " //evil.example",
        "\t//evil.example",
    ],
)
def test_the_way_on_never_leads_to_another_site(add, way, target):
    add(auto_create=True)
    location = way.go(next=target)["Location"]
    assert location == "/" or location.startswith("/%0d%0a")
    assert not location.startswith("//")


def test_the_way_on_leads_where_somebody_wanted_to_go(add, way):
    add(auto_create=True)
    assert way.go(next="/projects?q=a")["Location"] == "/projects?q=a"


def test_the_call_back_takes_no_way_on_from_its_address(add, way):
    add(auto_create=True)
    state = way.begin()["state"]
    answer = way.back(code="the-code", state=state, next="/profile")
    assert answer["Location"] == "/"


def test_parameters_of_the_start_do_not_reach_the_provider(add, way):
    add()
    asked = way.begin(
        "/sign-in/{}?scope=admin&auth_params=prompt%3Dnone&process=connect&action=reauthenticate"
    )
    assert "prompt" not in asked
    assert "admin" not in asked["scope"]


# --- A provider that is broken -------------------------------------------------------------------

HTML = (200, {"Content-Type": "text/html"}, b"<h1>Hello</h1>")
BROKEN = {
    "an error": (500, {}, b"oops"),
    "html": HTML,
    "a list": (200, {"Content-Type": "application/json"}, b"[]"),
    "an empty object": (200, {"Content-Type": "application/json"}, b"{}"),
    "nothing": (200, {}, b""),
    "a redirect": (302, {"Location": "http://127.0.0.1:9/"}, b""),
    "too much": (200, {"Content-Type": "application/json"}, b" " * 2_000_000),
    "bytes": (200, {"Content-Type": "application/json"}, b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", ["/token", "/keys", "/userinfo"])
def test_a_provider_that_answers_nonsense_is_told_in_words(add, way, liar, path, answer):
    add(auto_create=True)
    liar.lies.answers[path] = answer
    assert_nobody_came_in(way.go())


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_does_not_describe_itself_is_told_in_words(add, way, liar, answer):
    add(auto_create=True)
    liar.lies.answers["/.well-known/openid-configuration"] = answer
    assert_nobody_came_in(way.browser.post("/sign-in/company"))


WRONG_DOCUMENTS = [
    {"issuer": "https://accounts.google.com"},
    {"issuer": None},
    {"authorization_endpoint": None},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"authorization_endpoint": ["a"]},
    {"token_endpoint": "file:///etc/passwd"},
    {"jwks_uri": "http://user@127.0.0.1/"},
    {"userinfo_endpoint": 7},
]


@pytest.mark.parametrize("document", WRONG_DOCUMENTS)
def test_a_discovery_document_that_does_not_hold_is_refused(add, way, liar, document):
    add(auto_create=True)
    liar.lies.document = document
    assert_nobody_came_in(way.browser.post("/sign-in/company"))


def test_the_client_secret_goes_to_no_internal_address_that_is_not_listed(add, way, liar):
    add(auto_create=True)
    liar.lies.document = {"token_endpoint": "http://169.254.169.254/token"}
    assert_nobody_came_in(way.go())


def test_a_provider_that_is_down_is_told_in_words(add, way):
    add(server_url="http://127.0.0.1:9")
    assert_nobody_came_in(way.browser.post("/sign-in/company"))


def test_a_provider_that_is_switched_off_or_unknown_is_told_in_words(add, way):
    row = add(auto_create=True)
    state = way.begin()["state"]
    update_provider(row, {"enabled": False}, actor=SYSTEM)
    words = "This way to sign in is not offered here, or not any more."
    assert_nobody_came_in(way.back(code="the-code", state=state), 404, words)
    assert_nobody_came_in(way.browser.post("/sign-in/company"), 404, words)
    assert_nobody_came_in(way.browser.post("/sign-in/unknown"), 404, words)


def test_starts_are_limited(add, way):
    add()
    answers = [way.browser.post("/sign-in/company").status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]


def test_no_token_is_in_an_answer_a_log_or_the_trail(add, way, liar, caplog):
    add(auto_create=True)
    caplog.set_level(logging.DEBUG)
    assert leaks(way.go().content) == []
    liar.lies.claims = {"nonce": "wrong"}
    answer = way.go() if way.browser.logout() is None else None
    assert leaks(answer.content) == []
    body = json.dumps({"error": "no", "refresh_token": liar.access_token}).encode()
    liar.lies.answers["/token"] = (400, {"Content-Type": "application/json"}, body)
    assert leaks(way.go().content) == []
    assert "Sign-in by provider" in caplog.text
    assert leaks(caplog.text) == []
    for entry in Entry.objects.all():
        assert leaks(json.dumps(entry.changes)) == []
