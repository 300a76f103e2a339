"""Passkeys: whose answer counts, and for what."""

import pytest
from fido2.webauthn import AuthenticatorData

from accounts.models import Passkey, RecoveryCode, Session
from accounts.services.factors import ConfirmationRequired, Proof
from accounts.services.passkeys import (
    PASSKEYS_MAX,
    add_passkey,
    begin_authentication,
    begin_registration,
    passkeys_available,
    remove_passkey,
    rename_passkey,
    verify_passkey,
)
from accounts.tests.factors import (
    Authenticator,
    actor_in_session,
    full_proof,
    handle_in,
    recent,
)
from audit.models import Entry
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound
from restai_site.tests.world import SYSTEM, make_user

pytestmark = pytest.mark.django_db
ORIGIN = "https://restai.example.org"
HOST = "restai.example.org"
FLAG = AuthenticatorData.FLAG


@pytest.fixture(autouse=True)
def _public_url(settings):
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def user():
    return make_user("ada")


def register(user, device=None, name="Laptop"):
    """Give `user` a passkey; return it, and the authenticator that knows whose it is."""
    device = device or Authenticator(ORIGIN, HOST)
    options, state = begin_registration(user)
    passkey, codes = add_passkey(
        user,
        name=name,
        credential=device.create(options),
        state=state,
        proof=recent(user),
        actor=actor_in_session(user),
    )
    return passkey, device.but(handle=handle_in(options), counter=device.counter + 1), codes


def answer(device, user):
    options, state = begin_authentication(user)
    return verify_passkey(device.get(options), state=state, user=user, actor=SYSTEM)


def test_a_passkey_is_a_factor_and_brings_recovery_codes_once(user):
    other = actor_in_session(user)
    passkey, _, codes = register(user)
    user.refresh_from_db()
    assert user.second_factor_since is not None
    assert len(codes) == 10
    assert not Session.objects.filter(pk=other.session_id).exists()
    assert (passkey.name, passkey.transports, passkey.aaguid) == (
        "Laptop",
        ["internal", "usb"],
        None,
    )
    assert register(user)[2] == []
    assert RecoveryCode.objects.count() == 10
    actions = Entry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["passkey.create", "passkey.create"]


def test_the_options_ask_for_this_site_and_leave_out_what_is_there(user):
    passkey, _, _ = register(user)
    options, _ = begin_registration(user)
    assert options["rp"] == {"name": "RESTai", "id": HOST}
    assert [one["id"] for one in options["excludeCredentials"]] == [passkey.credential_id]
    assert {one["alg"] for one in options["pubKeyCredParams"]} == {-7, -8, -257}
    assert str(user.pk) not in options["user"]["id"]
    assert len(handle_in(options)) == 32


def test_a_passkey_answers_as_a_second_factor(user):
    passkey, device, _ = register(user)
    verified = answer(device, user)
    assert (verified.user, verified.passkey, verified.user_was_verified) == (user, passkey, True)
    passkey.refresh_from_db()
    assert passkey.sign_count == 2
    assert passkey.last_used_at is not None


def test_as_a_second_factor_the_owner_need_not_be_verified(user):
    _, device, _ = register(user)
    assert answer(device.but(flags=FLAG.UP), user).user_was_verified is False


def test_a_passkey_alone_says_who_signs_in(user):
    _, device, _ = register(user)
    register(make_user("bob"))
    options, _ = begin_authentication(None)
    assert "allowCredentials" not in options
    assert options["userVerification"] == "required"
    assert answer(device, None).user == user


def refused(device, user, change=lambda credential: credential, state=None):
    options, given = begin_authentication(user)
    credential = change(device.get(options))
    with pytest.raises(Invalid, match="was not accepted"):
        verify_passkey(credential, state=state or given, user=user, actor=SYSTEM)


def test_alone_it_must_verify_its_owner_and_say_whose_it_is(user):
    _, device, _ = register(user)
    refused(device.but(flags=FLAG.UP), None)
    refused(device.but(handle=b""), None)
    refused(device.but(handle=b"\1" * 32), None)


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://evil.example.org"},
        {"origin": f"https://sub.{HOST}"},
        {"origin": f"https://{HOST}:8443"},
        {"origin": f"http://{HOST}"},
        {"rp_id": "example.org"},
        {"flags": FLAG.UV},
        {"handle": b"\1" * 32},
    ],
    ids=["other site", "sub-domain", "port", "http", "other rp", "nobody present", "other user"],
)
def test_an_answer_for_another_place_or_person_is_refused(user, changed):
    _, device, _ = register(user)
    refused(device.but(**changed), user)
    assert answer(device, user)


def test_the_signature_of_another_key_is_refused(user):
    _, device, _ = register(user)
    stranger = Authenticator(ORIGIN, HOST, counter=2)
    refused(stranger, user)

    def named_as_ours(credential):
        ours = device.get({"challenge": "x"})
        return {**credential, "id": ours["id"], "rawId": ours["rawId"]}

    refused(stranger, user, named_as_ours)


def test_the_passkey_of_one_user_does_not_serve_another(user):
    _, device, _ = register(user)
    other = make_user("bob")
    register(other)
    refused(device, other)


def test_a_challenge_that_was_not_given_is_refused(user):
    _, device, _ = register(user)
    _, another = begin_authentication(user)
    refused(device, user, state=another)
    options, _ = begin_authentication(user)
    with pytest.raises(Invalid):
        verify_passkey(device.get(options), state=None, user=user, actor=SYSTEM)


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "a"},
        {"rawId": "a", "id": "a", "response": {}},
        {"rawId": 1, "id": 1, "response": None},
        {"rawId": "Zm9v", "id": "Zm9v", "response": {"clientDataJSON": "e30"}},
        {"rawId": "\N{SNOWMAN}", "id": "\N{SNOWMAN}", "response": []},
        {"rawId": ["a"], "id": ["a"], "response": {"clientDataJSON": {}}},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_in_words(user, credential):
    register(user)
    _, state = begin_authentication(user)
    with pytest.raises(Invalid, match="was not accepted"):
        verify_passkey(credential, state=state, user=user, actor=SYSTEM)
    _, state = begin_registration(user)
    with pytest.raises(Invalid, match="does not hold"):
        add_passkey(
            user, name="x", credential=credential, state=state, proof=recent(user),
            actor=actor_in_session(user),
        )  # fmt: skip
    assert Passkey.objects.count() == 1


@pytest.mark.parametrize(("stored", "sent"), [(5, 5), (5, 4), (5, 0)])
def test_a_counter_that_does_not_go_forward_is_a_copy(user, stored, sent):
    passkey, device, _ = register(user, Authenticator(ORIGIN, HOST, counter=stored))
    refused(device.but(counter=sent), user)
    passkey.refresh_from_db()
    assert passkey.sign_count == stored
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.target_id) == ("passkey.copy_refused", str(passkey.pk))


def test_passkeys_without_a_counter_work_again_and_again(user):
    _, device, _ = register(user, Authenticator(ORIGIN, HOST, counter=0))
    for _ in range(2):
        assert answer(device.but(counter=0), user)


@pytest.mark.parametrize(
    "changed",
    [{"origin": "https://evil.example.org"}, {"rp_id": "example.org"}, {"flags": FLAG.UV}],
    ids=["other site", "other rp", "nobody present"],
)
def test_a_passkey_made_for_another_place_is_not_kept(user, changed):
    options, state = begin_registration(user)
    device = Authenticator(ORIGIN, HOST).but(**changed)
    with pytest.raises(Invalid):
        add_passkey(
            user, name="x", credential=device.create(options), state=state, proof=recent(user),
            actor=actor_in_session(user),
        )  # fmt: skip
    assert not Passkey.objects.exists()


def test_one_passkey_is_kept_once(user):
    _, device, _ = register(user)
    for owner in (user, make_user("bob")):
        with pytest.raises(Conflict, match="registered already"):
            register(owner, device)
    assert Passkey.objects.count() == 1


def test_an_account_has_a_limit_of_passkeys(user):
    for number in range(PASSKEYS_MAX):
        Passkey.objects.create(user=user, name="x", credential_id=f"id{number}", public_key=b"")
    with pytest.raises(Conflict, match="at most 20"):
        register(user)


def test_adding_one_takes_a_recent_sign_in_or_a_proof(user):
    options, state = begin_registration(user)
    credential = Authenticator(ORIGIN, HOST).create(options)
    values = {"name": "x", "credential": credential, "state": state}
    with pytest.raises(ConfirmationRequired):
        add_passkey(user, **values, proof=Proof(user.pk), actor=actor_in_session(user))
    add_passkey(
        user, **values, proof=Proof(user.pk, by_password=True), actor=actor_in_session(user)
    )


def test_passkeys_are_renamed_and_removed_by_their_owner_alone(user):
    passkey, _, _ = register(user)
    key = Actor(user.pk, user.email, api_key_id=1, credential="key:1")
    admin = actor_in_session(make_user("admin", is_platform_admin=True))
    for actor in (key, admin, actor_in_session(make_user("bob"))):
        with pytest.raises(NotFound):
            rename_passkey(passkey, name="Mine", actor=actor)
        with pytest.raises(Forbidden):
            remove_passkey(passkey, proof=full_proof(user), actor=actor)
    rename_passkey(passkey, name="Mine", actor=actor_in_session(user))
    assert Passkey.objects.get().name == "Mine"
    assert Entry.objects.acts().latest("id").changes == {
        "name": {"before": "Laptop", "after": "Mine"}
    }


def test_removing_the_last_one_turns_the_second_factor_off(user):
    first, _, _ = register(user)
    second, _, _ = register(user, name="Telephone")
    with pytest.raises(ConfirmationRequired):
        remove_passkey(first, proof=recent(user), actor=actor_in_session(user))
    remove_passkey(first, proof=full_proof(user), actor=actor_in_session(user))
    user.refresh_from_db()
    assert user.second_factor_since is not None
    remove_passkey(second, proof=full_proof(user), actor=actor_in_session(user))
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert not RecoveryCode.objects.exists()


@pytest.mark.parametrize(
    ("url", "works"),
    [
        ("https://restai.example.org", True),
        ("http://localhost:8000", True),
        ("http://restai.example.org", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]", False),
        ("http://127.0.0.1:8000", False),
    ],
)
def test_passkeys_need_a_name_and_https(settings, user, url, works):
    settings.PUBLIC_URL = url
    assert passkeys_available() is works
    if not works:
        for begin in (begin_registration, begin_authentication):
            with pytest.raises(Conflict, match="domain name"):
                begin(user)
