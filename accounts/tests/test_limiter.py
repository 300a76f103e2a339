"""The limiter of guesses: how many are judged, who is locked out, and for how long."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from accounts import limiter
from accounts.limiter import Kind, count, forgive, normal_account
from accounts.models import AttemptCounter
from accounts.sections import AuthenticationSection
from restai_site.lib.configuration import overridden
from restai_site.lib.errors import TooManyRequests
from restai_site.tests.clients import AuditedClient
from restai_site.tests.tables import tables_holding

PASSWORD = "unusual staple of horses"
LIMIT = 5
WRONG = "The e-mail address or the password is not right."


@pytest.fixture
def viewer(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


def request_from(ip="192.0.2.1"):
    request = RequestFactory().post("/login")
    request.client_ip = ip
    return request


def guess(account="ada@example.org", ip="192.0.2.1", kind=Kind.PASSWORD):
    return count(kind, account=account, request=request_from(ip))


def log_in(client, email, password="wrong", **headers):
    return client.post("/login", {"email": email, "password": password}, headers=headers)


def wait(seconds):
    """Let time pass: everything that was counted is so much older."""
    for counter in AttemptCounter.objects.all():
        counter.last_at -= timedelta(seconds=seconds)
        if counter.blocked_until:
            counter.blocked_until -= timedelta(seconds=seconds)
        counter.save()


def judged(number, **how):
    """Return how many of so many guesses in a row are judged."""
    done = 0
    for _ in range(number):
        try:
            guess(**how)
        except TooManyRequests:
            continue
        done += 1
    return done


@pytest.mark.django_db
def test_five_wrong_attempts_are_judged_and_no_sixth():
    assert judged(10) == LIMIT


@pytest.mark.django_db
def test_each_further_attempt_waits_twice_as_long():
    judged(LIMIT)
    waits: list[int] = []
    for _ in range(9):
        with pytest.raises(TooManyRequests) as caught:
            guess()
        waits.append(caught.value.retry_after or 0)
        wait(waits[-1])
        guess()
    expected = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert [abs(wait - planned) <= 2 for wait, planned in zip(waits, expected, strict=True)] == (
        [True] * 9
    )


@pytest.mark.django_db
def test_failures_are_forgotten_after_a_day():
    judged(LIMIT)
    wait(limiter.ACCOUNT_SECONDS + 1)
    assert judged(10) == LIMIT


@pytest.mark.django_db
def test_a_success_gives_back():
    for _ in range(LIMIT - 1):
        guess()
    guess().succeeded()
    assert judged(10) == LIMIT


@pytest.mark.django_db
def test_proof_by_other_means_forgives():
    judged(LIMIT)
    forgive(Kind.PASSWORD, "ADA@example.org")
    assert judged(10) == LIMIT


@pytest.mark.django_db
def test_the_kinds_count_apart():
    judged(LIMIT)
    assert judged(10, kind=Kind.CODE) == LIMIT


SPELLINGS = [
    "ADA@EXAMPLE.ORG",
    " ada@example.org ",
    "ada@example.org\t",
    "ada+tag@example.org",
    "ada+other@example.org",
    "\uff41\uff44\uff41@example.org",
    "ada@\uff45xample.org",
    "a\u00a0da@example.org",
    "ada @ example.org",
]


@pytest.mark.django_db
@pytest.mark.parametrize("number", range(len(SPELLINGS)))
def test_another_spelling_is_no_other_account(number):
    judged(LIMIT)
    assert judged(1, account=SPELLINGS[number]) == 0


@pytest.mark.django_db
def test_another_account_has_its_own_count():
    judged(LIMIT)
    assert judged(10, account="eve@example.org", ip="192.0.2.2") == LIMIT


def test_the_normal_spelling_is_stable():
    for text in (*SPELLINGS, "\u212bngstrom@example.org", "\u0130@example.org", "x", "", "@", "+@"):
        once = normal_account(text)
        assert normal_account(once) == once
        assert unicodedata.normalize("NFKC", once) == once


@pytest.mark.django_db
def test_an_address_is_limited_over_all_accounts():
    with overridden(AuthenticationSection, attempts_per_address=10):
        done = sum(judged(1, account=f"user{number}@example.org") for number in range(20))
        assert done == 10
        assert judged(1, account="new@example.org", ip="192.0.2.2") == 1
        wait(limiter.ADDRESS_SECONDS + 1)
        assert judged(1, account="new@example.org") == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "others", [["2001:db8::2", "2001:db8:0:0:ffff::1"], ["2001:db8::ffff:ffff:ffff:ffff"]]
)
def test_an_ipv6_network_is_one_address(others):
    with overridden(AuthenticationSection, attempts_per_address=10):
        for number in range(10):
            guess(account=f"user{number}@example.org", ip="2001:db8::1")
        for ip in others:
            assert judged(1, account="new@example.org", ip=ip) == 0
        assert judged(1, account="new@example.org", ip="2001:db8:0:1::1") == 1


@pytest.mark.django_db
def test_a_mapped_address_is_the_address_that_it_maps():
    with overridden(AuthenticationSection, attempts_per_address=10):
        for number in range(10):
            guess(account=f"user{number}@example.org", ip="192.0.2.1")
        assert judged(1, account="new@example.org", ip="::ffff:192.0.2.1") == 0


@pytest.mark.django_db
def test_the_table_names_nobody():
    guess(account="somebody@example.org", ip="198.51.100.77")
    assert AttemptCounter.objects.count() == 2
    assert tables_holding("somebody@example.org") == []
    assert tables_holding("198.51.100.77") == []


@pytest.mark.django_db
@pytest.mark.django_db(transaction=True)
def test_of_forty_attempts_at_once_exactly_five_are_judged():
    for round_number in range(3):
        start = Barrier(8)

        def attack(thread, start=start, account=f"ada{round_number}@example.org"):
            start.wait()
            try:
                return judged(5, account=account, ip=f"192.0.2.{thread}")
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as threads:
            done = sum(threads.map(attack, range(8)))
        assert done == LIMIT


# --- On the page ----------------------------------------------------------------------------------


def test_the_page_says_how_long_to_wait(client, viewer):
    for _ in range(LIMIT):
        assert log_in(client, viewer.email).status_code == 400
    answer = log_in(client, viewer.email, PASSWORD)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 31
    assert "Too many attempts" in answer.content.decode()
    assert "session" not in client.cookies


@pytest.mark.parametrize("kind", ["wrong", "unknown", "suspended", "without a password"])
def test_the_answer_is_the_same_for_every_reason_before_and_after_the_limit(client, viewer, kind):
    email = "nobody@example.org" if kind == "unknown" else viewer.email
    if kind == "suspended":
        viewer.is_active = False
    if kind == "without a password":
        viewer.set_unusable_password()
    viewer.save()
    given = "wrong" if kind == "wrong" else PASSWORD
    answers = [log_in(client, email, given) for _ in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [400] * LIMIT + [429]
    bodies = {
        answer.content.decode().replace(email, "…").replace(str(answer.context["csrf_token"]), "…")
        for answer in answers[:LIMIT]
    }
    assert len(bodies) == 1
    assert WRONG in bodies.pop()
    assert "Too many attempts: wait a minute, then try again." in answers[-1].content.decode()


@pytest.mark.parametrize("kind", ["wrong", "unknown", "suspended", "without a password"])
def test_every_reason_costs_one_hash(client, viewer, kind, monkeypatch, settings):
    """What takes the time is the hash: each refusal works out exactly one."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    viewer.set_password(PASSWORD)
    if kind == "suspended":
        viewer.is_active = False
    if kind == "without a password":
        viewer.set_unusable_password()
    viewer.save()
    hashes = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self, *args, real=real, **kwargs):
            hashes.append(1)
            return real(self, *args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    email = "nobody@example.org" if kind == "unknown" else viewer.email
    log_in(client, email, "wrong" if kind == "wrong" else PASSWORD)
    assert len(hashes) == 1


def test_a_known_device_is_not_locked_out_by_strangers(viewer):
    owner = AuditedClient()
    assert log_in(owner, viewer.email, PASSWORD).status_code == 302
    owner.post("/logout")
    stranger = AuditedClient()
    for _ in range(LIMIT + 2):
        log_in(stranger, viewer.email)
    assert log_in(stranger, viewer.email, PASSWORD).status_code == 429
    assert log_in(owner, viewer.email, PASSWORD).status_code == 302


def test_a_known_device_has_a_limit_of_its_own(viewer):
    owner = AuditedClient()
    log_in(owner, viewer.email, PASSWORD)
    owner.post("/logout")
    answers = [log_in(owner, viewer.email).status_code for _ in range(LIMIT + 1)]
    assert answers == [400] * LIMIT + [429]
    assert log_in(AuditedClient(), viewer.email, PASSWORD).status_code == 302


def test_the_cookie_of_a_device_is_for_one_account_and_cannot_be_made_up(viewer, world):
    owner = AuditedClient()
    log_in(owner, viewer.email, PASSWORD)
    owner.post("/logout")
    value = owner.cookies["device"].value
    assert viewer.email not in value
    for _ in range(LIMIT):
        log_in(AuditedClient(), world.editor.email)
    assert log_in(owner, world.editor.email).status_code == 429
    forged = AuditedClient()
    forged.cookies["device"] = value[:-1] + ("A" if value[-1] != "A" else "B")
    for _ in range(LIMIT):
        log_in(AuditedClient(), viewer.email)
    assert log_in(forged, viewer.email).status_code == 429


def test_a_made_up_forwarded_address_changes_nothing(client, viewer):
    with overridden(AuthenticationSection, attempts_per_address=10):
        answers = [
            log_in(
                client, f"user{number}@example.org", **{"X-Forwarded-For": f"198.51.100.{number}"}
            )
            for number in range(11)
        ]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]


def test_a_counted_proxy_is_believed_as_far_as_it_wrote(client, viewer, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    with overridden(AuthenticationSection, attempts_per_address=10):
        for number in range(10):
            header = f"203.0.113.{number}, 198.51.100.9"
            log_in(client, f"user{number}@example.org", **{"X-Forwarded-For": header})
        again = log_in(client, "x@example.org", **{"X-Forwarded-For": "1.1.1.1, 198.51.100.9"})
        other = log_in(client, "x@example.org", **{"X-Forwarded-For": "1.1.1.1, 198.51.100.8"})
    assert (again.status_code, other.status_code) == (429, 400)


def test_the_page_the_api_and_basic_share_one_count(client, api, viewer):
    import base64

    for _ in range(2):
        log_in(client, viewer.email)
    for _ in range(2):
        body = {"email": viewer.email, "password": "wrong"}
        client.post("/api/auth/sign-in", body, content_type="application/json")
    basic = base64.b64encode(f"{viewer.email}:wrong".encode()).decode()
    assert api.get("/api/me", HTTP_AUTHORIZATION=f"Basic {basic}").status_code == 401
    right = base64.b64encode(f"{viewer.email}:{PASSWORD}".encode()).decode()
    answer = api.get("/api/me", HTTP_AUTHORIZATION=f"Basic {right}")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert log_in(client, viewer.email, PASSWORD).status_code == 429


def test_guessed_keys_are_limited_by_address_and_true_ones_still_open(world, api, api_as):
    with overridden(AuthenticationSection, attempts_per_address=10):
        answers = [
            api.get("/api/me", HTTP_AUTHORIZATION=f"Bearer rk_{number:043}") for number in range(11)
        ]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert api_as(world.viewer).get("/api/me").status_code == 200


def test_the_limit_is_in_the_database_and_so_survives_a_restart(client, viewer):
    for _ in range(LIMIT):
        log_in(client, viewer.email)
    rows = AttemptCounter.objects.filter(blocked_until__gt=timezone.now())
    assert rows.count() == 1
