"""Authenticator apps: set up by a code, each code once, and the secret shown once."""

from base64 import b32decode
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from accounts.models import RecoveryCode, Session, TotpDevice, User
from accounts.sections import AuthenticationSection
from accounts.services.factors import ConfirmationRequired, Proof, reset_factors
from accounts.services.passwords import may_reset
from accounts.services.second_factor import (
    begin_totp,
    confirm_totp,
    otpauth_uri,
    remove_totp,
    verify_totp,
)
from accounts.tests.factors import (
    PASSWORD,
    actor_in_session,
    app_of,
    code_of,
    full_proof,
    recent,
    with_app,
)
from audit.models import Entry
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import overridden
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    made = make_user("ada")
    made.set_password(PASSWORD)
    made.save(update_fields=["password"])
    return made


@pytest.fixture
def secret(user, clock):
    return with_app(user)[0]


def test_an_app_counts_after_it_has_shown_a_code(user, clock):
    actor = actor_in_session(user)
    secret = begin_totp(user, proof=recent(user), actor=actor).secret
    assert len(b32decode(secret)) == 20
    assert not verify_totp(user, code_of(secret))
    assert not User.objects.filter(second_factor_since__isnull=False).exists()
    with pytest.raises(Invalid):
        confirm_totp(user, code="000000", actor=actor)
    assert not TotpDevice.objects.get().confirmed
    codes = confirm_totp(user, code=code_of(secret), actor=actor)
    assert len(set(codes)) == 10
    user.refresh_from_db()
    assert user.second_factor_since is not None
    actions = list(Entry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["totp.begin", "totp.enable"]


def test_what_was_begun_twice_works_with_the_newer_secret_alone(user, clock):
    actor = actor_in_session(user)
    older = begin_totp(user, proof=recent(user), actor=actor).secret
    newer = begin_totp(user, proof=recent(user), actor=actor).secret
    assert older != newer
    with pytest.raises(Invalid):
        confirm_totp(user, code=code_of(older), actor=actor)
    confirm_totp(user, code=code_of(newer), actor=actor)


def test_nothing_is_confirmed_that_was_not_begun(user, clock):
    with pytest.raises(Conflict, match="begin again"):
        confirm_totp(user, code="123456", actor=actor_in_session(user))


def test_a_code_works_once(user, secret):
    code = code_of(secret)
    assert verify_totp(user, code)
    assert not verify_totp(user, code)


def test_the_code_that_confirmed_the_app_does_not_sign_in(user, clock):
    actor = actor_in_session(user)
    secret = begin_totp(user, proof=recent(user), actor=actor).secret
    code = code_of(secret)
    confirm_totp(user, code=code, actor=actor)
    assert not verify_totp(user, code)


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(user, secret, steps, is_taken):
    assert verify_totp(user, code_of(secret, steps=steps)) is is_taken


def test_the_code_before_the_present_one_is_taken_too(user, secret, clock):
    clock.forward(2)
    assert verify_totp(user, code_of(secret, steps=-1))


def test_no_code_is_taken_after_a_newer_one(user, secret, clock):
    clock.forward(2)
    older = code_of(secret, steps=-1)
    assert verify_totp(user, code_of(secret))
    assert not verify_totp(user, older)


def test_the_code_of_one_user_does_not_serve_another(user, secret):
    other = make_user("bob")
    with_app(other)
    code = code_of(secret)
    assert not verify_totp(other, code)
    assert not verify_totp(make_user("carol"), code)
    assert verify_totp(user, code)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345\x00", "-12345"]
)
def test_what_is_no_code_is_refused(user, secret, code):
    assert not verify_totp(user, code)


def test_spaces_in_a_code_do_not_matter(user, secret):
    code = code_of(secret)
    assert verify_totp(user, f" {code[:3]} {code[3:]} ")


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_one_code_one_gets_in(clock):
    user = make_user("ada")
    secret, _ = with_app(user)
    for _ in range(5):
        clock.forward(2)
        code, start = code_of(secret), Barrier(2)

        def sign_in(_, code=code, start=start):
            start.wait()
            try:
                return verify_totp(user, code)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(sign_in, range(2))) == [False, True]


def test_the_secret_is_encrypted_in_the_table(user, secret):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_totpdevice")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert app_of(user).secret == secret


def test_apps_read_issuer_account_and_secret_from_the_address(user, clock):
    device = begin_totp(user, proof=recent(user), actor=actor_in_session(user))
    uri = urlsplit(otpauth_uri(device))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/RESTai%3Aada%40example.org")
    assert parse_qs(uri.query) == {
        "secret": [device.secret],
        "issuer": ["RESTai"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_a_new_app_replaces_the_older_one_when_it_is_confirmed(user, secret, clock):
    actor = actor_in_session(user)
    begun = begin_totp(user, proof=recent(user), actor=actor)
    clock.forward()
    assert verify_totp(user, code_of(secret))
    assert confirm_totp(user, code=code_of(begun.secret), actor=actor) == []
    clock.forward()
    assert not verify_totp(user, code_of(secret))
    assert verify_totp(user, code_of(begun.secret))
    assert RecoveryCode.objects.filter(user=user).count() == 10


def test_turning_a_factor_on_and_off_ends_other_sessions(user, clock):
    other = actor_in_session(user)
    actor = actor_in_session(user)
    device = begin_totp(user, proof=recent(user), actor=actor)
    assert Session.objects.filter(pk=other.session_id).exists()
    confirm_totp(user, code=code_of(device.secret), actor=actor)
    assert list(Session.objects.values_list("pk", flat=True)) == [actor.session_id]
    other = actor_in_session(user)
    remove_totp(user, proof=full_proof(user), actor=actor)
    assert list(Session.objects.values_list("pk", flat=True)) == [actor.session_id]


@pytest.mark.parametrize(
    "parts",
    [{}, {"is_recent": True}, {"by_password": True}, {"by_factor": True}],
    ids=["nothing", "recent", "password", "factor"],
)
def test_removing_an_app_takes_password_and_factor(user, secret, parts):
    proof = Proof(user.pk, **parts)
    with pytest.raises(ConfirmationRequired):
        remove_totp(user, proof=proof, actor=actor_in_session(user))
    assert app_of(user)
    remove_totp(user, proof=full_proof(user), actor=actor_in_session(user))
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_whoever_has_no_password_removes_an_app_by_a_factor(clock):
    user = make_user("ada")
    with_app(user)
    actor = actor_in_session(user)
    with pytest.raises(ConfirmationRequired):
        remove_totp(user, proof=Proof(user.pk, is_recent=True), actor=actor)
    remove_totp(user, proof=Proof(user.pk, by_factor=True), actor=actor)
    assert not TotpDevice.objects.exists()


def test_the_proof_of_one_user_does_not_serve_another(user, secret):
    other = make_user("bob")
    with pytest.raises(ConfirmationRequired):
        remove_totp(user, proof=full_proof(other), actor=actor_in_session(user))
    assert app_of(user)


@pytest.mark.parametrize(
    ("rule", "is_admin", "stays"),
    [
        ("optional", True, False),
        ("administrators", False, False),
        ("administrators", True, True),
        ("everyone", False, True),
    ],
)
def test_the_last_factor_stays_while_one_is_required(user, secret, rule, is_admin, stays):
    User.objects.filter(pk=user.pk).update(is_platform_admin=is_admin)
    actor = actor_in_session(user)
    with overridden(AuthenticationSection, second_factor=rule):
        if stays:
            with pytest.raises(Conflict, match="add another one"):
                remove_totp(user, proof=full_proof(user), actor=actor)
        else:
            remove_totp(user, proof=full_proof(user), actor=actor)
    assert TotpDevice.objects.filter(user=user).exists() is stays


def test_the_last_factor_stays_beside_a_short_password(user, secret):
    User.objects.filter(pk=user.pk).update(password_is_short=True)
    with pytest.raises(Conflict, match="choose a longer one"):
        remove_totp(user, proof=full_proof(user), actor=actor_in_session(user))
    assert app_of(user)


@pytest.mark.parametrize("who", ["another", "an administrator", "a key", "Basic", "impersonator"])
def test_factors_are_changed_by_their_owner_in_person(user, secret, who):
    own = {"user_id": user.pk, "email": user.email}
    session = actor_in_session(user).session_id
    actors = {
        "another": actor_in_session(make_user("bob")),
        "an administrator": actor_in_session(make_user("admin", is_platform_admin=True)),
        "a key": Actor(**own, api_key_id=1, credential="key:1"),
        "Basic": Actor(**own, credential="basic"),
        "impersonator": Actor(**own, session_id=session, impersonator_id=99),
    }
    for change in (begin_totp, remove_totp):
        with pytest.raises(Forbidden):
            change(user, proof=full_proof(user), actor=actors[who])
    with pytest.raises(Forbidden):
        confirm_totp(user, code=code_of(secret), actor=actors[who])
    assert TotpDevice.objects.get().confirmed


# --- Reset ---------------------------------------------------------------------------------------


@pytest.fixture
def admin():
    return make_user("admin", is_platform_admin=True)


def test_an_administrator_resets_the_factors_of_another(user, secret, admin):
    actor_in_session(user)
    reset_factors(user, actor=actor_in_session(admin))
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert user.check_password(PASSWORD)
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not Session.objects.filter(user=user).exists()
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.actor_email, entry.target_id) == (
        "user.second_factor_reset",
        admin.email,
        str(user.pk),
    )
    assert entry.changes == {"totp": 1, "passkeys": 0, "recovery_codes": 10}


def test_a_short_password_does_not_outlive_the_factor_beside_it(user, secret, admin):
    User.objects.filter(pk=user.pk).update(password_is_short=True)
    reset_factors(user, actor=actor_in_session(admin))
    user.refresh_from_db()
    assert not user.check_password(PASSWORD)
    assert not user.password_is_short
    # Its owner gets a new one by “Forgot your password?”, as the mail says.
    assert may_reset(user)


def test_nobody_else_resets_factors_and_nobody_their_own(user, secret, admin):
    with_app(admin)
    key = Actor(admin.pk, admin.email, is_platform_admin=True, api_key_id=1, credential="key:1")
    basic = Actor(admin.pk, admin.email, is_platform_admin=True, credential="basic")
    for actor in (actor_in_session(make_user("bob")), actor_in_session(user), key, basic):
        with pytest.raises(Forbidden):
            reset_factors(user, actor=actor)
    with pytest.raises(Forbidden, match="another administrator"):
        reset_factors(admin, actor=actor_in_session(admin))
    assert TotpDevice.objects.count() == 2


def test_where_there_is_nothing_to_reset_that_is_said(admin, user):
    with pytest.raises(Conflict, match="no second factor"):
        reset_factors(user, actor=actor_in_session(admin))
