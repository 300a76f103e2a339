"""Linking by the page and by the API: administrators in their own session, and nobody else."""

import pytest

from accounts.models import LdapAccount
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.slapd import dn_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(world):
    return world.viewer


def page(person):
    return f"/users/{person.pk}/ldap"


def api_page(person):
    return f"/api/users/{person.pk}/ldap"


def test_an_administrator_links_and_unlinks_by_the_page(world, as_user, using, person):
    browser = as_user(world.platform_admin)
    with using():
        assert page(person) in browser.get(f"/users/{person.pk}").text
        assert "Name or e-mail address in the directory" in browser.get(page(person)).text
        answer = browser.post(page(person), {"login": "ada"})
        assert (answer.status_code, answer.url) == (302, page(person))
        shown = browser.get(page(person)).text
        assert dn_of("ada") in shown
        account = LdapAccount.objects.get(user=person)
        assert str(account.unique_id) in shown
    assert browser.post(f"{page(person)}/unlink").status_code == 302
    assert not LdapAccount.objects.exists()


def test_what_does_not_fit_is_said_beside_the_form(world, as_user, using, person):
    browser = as_user(world.platform_admin)
    with using():
        answer = browser.post(page(person), {"login": "nobody"})
    assert answer.status_code == 400
    assert "The directory has no entry, or several, that this name fits." in answer.text
    assert not LdapAccount.objects.exists()


def test_an_administrator_links_and_unlinks_by_the_api(world, using, person):
    program = AuditedAPIClient()
    program.force_login(world.platform_admin)
    assert program.get(api_page(person)).status_code == 404
    with using():
        answer = program.put(api_page(person), {"login": "ada"}, format="json")
    assert answer.status_code == 200
    assert answer.json()["dn"] == dn_of("ada")
    assert program.get(api_page(person)).json() == answer.json()
    assert program.delete(api_page(person)).status_code == 204
    assert program.delete(api_page(person)).status_code == 404


@pytest.mark.parametrize("who", ["outsider", "viewer", "team_admin"])
def test_others_are_refused(world, as_user, using, person, who):
    browser = as_user(getattr(world, who))
    with using():
        assert browser.get(page(person)).status_code == 403
        assert browser.post(page(person), {"login": "ada"}).status_code == 403
        assert browser.post(f"{page(person)}/unlink").status_code == 403
    assert not LdapAccount.objects.exists()


def test_a_key_of_an_administrator_links_nobody(world, api_as, using, person):
    program = api_as(world.platform_admin)
    with using():
        answer = program.put(api_page(person), {"login": "ada"}, format="json")
    assert answer.status_code == 403
    assert not LdapAccount.objects.exists()


def test_strangers_are_asked_to_sign_in(client, api, using, person):
    with using():
        assert client.post(page(person), {"login": "ada"}).status_code == 302
        assert api.put(api_page(person), {"login": "ada"}, format="json").status_code == 401
    assert not LdapAccount.objects.exists()


def test_no_administrator_becomes_another_by_linking(world, as_user, using, person):
    person.is_platform_admin = True
    person.save()
    browser = as_user(world.platform_admin)
    with using():
        assert browser.post(page(person), {"login": "ada"}).status_code == 403
        assert not LdapAccount.objects.exists()
        assert as_user(person).post(page(person), {"login": "ada"}).status_code == 302
    assert LdapAccount.objects.get().user == person
