"""What the security posture finds about people and keys: each check fires, and rests."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.ldap.section import LdapSection, is_installed
from accounts.models import ApiKey, User
from accounts.sections import AuthenticationSection
from accounts.services import renew_setup_link, revoke_api_key
from restai_site.lib.configuration import overridden
from restai_site.tests.posture import names, outcome, told
from restai_site.tests.world import SYSTEM, make_key, make_user

pytestmark = pytest.mark.django_db


def ago(**amount):
    return timezone.now() - timedelta(**amount)


def signed_in(user, **amount):
    User.objects.filter(pk=user.pk).update(last_login=ago(**amount))


def administrators(count):
    return [make_user(f"admin{number}", is_platform_admin=True) for number in range(count)]


def aged_key(user, *, name="old", **values):
    key = make_key(user, name)[0]
    ApiKey.objects.filter(pk=key.pk).update(**values)
    return key


def test_administrators_without_a_second_factor_are_named():
    with_one, without = administrators(2)
    make_user("plain")
    make_user("gone", is_platform_admin=True, is_active=False)
    User.objects.filter(pk=with_one.pk).update(second_factor_since=timezone.now())
    result = outcome("second-factor")
    assert told(result) == ("warning", "One administrator has no second factor here.")
    assert names(result) == [without.email]


def test_administrators_with_a_second_factor_are_well():
    administrators(2)
    User.objects.update(second_factor_since=timezone.now())
    assert told(outcome("second-factor")) == ("good", "Every administrator has a second factor.")


@pytest.mark.parametrize(
    ("rule", "state", "reason"),
    [
        (
            "optional",
            "warning",
            "Nobody must have a second factor: a guessed password is enough.",
        ),
        ("administrators", "good", "Administrators must have a second factor."),
        ("everyone", "good", "Everybody must have a second factor."),
    ],
)
def test_whether_a_second_factor_is_required(rule, state, reason):
    with overridden(AuthenticationSection, second_factor=rule):
        assert told(outcome("second-factor-required")) == (state, reason)


def test_a_directory_without_encryption_is_critical():
    assert told(outcome("ldap")) == ("good", "No directory is in use.")
    with overridden(LdapSection, enabled=True, host="ldap.example.org"):
        if is_installed():
            encrypted = "The directory is asked over TLS, and its certificate is verified."
            assert told(outcome("ldap")) == ("good", encrypted)
    with overridden(LdapSection, enabled=True, security="none"):
        if is_installed():
            clear = "Passwords of the directory travel in clear text."
            assert told(outcome("ldap")) == ("critical", clear)
        else:
            assert told(outcome("ldap"))[0] == "warning"


@pytest.mark.parametrize(
    ("count", "state", "reason"),
    [
        (0, "critical", "Nobody administers the platform."),
        (
            1,
            "advice",
            "One person administers the platform: nobody can help when they are locked out.",
        ),
        (2, "good", "2 people administer the platform."),
        (5, "good", "5 people administer the platform."),
        (6, "advice", "6 people administer the platform; 5 are enough for most."),
    ],
)
def test_the_number_of_administrators(count, state, reason):
    administrators(count)
    make_user("plain")
    make_user("gone", is_platform_admin=True, is_active=False)
    assert told(outcome("administrators")) == (state, reason)


def test_an_administrator_who_never_or_long_ago_signed_in_is_named():
    never, long_ago, lately = administrators(3)
    make_user("plain")
    make_user("gone", is_platform_admin=True, is_active=False)
    signed_in(long_ago, days=91)
    signed_in(lately, days=89)
    result = outcome("administrators-idle")
    assert told(result) == (
        "warning",
        "2 administrators have never signed in, or not for 90 days.",
    )
    assert names(result) == [never.email, long_ago.email]


def test_administrators_who_sign_in_are_well():
    for user in administrators(2):
        signed_in(user, days=89)
    assert told(outcome("administrators-idle")) == (
        "good",
        "Every administrator has signed in within 90 days.",
    )


def test_a_suspended_account_with_the_administrators_role_is_named():
    gone = make_user("gone", is_platform_admin=True, is_active=False)
    make_user("plain", is_active=False)
    result = outcome("administrators-suspended")
    assert told(result) == (
        "advice",
        "One suspended account keeps the administrator's role for the day it is active again.",
    )
    assert names(result) == [gone.email]


def test_suspended_accounts_without_the_role_are_well():
    make_user("plain", is_active=False)
    administrators(1)
    assert outcome("administrators-suspended").state.value == "good"


def test_accounts_that_nobody_signed_in_to_for_a_year_are_named():
    idle, never, new, suspended = (make_user(name) for name in ("idle", "never", "new", "gone"))
    signed_in(idle, days=366)
    User.objects.filter(pk=never.pk).update(date_joined=ago(days=366))
    User.objects.filter(pk=suspended.pk).update(is_active=False, date_joined=ago(days=366))
    assert new.last_login is None
    result = outcome("users-idle")
    assert told(result) == ("warning", "2 active accounts have not been signed in to for a year.")
    assert names(result) == [idle.email, never.email]


def test_accounts_that_are_used_or_new_are_well():
    signed_in(make_user("used"), days=364)
    make_user("new")
    assert outcome("users-idle").state.value == "good"


def test_an_open_set_up_link_is_told_without_its_token():
    token = renew_setup_link()
    result = outcome("setup-link")
    assert told(result) == (
        "warning",
        "The set-up link is open: whoever has it becomes the first administrator.",
    )
    assert token
    assert token not in str(result.finding)


def test_a_set_up_link_is_closed_by_a_user_or_was_never_made():
    assert told(outcome("setup-link")) == ("good", "No set-up link has been made.")
    renew_setup_link()
    make_user("somebody")
    assert told(outcome("setup-link")) == ("good", "The set-up link is closed: there are users.")


def test_keys_that_were_never_used_are_named_after_30_days():
    owner = make_user("owner")
    unused = aged_key(owner, name="Nightly", created_at=ago(days=31))
    aged_key(owner, created_at=ago(days=29))
    aged_key(owner, created_at=ago(days=31), last_used_at=ago(days=20))
    aged_key(owner, created_at=ago(days=31), expires_at=ago(days=1))
    aged_key(owner, created_at=ago(days=31), revoked_at=ago(days=1))
    result = outcome("keys-unused")
    assert told(result) == (
        "warning",
        "One key is older than 30 days and has never been used.",
    )
    assert names(result) == [f"Nightly ({unused.prefix}…) of owner@example.org"]
    assert result.finding.found.examples[0].url.endswith(f"/apikey/{unused.pk}/change/")


def test_keys_that_are_used_or_new_are_well():
    owner = make_user("owner")
    aged_key(owner, created_at=ago(days=31), last_used_at=ago(days=20))
    make_key(owner)
    assert told(outcome("keys-unused")) == (
        "good",
        "Every key that is older than 30 days has been used.",
    )


def test_keys_older_than_a_year_are_named():
    owner = make_user("owner")
    for _ in range(2):
        aged_key(owner, created_at=ago(days=366), last_used_at=ago(days=1))
    aged_key(owner, created_at=ago(days=364))
    assert told(outcome("keys-old")) == ("warning", "2 keys are older than a year.")


def test_keys_younger_than_a_year_are_well():
    aged_key(make_user("owner"), created_at=ago(days=364))
    assert told(outcome("keys-old")) == ("good", "No key is older than a year.")


def test_keys_without_an_expiry_are_named():
    owner = make_user("owner")
    lasting = aged_key(owner, name="Forever")
    aged_key(owner, expires_at=timezone.now() + timedelta(days=1))
    result = outcome("keys-lasting")
    assert told(result) == ("advice", "One key never expires.")
    assert names(result) == [f"Forever ({lasting.prefix}…) of owner@example.org"]


def test_keys_that_expire_or_are_revoked_are_well():
    owner = make_user("owner")
    aged_key(owner, expires_at=timezone.now() + timedelta(days=1))
    revoke_api_key(make_key(owner)[0], actor=SYSTEM)
    assert told(outcome("keys-lasting")) == ("good", "Every key expires.")


def test_keys_of_suspended_accounts_are_named_while_they_could_work_again():
    gone = make_user("gone")
    aged_key(gone, name="Asleep")
    aged_key(gone, name="Expired", expires_at=ago(days=1))
    aged_key(gone, name="Revoked", revoked_at=ago(days=1))
    make_key(make_user("here"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    result = outcome("keys-suspended")
    assert told(result) == (
        "warning",
        "One key of a suspended account works again as soon as the account does.",
    )
    assert [name.split()[0] for name in names(result)] == ["Asleep"]


def test_keys_of_active_accounts_are_well():
    make_key(make_user("here"))
    assert outcome("keys-suspended").state.value == "good"


@pytest.mark.parametrize(
    ("slug", "shown"),
    [
        ("keys-unused", ["Unused"]),
        ("keys-old", ["Old"]),
        ("keys-lasting", ["Lasting", "Old", "Unused"]),
        ("keys-suspended", ["Asleep"]),
    ],
)
def test_the_button_leads_to_the_keys_that_were_found(slug, shown, as_user):
    soon = timezone.now() + timedelta(days=1)
    owner, gone = make_user("owner"), make_user("gone")
    aged_key(owner, name="Unused", created_at=ago(days=31))
    aged_key(owner, name="Old", created_at=ago(days=366), last_used_at=ago(days=1))
    aged_key(owner, name="Lasting", last_used_at=ago(days=1))
    aged_key(owner, name="Fine", last_used_at=ago(days=1), expires_at=soon)
    aged_key(gone, name="Asleep", last_used_at=ago(days=1), expires_at=soon)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    (admin,) = administrators(1)
    answer = as_user(admin).get(outcome(slug).finding.remedy.url)
    assert answer.status_code == 200
    assert sorted(row.name for row in answer.context["cl"].result_list) == shown
