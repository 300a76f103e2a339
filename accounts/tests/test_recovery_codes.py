"""Recovery codes: ten, kept as digests, each good for once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import RecoveryCode
from accounts.services.factors import ConfirmationRequired, Proof
from accounts.services.recovery_codes import ALPHABET, new_recovery_codes, use_recovery_code
from accounts.tests.factors import PASSWORD, actor_in_session, full_proof, with_app
from audit.models import Entry
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    made = make_user("ada")
    made.set_password(PASSWORD)
    made.save(update_fields=["password"])
    return made


@pytest.fixture
def codes(user, clock):
    return with_app(user)[1]


def use(user, code):
    return use_recovery_code(user, code, actor=SYSTEM)


def test_ten_codes_of_80_bits_come_with_the_first_factor(codes):
    assert len(ALPHABET) == len(set(ALPHABET)) == 32
    assert len(set(codes)) == 10
    assert all(len(code) == 19 and code.count("-") == 3 for code in codes)
    assert set("".join(codes)) <= {*ALPHABET, "-"}


def test_a_code_works_once_and_leaves_the_others(user, codes):
    assert use(user, codes[0])
    assert not use(user, codes[0])
    assert use(user, codes[1])
    entries = Entry.objects.filter(action="recovery_code.use").order_by("id")
    assert [entry.changes for entry in entries] == [{"left": 9}, {"left": 8}]


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: f"  {code.replace('-', ' - ')}\t",
        lambda code: code.replace("-", "\N{EN DASH}"),
        lambda code: code.replace("-", "\N{NON-BREAKING HYPHEN}").title(),
    ],
    ids=["upper case", "joined", "spaces", "both", "dashes", "mixed"],
)
def test_spelling_does_not_matter_and_makes_no_second_use(user, codes, spell):
    assert use(user, spell(codes[0]))
    assert not use(user, codes[0])
    assert not use(user, spell(codes[0]))


@pytest.mark.parametrize("code", ["", "-", "a" * 16, "x" * 10_000, "\x00"])
def test_what_is_no_code_is_refused(user, codes, code):
    assert not use(user, code)
    assert RecoveryCode.objects.filter(used_at=None).count() == 10


def test_the_code_of_one_user_does_not_serve_another(user, codes):
    other = make_user("bob")
    with_app(other)
    assert not use(other, codes[0])
    assert use(user, codes[0])


def test_the_digest_is_no_code(user, codes):
    for digest in RecoveryCode.objects.values_list("digest", flat=True):
        assert not use(user, digest)


def test_the_codes_are_in_no_table(user, codes):
    for code in codes:
        assert tables_holding(code) == []
        assert tables_holding(code.replace("-", "")) == []


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_one_code_one_succeeds(clock):
    user = make_user("ada")
    _, codes = with_app(user)
    for code in codes[:5]:
        start = Barrier(4)

        def spend(_, code=code, start=start):
            start.wait()
            try:
                return use(user, code)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(spend, range(4))) == [False, False, False, True]
    assert Entry.objects.filter(action="recovery_code.use").count() == 5


def test_a_new_set_voids_the_old_one(user, codes):
    proof = Proof(user.pk, by_password=True)
    fresh = new_recovery_codes(user, proof=proof, actor=actor_in_session(user))
    assert len(set(fresh)) == 10
    assert not set(fresh) & set(codes)
    assert not any(use(user, code) for code in codes)
    assert use(user, fresh[0])


@pytest.mark.parametrize(
    ("parts", "is_enough"),
    [
        ({}, False),
        ({"is_recent": True}, False),
        ({"by_password": True}, True),
        ({"by_factor": True}, True),
    ],
    ids=["nothing", "recent", "password", "factor"],
)
def test_new_codes_take_the_password_or_a_factor(user, codes, parts, is_enough):
    proof = Proof(user.pk, **parts)
    if is_enough:
        assert len(new_recovery_codes(user, proof=proof, actor=actor_in_session(user))) == 10
        return
    with pytest.raises(ConfirmationRequired):
        new_recovery_codes(user, proof=proof, actor=actor_in_session(user))
    assert use(user, codes[0])


def test_new_codes_are_for_the_owner_in_person(user, codes):
    key = Actor(user.pk, user.email, api_key_id=1, credential="key:1")
    for actor in (key, actor_in_session(make_user("bob"))):
        with pytest.raises(Forbidden):
            new_recovery_codes(user, proof=full_proof(user), actor=actor)
    assert use(user, codes[0])


def test_without_a_factor_there_is_nothing_to_recover(user):
    with pytest.raises(Conflict, match="set one up first"):
        new_recovery_codes(user, proof=full_proof(user), actor=actor_in_session(user))
    assert not RecoveryCode.objects.exists()
