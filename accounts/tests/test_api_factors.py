"""The REST API of second factors: for people in their own session, and nobody else."""

import pytest
from django.conf import settings as django_settings

from accounts.models import Passkey, RecoveryCode, Session, TotpDevice, User
from accounts.sections import AuthenticationSection
from accounts.tests.factors import PASSWORD, Authenticator, code_of, handle_in, with_app
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import AuditedAPIClient

pytestmark = pytest.mark.django_db
STATE = "/api/auth/second-factor"
APP = f"{STATE}/totp"
CODES = f"{STATE}/recovery-codes"
PASSKEYS = "/api/auth/passkeys"
WRITES = [
    ("post", APP),
    ("delete", APP),
    ("post", f"{APP}/confirm"),
    ("post", CODES),
    ("post", PASSKEYS),
    ("post", f"{PASSKEYS}/registration"),
    ("post", f"{PASSKEYS}/proof"),
]


@pytest.fixture
def user(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


@pytest.fixture
def signed_in():
    """Return a function: a script in the page of a signed-in user."""

    def sign_in(user):
        program = AuditedAPIClient()
        program.force_login(user)
        return program

    return sign_in


@pytest.fixture
def secret(user, clock):
    return with_app(user)[0]


def device():
    return Authenticator(django_settings.PUBLIC_URL)


def add_passkey(program, made, **extra):
    options = program.post(f"{PASSKEYS}/registration").json()
    sent = {"name": "Laptop", "answer": made.create(options), **extra}
    return program.post(PASSKEYS, sent), made.but(handle=handle_in(options), counter=2)


def test_the_state_tells_what_there_is(signed_in, user, clock):
    program = signed_in(user)
    assert program.get(STATE).json() == {
        "since": None,
        "is_required": False,
        "has_app": False,
        "passkeys": 0,
        "recovery_codes_left": 0,
    }
    with_app(user)
    with overridden(AuthenticationSection, second_factor="everyone"):
        state = signed_in(user).get(STATE).json()
    assert state.pop("since") is not None
    assert state == {"is_required": True, "has_app": True, "passkeys": 0, "recovery_codes_left": 10}


def test_an_app_is_set_up_and_its_secret_shown_once(signed_in, user, clock):
    program, elsewhere = signed_in(user), signed_in(user)
    begun = program.post(APP)
    assert (begun.status_code, begun.headers["Cache-Control"]) == (201, "no-store")
    secret = begun.json()["secret"]
    assert f"secret={secret}" in begun.json()["otpauth_uri"]
    assert program.post(f"{APP}/confirm", {"code": "000000"}).status_code == 400
    done = program.post(f"{APP}/confirm", {"code": code_of(secret)})
    assert (done.status_code, len(done.json()["recovery_codes"])) == (200, 10)
    assert program.get(STATE).json()["has_app"] is True
    assert elsewhere.get(STATE).status_code == 401
    assert secret not in done.content.decode() + program.get(STATE).content.decode()


def test_some_time_after_signing_in_an_app_takes_the_password(signed_in, user, clock):
    program = signed_in(user)
    session = Session.objects.get(user=user)
    Session.objects.update(created_at=session.created_at.replace(year=2020))
    refused = program.post(APP)
    assert (refused.status_code, refused.json()["code"]) == (403, "confirmation_required")
    assert program.post(APP, {"password": "wrong"}).status_code == 400
    assert not TotpDevice.objects.exists()
    assert program.post(APP, {"password": PASSWORD}).status_code == 201


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 403),
        ({"password": PASSWORD}, 403),
        ({"code": "right"}, 403),
        ({"password": "wrong", "code": "right"}, 400),
        ({"password": PASSWORD, "code": "000000"}, 400),
        ({"password": PASSWORD, "code": "right"}, 204),
    ],
)
def test_an_app_is_removed_with_password_and_code(signed_in, user, secret, sent, status):
    if sent.get("code") == "right":
        sent = {**sent, "code": code_of(secret)}
    program = signed_in(user)
    assert program.delete(APP, sent).status_code == status
    assert TotpDevice.objects.filter(user=user).exists() is (status != 204)
    assert program.get(STATE).status_code == 200


def test_new_codes_void_the_old_ones(signed_in, user, clock):
    _, before = with_app(user)
    program = signed_in(user)
    assert program.post(CODES).status_code == 403
    answer = program.post(CODES, {"password": PASSWORD})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    fresh = answer.json()["recovery_codes"]
    assert len(set(fresh) - set(before)) == 10
    assert RecoveryCode.objects.filter(user=user).count() == 10


def test_a_passkey_is_added_listed_renamed_and_removed(signed_in, user):
    program = signed_in(user)
    answer, made = add_passkey(program, device())
    assert answer.status_code == 201
    body = answer.json()
    assert len(body.pop("recovery_codes")) == 10
    assert program.get(PASSKEYS).json()["results"] == [body]
    one = f"{PASSKEYS}/{body['id']}"
    assert program.get(one).json() == body
    assert program.patch(one, {"name": "Telephone"}).json()["name"] == "Telephone"
    assert program.patch(one, {"name": ""}).status_code == 400
    assert program.delete(one, {"password": PASSWORD}).status_code == 403
    options = program.post(f"{PASSKEYS}/proof").json()
    sent = {"password": PASSWORD, "credential": made.get(options)}
    assert program.delete(one, sent).status_code == 204
    assert not Passkey.objects.exists()


def test_the_public_key_and_the_id_of_a_credential_are_in_no_list(signed_in, user):
    program = signed_in(user)
    add_passkey(program, device())
    (shown,) = program.get(PASSKEYS).json()["results"]
    assert set(shown) == {
        "id", "name", "aaguid", "transports", "backed_up", "created_at", "last_used_at",
    }  # fmt: skip


def test_a_list_takes_the_same_queries_whatever_its_length(
    signed_in, user, django_assert_num_queries
):
    program = signed_in(user)
    for number in range(5):
        Passkey.objects.create(user=user, name="x", credential_id=f"id{number}", public_key=b"")
    with django_assert_num_queries(3):
        assert len(program.get(PASSKEYS).json()["results"]) == 5


def test_without_a_credential_there_is_nothing(api, user, secret):
    for method, path in [("get", STATE), ("get", PASSKEYS), *WRITES]:
        assert getattr(api, method)(path).status_code == 401, path
    assert TotpDevice.objects.count() == 1


def test_keys_never_reach_factors(api_as, user, secret):
    program = api_as(user)
    for method, path in [("get", STATE), ("get", PASSKEYS), *WRITES]:
        assert getattr(program, method)(path).status_code == 403, path
    assert TotpDevice.objects.count() == 1


def test_the_passkeys_of_others_are_not_there(signed_in, user, world):
    add_passkey(signed_in(user), device())
    one = f"{PASSKEYS}/{Passkey.objects.get().pk}"
    for other in (world.editor, world.platform_admin):
        program = signed_in(other)
        assert program.get(PASSKEYS).json()["results"] == []
        assert program.get(one).status_code == 404
        assert program.patch(one, {"name": "Mine"}).status_code == 404
        assert program.delete(one, {"code": "1"}).status_code == 404
    assert Passkey.objects.get().name == "Laptop"


# --- Reset by an administrator -------------------------------------------------------------------


def reset(program, user):
    return program.delete(f"/api/users/{user.pk}/second-factor").status_code


def test_an_administrator_who_is_signed_in_resets_the_factors_of_others(
    signed_in, api_as, api, world, user, secret
):
    assert reset(api, user) == 401
    for other in (user, world.team_admin, world.outsider):
        assert reset(signed_in(other), user) == 403
    assert reset(api_as(world.platform_admin), user) == 403
    assert TotpDevice.objects.filter(user=user).exists()
    admin = signed_in(world.platform_admin)
    assert reset(admin, user) == 204
    assert not TotpDevice.objects.filter(user=user).exists()
    assert Entry.objects.acts().latest("id").action == "user.second_factor_reset"
    assert reset(admin, user) == 409
    assert reset(admin, world.platform_admin) == 403


def test_an_administrator_who_acts_as_another_reaches_no_factor(signed_in, world, user, secret):
    admin = signed_in(world.platform_admin)
    answer = admin.post(f"/users/{user.pk}/impersonate", {"reason": "Asked for help"}, "multipart")
    assert answer.status_code == 302
    assert admin.get("/api/me").json()["email"] == user.email
    for method, path in [("get", STATE), ("get", PASSKEYS), *WRITES]:
        assert getattr(admin, method)(path).status_code == 403, path
    for path in ("", "/enrol", "/app/remove", "/recovery-codes"):
        assert admin.get(f"/profile/security{path}").status_code == 403
    assert User.objects.get(pk=user.pk).second_factor_since is not None


# --- The second stage of a sign-in ---------------------------------------------------------------


def test_a_sign_in_by_the_api_goes_on_with_a_code(api, user, secret):
    stage = "/api/auth/sign-in/second-factor"
    assert api.post(stage, {"code": code_of(secret)}).status_code == 401
    begun = api.post("/api/auth/sign-in", {"email": user.email, "password": PASSWORD})
    assert begun.json() == {"second_factor": True}
    assert api.get("/api/me").status_code == 401
    for sent in ({}, {"code": "000000"}, {"code": code_of(secret), "recovery_code": "x"}):
        assert api.post(stage, sent).status_code == 400
    assert api.get("/api/me").status_code == 401
    assert api.post(stage, {"code": code_of(secret)}).json() == {"second_factor": False}
    assert api.get("/api/me").json()["email"] == user.email


def test_a_sign_in_by_the_api_goes_on_with_a_recovery_code_once(api, user, clock):
    _, codes = with_app(user)
    for status in (200, 400):
        api.post("/api/auth/sign-in", {"email": user.email, "password": PASSWORD})
        sent = {"recovery_code": codes[0]}
        assert api.post("/api/auth/sign-in/second-factor", sent).status_code == status
