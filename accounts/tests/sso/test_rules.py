"""Whose account an identity is: linked, found by its address, made, or refused."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.ldap.section import LdapSection
from accounts.models import LdapAccount, LinkedAccount, Passkey, Session, User
from accounts.sections import AuthenticationSection
from accounts.services.linked_accounts import Identity, user_of
from accounts.services.providers import update_provider
from accounts.services.users import suspend_user
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.mailbox import delivered
from restai_site.tests.world import SYSTEM, acting, make_user

REFUSED = "You cannot sign in here by Company: ask an administrator of this platform."
UNVERIFIED = [{"email_verified": wrong} for wrong in (False, None, "true", 1, "false", [True])]


def assert_refused(answer, reason):
    assert answer.status_code == 401
    assert REFUSED in answer.content.decode()
    assert not Session.objects.exclude(user=None).exists()
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.changes["reason"]) == ("identity_provider.refuse", reason)


def signed_in() -> User:
    return Session.objects.get(user__isnull=False).user


@pytest.fixture
def ada(db) -> User:
    return User.objects.create(email="ada@example.org", name="Ada")


# --- By subject ----------------------------------------------------------------------------------


def test_a_linked_account_is_found_by_its_subject_whatever_its_address(add, way, liar, ada):
    row = add()
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=ada)
    liar.lies.claims = {"email": "other@example.org", "email_verified": False}
    assert way.go().status_code == 302
    assert signed_in() == ada
    link = LinkedAccount.objects.get()
    assert link.email == "other@example.org"
    assert link.last_used_at is not None


def test_the_same_subject_at_another_provider_is_somebody_else(add, way, ada):
    other = add(slug="other", name="Other")
    LinkedAccount.objects.create(provider=other, subject="subject-1", user=ada)
    add()
    assert_refused(way.go(), "address taken, linking off")


def test_an_administrator_who_has_linked_their_account_comes_in(add, way, ada):
    row = add()
    User.objects.filter(pk=ada.pk).update(is_platform_admin=True)
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=ada)
    assert way.go().status_code == 302
    assert signed_in() == ada


def test_a_suspended_user_is_refused_in_the_same_words(add, way, ada):
    row = add(link_by_verified_email=True)
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=ada)
    suspend_user(ada, actor=SYSTEM)
    assert_refused(way.go(), "suspended")
    LinkedAccount.objects.all().delete()
    assert_refused(way.go(), "suspended")
    assert not LinkedAccount.objects.exists()


# --- By address ----------------------------------------------------------------------------------


def test_a_user_is_found_by_a_verified_address_and_linked(add, way, ada):
    add(link_by_verified_email=True)
    assert way.go().status_code == 302
    assert signed_in() == ada
    assert LinkedAccount.objects.get().subject == "subject-1"
    assert Entry.objects.filter(action="linked_account.create").count() == 1


def test_linking_by_address_is_off_unless_it_is_switched_on(add, way, ada):
    add(auto_create=True)
    assert_refused(way.go(), "address taken, linking off")
    assert not LinkedAccount.objects.exists()


@pytest.mark.parametrize("claims", UNVERIFIED)
def test_an_address_that_is_not_verified_links_nobody_and_makes_nobody(add, way, liar, ada, claims):
    add(link_by_verified_email=True, auto_create=True)
    liar.lies.claims = claims
    assert_refused(way.go(), "e-mail not verified")
    liar.lies.claims = {**claims, "email": "new@example.org"}
    assert_refused(way.go(), "e-mail not verified")
    assert not LinkedAccount.objects.exists()
    assert User.objects.count() == 1


def test_verified_is_believed_only_where_the_address_stands(add, way, liar, ada):
    """The token names an address; that userinfo has verified another one proves nothing."""
    add(link_by_verified_email=True)
    liar.lies.claims = {"email_verified": None}
    liar.lies.userinfo = {"email": "eve@example.org", "email_verified": True}
    assert_refused(way.go(), "e-mail not verified")


def test_userinfo_counts_where_the_token_names_no_address(add, way, liar, ada):
    add(link_by_verified_email=True)
    liar.lies.claims = {"email": None, "email_verified": None}
    liar.lies.userinfo = {"email": "ADA@example.org", "email_verified": True}
    assert way.go().status_code == 302
    assert signed_in() == ada


def test_the_address_of_an_administrator_links_nobody(add, way, ada):
    User.objects.filter(pk=ada.pk).update(is_platform_admin=True)
    add(link_by_verified_email=True, auto_create=True)
    assert_refused(way.go(), "address of an administrator")
    assert not LinkedAccount.objects.exists()


def test_an_address_that_was_given_to_somebody_else_does_not_lead_to_its_first_owner(
    add, way, liar, ada
):
    row = add(link_by_verified_email=True)
    LinkedAccount.objects.create(provider=row, subject="the first owner", user=ada)
    assert_refused(way.go(), "linked to another subject")
    assert LinkedAccount.objects.count() == 1


@pytest.mark.parametrize(
    "email",
    ["\u212aim@example.org", "k\u0131m@example.org", "kim@ex\u00e4mple.org", "kim\x00@example.org"],
)
def test_letters_that_look_like_others_are_no_address(add, way, liar, email):
    """U+212A, the Kelvin sign, becomes a k when case is ignored."""
    User.objects.create(email="kim@example.org")
    add(link_by_verified_email=True, auto_create=True)
    liar.lies.claims = {"email": email}
    assert_refused(way.go(), "e-mail not verified")


@pytest.mark.parametrize("email", ["", "no address", "a@b", "a@example.org\r\nBcc: b", ["a"], 7])
def test_what_is_no_address_makes_nobody(add, way, liar, email):
    add(auto_create=True)
    liar.lies.claims = {"email": email}
    assert_refused(way.go(), "e-mail not verified")
    assert not User.objects.exists()


# --- Domains -------------------------------------------------------------------------------------


def test_domains_that_are_not_allowed_are_refused_also_when_linked(add, way, liar, ada):
    row = add(auto_create=True, link_by_verified_email=True, allowed_domains=["company.example"])
    assert_refused(way.go(), "domain not allowed")
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=ada)
    assert_refused(way.go(), "domain not allowed")


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        ("ada@sub.company.example", True),
        ("ada@evilcompany.example", True),
        ("ada@company.example.evil.example", True),
        ("ada@company.example", False),
        ("company.example@evil.example", True),
    ],
)
def test_a_domain_is_the_whole_domain_of_a_verified_address(add, way, liar, email, verified):
    add(auto_create=True, allowed_domains=["company.example"])
    liar.lies.claims = {"email": email, "email_verified": verified}
    assert_refused(way.go(), "domain not allowed")


def test_an_allowed_domain_comes_in(add, way, liar):
    add(auto_create=True, allowed_domains=["@Company.example "])
    liar.lies.claims = {"email": "Ada@COMPANY.example"}
    assert way.go().status_code == 302
    assert signed_in().email == "ada@company.example"


# --- New users -----------------------------------------------------------------------------------


def test_nobody_is_made_unless_it_is_switched_on(add, way):
    add()
    assert_refused(way.go(), "no such user")
    assert not User.objects.exists()


def test_a_new_user_is_restricted_and_has_no_password(add, way, liar):
    add(auto_create=True)
    liar.lies.claims = {"name": "Ada\u202e " + "L" * 200}
    way.go()
    user = signed_in()
    assert user.is_restricted
    assert not user.is_platform_admin
    assert not user.has_usable_password()
    assert user.name == ("Ada " + "L" * 200)[:100]


def test_claims_cannot_make_an_administrator(add, way, liar):
    add(auto_create=True)
    liar.lies.claims = {"is_platform_admin": True, "role": "admin", "is_restricted": False}
    way.go()
    assert (signed_in().is_platform_admin, signed_in().is_restricted) == (False, True)


# --- The second factor ---------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["mfa", "otp", "hwk", "ngcmfa"])
def test_the_second_factor_of_a_provider_counts_only_where_it_is_trusted(add, way, liar, word):
    add(auto_create=True)
    liar.lies.claims = {"amr": ["pwd", word]}
    way.go()
    assert Session.objects.get().amr == ["sso"]
    way.browser.cookies.clear()
    Session.objects.all().delete()
    with overridden(AuthenticationSection, trust_provider_mfa=True):
        way.go()
    assert Session.objects.get().amr == ["sso", "mfa"]


def test_a_user_with_a_second_factor_is_asked_for_it(add, way, liar, ada):
    row = add()
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=ada)
    User.objects.filter(pk=ada.pk).update(second_factor_since=timezone.now())
    liar.lies.claims = {"amr": ["mfa"]}
    assert way.go(next="/projects")["Location"] == "/sign-in/second-factor"
    session = Session.objects.get()
    assert (session.user, session.pending_user) == (None, ada)
    assert way.browser.get("/projects").status_code == 302
    with overridden(AuthenticationSection, trust_provider_mfa=True):
        assert way.go(next="/projects")["Location"] == "/projects"
    assert signed_in() == ada


@pytest.mark.parametrize("amr", [None, "mfa", ["pwd"], ["MFA"], [["mfa"]], {"mfa": 1}, [7]])
def test_other_words_are_no_second_factor(add, way, liar, amr):
    add(auto_create=True)
    liar.lies.claims = {"amr": amr}
    liar.lies.userinfo = {"amr": ["mfa"]}
    with overridden(AuthenticationSection, trust_provider_mfa=True):
        assert way.go().status_code == 302
    assert Session.objects.get().amr == ["sso"]


def test_where_only_providers_lead_in_they_still_do(add, way):
    add(auto_create=True)
    with overridden(AuthenticationSection, local_sign_in=False):
        page = way.browser.get("/login").content.decode()
        assert "Continue with Company" in page
        assert "Password" not in page
        assert way.go().status_code == 302
    assert signed_in().email == "ada@example.org"


# --- Microsoft -----------------------------------------------------------------------------------

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"


def microsoft(liar, tenant):
    """Let the liar be Microsoft's directory `tenant`."""
    template = tenant if tenant == TENANT else "{tenantid}"
    issuer = f"{liar.url}/{template}/v2.0"
    addresses = {
        "authorization_endpoint": f"{liar.url}/authorize",
        "token_endpoint": f"{liar.url}/token",
        "jwks_uri": f"{liar.url}/keys",
    }
    body = json.dumps({"issuer": issuer, **addresses}).encode()
    path = f"/{tenant}/v2.0/.well-known/openid-configuration"
    liar.lies.answers[path] = (200, {"Content-Type": "application/json"}, body)
    liar.lies.claims = {
        "iss": f"{liar.url}/{TENANT}/v2.0",
        "tid": TENANT,
        "email_verified": None,
        "xms_edov": True,
    }


@pytest.mark.parametrize("tenant", [TENANT, "organizations", "common"])
def test_microsoft_is_believed_of_an_address_whose_domain_it_has_verified(add, way, liar, tenant):
    add(kind="microsoft", tenant=tenant, auto_create=True)
    microsoft(liar, tenant)
    assert way.go().status_code == 302
    assert signed_in().email == "ada@example.org"


def test_an_address_that_somebody_wrote_into_their_own_directory_proves_nothing(add, way, liar):
    add(kind="microsoft", tenant="organizations", auto_create=True)
    microsoft(liar, "organizations")
    for wrong in (None, False, 0, "0", "false"):
        liar.lies.claims["xms_edov"] = wrong
        assert_refused(way.go(), "e-mail not verified")


@pytest.mark.parametrize(
    "claims",
    [
        {"tid": OTHER_TENANT},
        {"tid": None},
        {"tid": "x/../evil"},
        {"iss": "http://evil.example/" + TENANT + "/v2.0"},
    ],
)
def test_a_token_must_be_of_the_directory_that_it_names(add, way, liar, claims):
    add(kind="microsoft", tenant="organizations", auto_create=True)
    microsoft(liar, "organizations")
    liar.lies.claims |= claims
    assert way.go().status_code == 502
    assert not User.objects.exists()


def test_another_directory_than_the_one_that_was_entered_is_refused(add, way, liar):
    add(kind="microsoft", tenant=TENANT, auto_create=True)
    microsoft(liar, TENANT)
    liar.lies.claims |= {"iss": f"{liar.url}/{OTHER_TENANT}/v2.0", "tid": OTHER_TENANT}
    assert way.go().status_code == 502
    assert not User.objects.exists()


# --- Linking by those who are signed in ----------------------------------------------------------

LINK = "/profile/security/links/{}"


def link(way, **sent):
    return way.back(code="the-code", state=way.begin(LINK, **sent)["state"])


def test_somebody_links_their_account_and_comes_in_by_it(add, way, liar):
    add()
    user = make_user("member")
    way.browser.force_login(user)
    liar.lies.claims = {"email": "private@example.org", "email_verified": False}
    answer = link(way)
    assert (answer.status_code, answer["Location"]) == (302, "/profile/security")
    assert LinkedAccount.objects.get().user == user
    way.browser.cookies.clear()
    assert way.go().status_code == 302


def test_nobody_links_without_being_signed_in(add, way):
    add()
    answer = way.browser.post(LINK.format("company"))
    assert (answer.status_code, answer["Location"][:6]) == (302, "/login")
    assert not LinkedAccount.objects.exists()


def test_the_way_back_links_nobody_but_who_began_it(add, way):
    add()
    first, second = make_user("first"), make_user("second")
    way.browser.force_login(first)
    state = way.begin(LINK)["state"]
    # Somebody else has signed in to the same session by the time of the answer.
    Session.objects.filter(user=first).update(user=second)
    from accounts.sessions import tokens

    way.browser.cookies["session"] = tokens.issue(Session.objects.get(user=second))
    answer = way.back(code="the-code", state=state)
    assert answer.status_code == 400
    assert not LinkedAccount.objects.exists()


def test_a_link_that_was_begun_signs_nobody_in(add, way):
    row = add()
    user = make_user("member")
    LinkedAccount.objects.create(provider=row, subject="subject-1", user=make_user("victim"))
    way.browser.force_login(user)
    assert link(way).status_code == 302
    assert signed_in() == user
    assert LinkedAccount.objects.filter(user=user).count() == 0


def test_an_account_is_linked_once_and_to_one(add, way, liar):
    add()
    user = make_user("member")
    way.browser.force_login(user)
    link(way)
    assert "is linked already" in way.browser.get(link(way)["Location"]).content.decode()
    liar.lies.claims = {"sub": "subject-2"}
    page = way.browser.get(link(way)["Location"]).content.decode()
    assert "You have an account at Company already" in page
    assert LinkedAccount.objects.count() == 1


def test_an_impersonator_and_a_key_link_and_unlink_nothing(add, way, api_as):
    row = add()
    admin, user = make_user("admin", is_platform_admin=True), make_user("member")
    made = LinkedAccount.objects.create(provider=row, subject="s", user=user)
    way.browser.force_login(user, impersonator=admin)
    assert way.browser.post(LINK.format("company")).status_code == 403
    assert way.browser.post(LINK.format(f"{made.pk}/unlink")).status_code == 403
    assert api_as(user).delete(f"/api/auth/linked-accounts/{made.pk}").status_code == 403
    assert api_as(user).get("/api/auth/linked-accounts").status_code == 403
    assert LinkedAccount.objects.count() == 1


# --- Unlinking -----------------------------------------------------------------------------------


def test_the_last_way_in_is_not_unlinked(add, as_user):
    row, second = add(), add(slug="second", name="Second")
    user = make_user("member")
    first = LinkedAccount.objects.create(provider=row, subject="s", user=user)
    browser = as_user(user)
    unlink = f"/profile/security/links/{first.pk}/unlink"
    assert "This is your only way in" in browser.post(unlink, follow=True).content.decode()
    other = LinkedAccount.objects.create(provider=second, subject="s", user=user)
    update_provider(second, {"enabled": False}, actor=SYSTEM)
    assert "This is your only way in" in browser.post(unlink, follow=True).content.decode()
    update_provider(second, {"enabled": True}, actor=SYSTEM)
    assert "The account is unlinked." in browser.post(unlink, follow=True).content.decode()
    assert list(LinkedAccount.objects.all()) == [other]


def test_a_password_is_another_way_in_where_passwords_are_open(add, as_user):
    row, user = add(), make_user("member")
    user.set_password("correct horse battery staple")
    user.save()
    made = LinkedAccount.objects.create(provider=row, subject="s", user=user)
    browser, unlink = as_user(user), f"/profile/security/links/{made.pk}/unlink"
    with overridden(AuthenticationSection, local_sign_in=False):
        browser.post(unlink)
        assert LinkedAccount.objects.exists()
    browser.post(unlink)
    assert not LinkedAccount.objects.exists()
    assert Entry.objects.acts().latest("id").action == "linked_account.delete"


def test_a_passkey_and_an_entry_of_the_directory_are_other_ways_in(add, as_user):
    row = add()
    by_passkey, by_directory = make_user("first"), make_user("second")
    Passkey.objects.create(user=by_passkey, name="Key", credential_id="1", public_key=b"1")
    LdapAccount.objects.create(user=by_directory, unique_id=uuid4(), dn="cn=second")
    for user in (by_passkey, by_directory):
        made = LinkedAccount.objects.create(provider=row, subject=user.name, user=user)
        unlink = f"/profile/security/links/{made.pk}/unlink"
        with overridden(AuthenticationSection, local_sign_in=False):
            as_user(user).post(unlink)
            assert user.linked_accounts.exists()
        with overridden(LdapSection, enabled=True):
            as_user(user).post(unlink)
        assert not user.linked_accounts.exists()


def test_the_owner_is_mailed_when_an_account_is_linked_and_unlinked(add, way, as_user, mailbox):
    add(link_by_verified_email=True)
    user = User.objects.create(email="ada@example.org")
    user.set_password("correct horse battery staple")
    user.save()
    way.go()
    (linked,) = delivered()
    assert (linked.to, linked.subject) == (["ada@example.org"], "Account linked")
    assert "An account at Company was linked to yours" in linked.body
    as_user(user).post(f"/profile/security/links/{LinkedAccount.objects.get().pk}/unlink")
    assert [one.subject for one in delivered()] == ["Account unlinked"]


def test_the_four_doors_of_unlinking(add, client, as_user, world):
    row = add()
    made = LinkedAccount.objects.create(provider=row, subject="s", user=world.member)
    page = f"/profile/security/links/{made.pk}/unlink"
    assert client.post(page).status_code == 302
    for role in (world.outsider, world.platform_admin):
        assert as_user(role).post(page).status_code == 404
        assert as_user(role).delete(f"/api/auth/linked-accounts/{made.pk}").status_code == 404
    assert LinkedAccount.objects.get() == made
    assert as_user(world.member).get("/api/auth/linked-accounts").json()["results"] == [
        {
            "id": made.pk,
            "provider": "company",
            "email": "",
            "linked_at": made.linked_at.isoformat().replace("+00:00", "Z"),
            "last_used_at": None,
        }
    ]


def test_a_restricted_user_looks_after_their_linked_accounts(add, way):
    add()
    user = make_user("member", is_restricted=True)
    way.browser.force_login(user)
    assert link(way).status_code == 302
    assert LinkedAccount.objects.get().user == user


# --- In one transaction --------------------------------------------------------------------------


def test_a_receiver_of_groups_that_fails_undoes_the_sign_in(add, way):
    from accounts.directory import groups_read

    add(auto_create=True)

    def fail(sender, **_):
        raise RuntimeError

    groups_read.connect(fail, weak=False)
    try:
        way.browser.raise_request_exception = False
        assert way.go().status_code == 500
    finally:
        groups_read.disconnect(fail)
    assert not User.objects.exists()
    assert not LinkedAccount.objects.exists()


def test_the_service_itself_asks_whether_the_provider_is_on(add):
    from accounts.services.linked_accounts import IdentityRefused

    row = add(auto_create=True, enabled=False)
    identity = Identity(subject="s", email="ada@example.org", email_verified=True)
    with pytest.raises(IdentityRefused) as caught:
        user_of(row, identity, actor=acting(make_user("anybody")))
    assert caught.value.reason == "provider disabled"
