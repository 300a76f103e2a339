"""The cookie: which tokens open a session, and which do not."""

import base64
import json
import time
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, SigningKey
from accounts.sessions import tokens
from restai_site.tests.canaries import watch
from restai_site.tests.clients import AuditedClient, start_session
from restai_site.tests.tables import tables_holding


@pytest.fixture(autouse=True)
def _fresh_keys():
    """The database is another one in each test; so are the keys."""
    tokens.forget_keys()
    yield
    tokens.forget_keys()


@pytest.fixture
def cookie(world) -> str:
    return start_session(world.viewer)


def opens(cookie: str) -> bool:
    browser = AuditedClient()
    browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    by_page = browser.get("/profile").status_code == 200
    by_api = browser.get("/api/me").status_code == 200
    assert by_page == by_api
    return by_page


def key() -> SigningKey:
    return SigningKey.objects.get(replaced_at=None)


def claims(cookie: str) -> dict:
    return jwt.decode(cookie, options={"verify_signature": False})


def signed(values: dict, *, secret=None, algorithm="HS256", **headers) -> str:
    secret = key().secret if secret is None else secret
    return jwt.encode(values, secret, algorithm=algorithm, headers={"kid": key().kid, **headers})


def part(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_the_token_says_which_session_whose_since_when_until_when_and_how(world, cookie):
    said = claims(cookie)
    row = Session.objects.get()
    assert set(said) == {"sid", "sub", "iat", "exp", "amr"}
    assert (said["sid"], said["sub"]) == (row.pk.hex, str(world.viewer.pk))
    assert (said["iat"], said["exp"]) == (
        int(row.created_at.timestamp()),
        int(row.expires_at.timestamp()),
    )
    assert said["amr"] == ["pwd"]
    assert jwt.get_unverified_header(cookie) == {"alg": "HS256", "typ": "JWT", "kid": key().kid}
    assert opens(cookie)


def test_a_token_signed_by_the_key_itself_opens_so_that_the_refusals_below_mean_something(cookie):
    assert opens(signed(claims(cookie)))


FORGED = {
    "signature stripped": lambda cookie: cookie.rpartition(".")[0] + ".",
    "no signature part": lambda cookie: cookie.rpartition(".")[0],
    "signature of another": lambda cookie: cookie.rpartition(".")[0] + "." + "A" * 43,
    "alg none": lambda cookie: f"{part({'alg': 'none', 'kid': key().kid})}.{part(claims(cookie))}.",
    "alg None, capital": lambda cookie: (
        f"{part({'alg': 'NoNe', 'kid': key().kid})}.{part(claims(cookie))}."
    ),
    "another hash": lambda cookie: signed(
        claims(cookie), secret=key().secret * 2, algorithm="HS512"
    ),
    "alg RS256 over our signature": lambda cookie: (
        f"{part({'alg': 'RS256', 'kid': key().kid})}."
        f"{part(claims(cookie))}.{cookie.rpartition('.')[2]}"
    ),
    "signed with SECRET_KEY": lambda cookie: signed(claims(cookie), secret=settings.SECRET_KEY),
    "signed with the id of the key": lambda cookie: signed(
        claims(cookie), secret=key().kid.ljust(43, "0")
    ),
    "kid leads elsewhere": lambda cookie: signed(claims(cookie), kid="../../../dev/null"),
    "kid with SQL": lambda cookie: signed(claims(cookie), kid="' OR '1'='1"),
    "kid unknown": lambda cookie: signed(claims(cookie), kid="0" * 16),
    "kid empty": lambda cookie: signed(claims(cookie), kid=""),
    "key in the header": lambda cookie: signed(
        claims(cookie), secret="a" * 43, jwk={"kty": "oct", "k": part({})}, kid="f" * 16
    ),
    "expired": lambda cookie: signed({**claims(cookie), "exp": int(time.time()) - 1}),
    "before nbf": lambda cookie: signed({**claims(cookie), "nbf": int(time.time()) + 60}),
    "issued in the future": lambda cookie: signed({**claims(cookie), "iat": int(time.time()) + 60}),
    "another user's": lambda cookie: signed({**claims(cookie), "sub": "1"}),
    "user is no number": lambda cookie: signed({**claims(cookie), "sub": "root"}),
    "more factors": lambda cookie: signed({**claims(cookie), "amr": ["pwd", "mfa"]}),
    "amr is a text": lambda cookie: signed({**claims(cookie), "amr": "pwd"}),
    "another session": lambda cookie: signed({**claims(cookie), "sid": uuid4().hex}),
    "session is no id": lambda cookie: signed({**claims(cookie), "sid": "' OR 1=1 --"}),
    "session is a list": lambda cookie: signed({**claims(cookie), "sid": [1]}),
    "no session": lambda cookie: signed({**claims(cookie), "sid": None}),
    "too long": lambda cookie: signed({**claims(cookie), "more": "x" * 2000}),
    "id of the row alone": lambda cookie: claims(cookie)["sid"],
    "empty": lambda cookie: "",
    "dots": lambda cookie: "..",
    "not ASCII": lambda cookie: "ü" + cookie[1:],
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_opens_nothing(cookie, name):
    forged = FORGED[name](cookie)
    assert forged != cookie
    assert not opens(forged)
    assert opens(cookie)


@pytest.mark.parametrize("claim", tokens.CLAIMS)
def test_a_token_that_lacks_a_claim_opens_nothing(cookie, claim):
    said = claims(cookie)
    del said[claim]
    assert not opens(signed(said))


def test_no_forged_token_costs_a_query_while_the_keys_are_known(cookie):
    assert opens(cookie)
    unknown = ("another session", "kid unknown", "key in the header")
    forged = [make(cookie) for name, make in FORGED.items() if name not in unknown]
    assert len(forged) > 20
    with CaptureQueriesContext(connection) as queries:
        for token in forged:
            tokens.read(token)
    assert len(queries) == 0


def test_made_up_keys_cost_a_few_queries_and_then_none(cookie):
    assert opens(cookie)
    said = claims(cookie)
    forged = [signed(said, kid=f"{number:016x}") for number in range(50)]
    with CaptureQueriesContext(connection) as queries:
        assert [token for token in forged if tokens.read(token)] == []
    assert len(queries) == tokens.UNKNOWN_KEY_READS


def test_the_database_alone_forges_no_cookie(world, cookie):
    """Its rows hold the ids of sessions, but the keys only encrypted."""
    secret = watch("signing key", key().secret)
    assert tables_holding(secret) == []
    assert tables_holding(cookie) == []
    row = Session.objects.get()
    assert not opens(str(row.pk))
    assert not opens(row.pk.hex)


def test_after_a_rotation_old_cookies_hold_and_new_ones_name_the_new_key(world, cookie):
    before = key().kid
    after = tokens.rotate()
    tokens.forget_keys()
    assert opens(cookie)
    fresh = start_session(world.editor)
    assert jwt.get_unverified_header(fresh)["kid"] == after != before


def test_another_process_learns_of_a_new_key_from_the_first_cookie_that_names_it(world, cookie):
    assert opens(cookie)
    known = tokens._Known.keys
    tokens.rotate()
    tokens.forget_keys()
    fresh = start_session(world.editor)
    # This process has asked a moment ago, and knows the old key alone.
    tokens._Known.keys = tokens._Keys(time.monotonic(), known.secrets, known.current)
    assert opens(fresh)


def test_a_key_whose_row_is_gone_verifies_nothing(cookie):
    SigningKey.objects.all().delete()
    tokens.forget_keys()
    assert not opens(cookie)


def test_a_key_is_replaced_when_it_is_due_and_dropped_when_its_sessions_have_ended(db):
    tokens.make_first_key()
    first = key().kid
    tokens.rotate_when_due()
    assert key().kid == first
    old = timezone.now() - tokens.ROTATION - timedelta(minutes=1)
    SigningKey.objects.update(created_at=old)
    tokens.rotate_when_due()
    assert key().kid != first
    assert SigningKey.objects.filter(kid=first).exists()
    SigningKey.objects.filter(kid=first).update(replaced_at=timezone.now() - timedelta(days=91))
    tokens.rotate_when_due()
    assert not SigningKey.objects.filter(kid=first).exists()


def test_an_administrator_can_void_every_cookie_at_once(cookie):
    call_command("rotate_signing_key", "--end-sessions")
    tokens.forget_keys()
    assert not opens(cookie)
    assert not Session.objects.exists()


def test_there_is_one_current_key_however_many_processes_begin(db):
    tokens.make_first_key()
    tokens.make_first_key()
    assert SigningKey.objects.count() == 1
