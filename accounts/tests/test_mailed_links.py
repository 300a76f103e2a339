"""Mailed links: one token each, in the mail alone, used once, by whom it was sent to."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import MailedLink
from accounts.services import digest_of, find_link, make_link, using_link
from accounts.services.links import LIFETIMES, Purpose
from restai_site.lib.errors import NotFound
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import make_user

NO_TOKENS = ["", "null", "0", "[]", "None", "x" * 42, "x" * 43, "x" * 44, "x" * 10_000, "é" * 43]


@pytest.fixture
def ada(db):
    return make_user("ada")


def token_for(user, purpose=Purpose.RESET, email=None):
    return make_link(user, purpose, email=email or user.email).rpartition("/")[2]


def use(token, purpose=Purpose.RESET):
    with transaction.atomic(), using_link(digest_of(token), purpose) as link:
        return link.user, link.email


def assert_gone(token, purpose=Purpose.RESET):
    assert find_link(digest_of(token), purpose) is None
    with pytest.raises(NotFound):
        use(token, purpose)


def test_a_link_works_once(ada):
    token = token_for(ada)
    assert find_link(digest_of(token), Purpose.RESET).user == ada
    user, email = use(token)
    assert (user, email) == (ada, "ada@example.org")
    assert_gone(token)


def test_what_fails_does_not_use_a_link_up(ada):
    token = token_for(ada)
    failing = suppress(ZeroDivisionError)
    with failing, transaction.atomic(), using_link(digest_of(token), Purpose.RESET):
        raise ZeroDivisionError
    assert use(token) == (ada, ada.email)


def test_the_token_has_256_bits_and_is_in_no_table(ada):
    tokens = {token_for(ada) for _ in range(20)}
    assert {len(token) for token in tokens} == {43}
    assert len(tokens) == 20
    assert [table for token in tokens for table in tables_holding(token)] == []


def test_a_newer_link_voids_the_older_one_of_its_purpose_alone(ada):
    older, other = token_for(ada), token_for(ada, Purpose.EMAIL_CHANGE, "new@example.org")
    newer = token_for(ada)
    assert_gone(older)
    assert find_link(digest_of(newer), Purpose.RESET) is not None
    assert find_link(digest_of(other), Purpose.EMAIL_CHANGE) is not None
    assert MailedLink.objects.count() == 2


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_expires(ada, purpose):
    token = token_for(ada, purpose)
    made = MailedLink.objects.get()
    assert made.expires_at - made.created_at == LIFETIMES[purpose]
    MailedLink.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert find_link(digest_of(token), purpose) is not None
    MailedLink.objects.update(expires_at=timezone.now())
    assert_gone(token, purpose)


def test_a_link_serves_no_other_purpose(ada):
    token = token_for(ada, Purpose.RESET)
    assert_gone(token, Purpose.INVITATION)
    assert_gone(token, Purpose.EMAIL_CHANGE)
    assert use(token) == (ada, ada.email)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("change", ["password", "email", "suspended"])
def test_a_link_dies_with_the_password_the_address_and_the_account(ada, purpose, change):
    token = token_for(ada, purpose)
    if change == "password":
        ada.set_password("correct horse battery")
    elif change == "email":
        ada.email = "other@example.org"
    else:
        ada.is_active = False
    ada.save()
    assert_gone(token, purpose)


def test_a_deleted_user_takes_their_links_along(ada):
    token = token_for(ada)
    ada.delete()
    assert_gone(token)
    assert not MailedLink.objects.exists()


@pytest.mark.parametrize("token", NO_TOKENS)
def test_what_is_no_token_opens_nothing(ada, token):
    token_for(ada)
    assert_gone(token)


@pytest.mark.parametrize("digest", [None, "", 0, [], {}, False, True, "a" * 64])
def test_what_is_no_digest_opens_nothing(ada, digest):
    token_for(ada)
    assert find_link(digest, Purpose.RESET) is None


def test_the_stored_digest_is_no_token(ada):
    token_for(ada)
    assert_gone(MailedLink.objects.get().digest)
    assert_gone(MailedLink.objects.get().digest[:43])


def test_the_address_begins_with_that_of_the_platform(ada, settings):
    settings.PUBLIC_URL = "https://ai.example.org"
    places = {purpose: make_link(ada, purpose, email=ada.email) for purpose in Purpose}
    assert places[Purpose.RESET].startswith("https://ai.example.org/password/reset/")
    assert places[Purpose.INVITATION].startswith("https://ai.example.org/invitation/")
    assert places[Purpose.EMAIL_CHANGE].startswith("https://ai.example.org/email/")


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_exactly_one_succeeds():
    ada = make_user("ada")
    for _ in range(3):
        token = token_for(ada)
        start = Barrier(4)

        def attempt(_, token=token, start=start):
            start.wait()
            try:
                use(token)
            except NotFound:
                return "gone"
            finally:
                connection.close()
            return "used"

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(attempt, range(4))) == ["gone"] * 3 + ["used"]
