"""The link of the first start: exactly one administrator, and no trace of it afterwards."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import SetupLink, User
from accounts.services import renew_setup_link, setup_link_is_open, use_setup_link
from audit.models import Entry
from catalog.models import LLM, ProviderAccount
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import DomainError, Invalid, NotFound

NOBODY = Actor(user_id=None, email="", credential="none")
PASSWORD = "correct horse battery staple"


def use(token, email="ada@example.org", password=PASSWORD):
    return use_setup_link(token, email=email, name="Ada", password=password, actor=NOBODY)


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_uses_make_exactly_one_administrator():
    token = renew_setup_link()
    together = Barrier(20)

    def attempt(number):
        together.wait()
        try:
            return use(token, email=f"user{number}@example.org")
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(attempt, range(20)))
    assert sum(isinstance(result, User) for result in results) == 1
    assert {type(result) for result in results} == {User, NotFound}
    assert User.objects.filter(is_platform_admin=True).count() == User.objects.count() == 1


def test_a_used_link_is_gone_and_no_other_is_made(db, client):
    token = renew_setup_link()
    assert client.get(f"/setup/{token}").status_code == 200
    assert use(token).is_platform_admin
    assert client.get(f"/setup/{token}").status_code == 404
    assert client.post(f"/setup/{token}", {"email": "eve@example.org"}).status_code == 404
    assert renew_setup_link() is None
    assert not setup_link_is_open(token)


def test_a_newer_link_voids_the_older(db):
    older, newer = renew_setup_link(), renew_setup_link()
    with pytest.raises(NotFound):
        use(older)
    assert use(newer)


def test_the_link_is_not_in_the_database(db):
    token = renew_setup_link()
    assert SetupLink.objects.get().digest != token


@pytest.mark.parametrize("password", ["", "short", "ada@example.org"])
def test_a_weak_password_leaves_the_link_open(db, password):
    token = renew_setup_link()
    with pytest.raises(Invalid):
        use(token, password=password)
    assert setup_link_is_open(token)
    assert not User.objects.exists()


def test_the_making_is_in_the_audit_trail_without_the_password(db):
    use(renew_setup_link())
    entry = Entry.objects.get(action="user.create")
    assert (entry.target_name, entry.credential) == ("ada@example.org", "setup_link")
    assert PASSWORD not in str(list(Entry.objects.values()))


def test_the_environment_makes_the_administrator_without_a_browser(db, settings, capsys):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "Root@Example.org", PASSWORD
    call_command("setup", "--print-link")
    assert capsys.readouterr().out == ""
    user = User.objects.get()
    assert (user.email, user.is_platform_admin) == ("root@example.org", True)
    assert user.check_password(PASSWORD)
    call_command("setup", "--print-link")
    assert User.objects.count() == 1


@pytest.mark.parametrize(("email", "password"), [("a@example.org", ""), ("", PASSWORD)])
def test_half_an_administrator_is_refused(db, settings, email, password):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = email, password
    with pytest.raises(CommandError, match="both"):
        call_command("setup")
    assert not User.objects.exists()


def test_a_weak_password_in_the_environment_is_refused_by_name(db, settings):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "a@example.org", "short"
    with pytest.raises(CommandError, match="RESTAI_ADMIN_PASSWORD"):
        call_command("setup")
    assert not User.objects.exists()


def test_the_first_start_makes_a_demonstration_and_later_ones_follow_the_address(db, settings):
    settings.EMBEDDED_MODEL_URL, settings.EMBEDDED_MODEL_KEY = "http://127.0.0.1:1111/v1", "one"
    call_command("setup")
    project = Project.objects.get()
    assert project.team.llms.get() == project.llm
    settings.EMBEDDED_MODEL_URL, settings.EMBEDDED_MODEL_KEY = "http://127.0.0.1:2222/v1", "two"
    call_command("setup")
    provider = ProviderAccount.objects.get()
    assert (provider.base_url, provider.api_key) == ("http://127.0.0.1:2222/v1", "two")
    assert (Project.objects.count(), LLM.objects.count()) == (1, 1)


def test_a_deleted_demonstration_does_not_come_back(db, settings):
    settings.EMBEDDED_MODEL_URL, settings.EMBEDDED_MODEL_KEY = "http://127.0.0.1:1111/v1", "one"
    call_command("setup")
    Project.objects.all().delete()
    call_command("setup")
    assert not Project.objects.exists()


def test_without_an_embedded_model_nothing_is_demonstrated(db, settings):
    settings.EMBEDDED_MODEL_URL = ""
    call_command("setup")
    assert not Project.objects.exists()
