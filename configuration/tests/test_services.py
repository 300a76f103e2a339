"""Changing settings: by whom, under which rules, and what is left in the trail."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from configuration import services
from configuration.models import Revision, StoredSetting
from configuration.services import reset_setting, update_section
from restai_site.lib import configuration
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import (
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from restai_site.lib.mail import MailSection
from restai_site.tests.limits import redis_away, use_up_tests
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, acting

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-the-sample"


def stored() -> dict:
    rows = StoredSetting.objects.filter(section="sample")
    return {row.name: row.secret or row.value for row in rows}


def refused(section, values, error=Invalid, actor=SYSTEM):
    """Return the error; nothing has changed."""
    before = stored(), list(Revision.objects.values()), Entry.objects.acts().count()
    with pytest.raises(error) as raised:
        update_section(section, values, actor=actor)
    assert (stored(), list(Revision.objects.values()), Entry.objects.acts().count()) == before
    return raised.value


def test_only_platform_administrators_change_reset_and_test(sample, admin):
    other = replace(admin, is_platform_admin=False)
    refused(sample, {"count": 7}, Forbidden, other)
    with pytest.raises(Forbidden):
        reset_setting(sample, "count", actor=other)
    with pytest.raises(Forbidden):
        services.test_section(sample, actor=other)
    assert not Entry.objects.filter(action__startswith="settings.").exists()


def test_only_what_is_named_changes(sample, admin):
    update_section(sample, {"count": 7, "place": "there"}, actor=admin)
    assert update_section(sample, {"count": 8}, actor=admin) == {"count"}
    assert stored() == {"count": 8, "place": "there"}


def test_a_key_of_an_administrator_may_change_settings(sample, admin):
    by_key = replace(admin, credential="key:1", api_key_id=1)
    assert update_section(sample, {"count": 7}, actor=by_key) == {"count"}


def test_the_trail_holds_before_and_after_and_secrets_as_changed(sample, admin):
    update_section(sample, {"names": ["b"], "open": True, "key": SECRET}, actor=admin)
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.actor_email) == ("settings.update", admin.email)
    assert (entry.target_type, entry.target_id, entry.target_name) == (
        "configuration.storedsetting",
        "sample",
        "Sample",
    )
    assert entry.changes == {
        "names": {"before": ["ada"], "after": ["b"]},
        "open": {"before": False, "after": True},
        "key": {"before": "changed", "after": "changed"},
    }
    update_section(sample, {"key": ""}, actor=admin)
    assert Entry.objects.acts().latest("id").changes == {
        "key": {"before": "changed", "after": "changed"}
    }


def test_a_secret_is_in_no_table(sample, admin):
    update_section(sample, {"key": SECRET}, actor=admin)
    assert current(sample).key == SECRET
    assert tables_holding(SECRET) == []


def test_what_changes_nothing_leaves_no_trace(sample, admin):
    update_section(sample, {"count": 7, "key": SECRET}, actor=admin)
    before = Entry.objects.acts().count(), list(Revision.objects.values())
    same = {"count": 7, "key": SECRET, "place": "here", "names": ["ada"]}
    assert update_section(sample, same, actor=admin) == frozenset()
    assert update_section(sample, {}, actor=admin) == frozenset()
    assert (Entry.objects.acts().count(), list(Revision.objects.values())) == before
    assert set(stored()) == {"count", "key"}


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_kept(sample):
    error = refused(sample, {"count": 11, "colour": "green", "size": 1, "place": "there"})
    assert error.fields == {
        "count": ["Enter a whole number from 1 to 10."],
        "colour": ["Choose one of red, blue."],
        "size": ["The settings of “sample” have no “size”."],
    }


def test_values_that_do_not_go_together_are_refused(sample, admin):
    words = ["Open to all, count at most to 9."]
    assert refused(sample, {"open": True, "count": 10}).fields == {"count": words}
    update_section(sample, {"count": 10}, actor=admin)
    assert refused(sample, {"open": True}).fields == {"count": words}
    assert update_section(sample, {"open": True, "count": 9}, actor=admin) == {"open", "count"}


def test_the_rules_of_a_section_see_what_the_environment_fixes(sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_OPEN", "yes")
    assert list(refused(sample, {"count": 10}).fields) == ["count"]


def test_what_the_environment_fixes_is_refused_by_the_name_of_the_variable(sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    words = "This is fixed by the environment variable SAMPLE_COUNT: change it there."
    assert refused(sample, {"count": 7, "place": "there"}).fields == {"count": [words]}
    assert refused(sample, {"count": None}).fields == {"count": [words]}


def test_writing_back_what_the_environment_fixes_is_no_change(sample, monkeypatch, admin):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    assert update_section(sample, {"count": 3, "place": "there"}, actor=admin) == {"place"}


@pytest.mark.parametrize("guess", ["fixed", "wrong", ""])
def test_nobody_guesses_a_secret_of_the_environment(sample, monkeypatch, guess):
    monkeypatch.setenv("SAMPLE_KEY", "fixed")
    assert refused(sample, {"key": guess}).fields == {
        "key": ["This is fixed by the environment variable SAMPLE_KEY: change it there."]
    }


def test_a_new_destination_needs_the_secret_again(sample, admin):
    update_section(sample, {"key": SECRET}, actor=admin)
    words = "Where “Key” is sent changes: enter it again, or remove it first."
    assert refused(sample, {"place": "evil.example"}).fields == {"key": [words]}
    with pytest.raises(Invalid):
        update_section(sample, {"place": "evil.example", "key": "x" * 5000}, actor=admin)
    both = {"place": "there", "key": SECRET}
    assert update_section(sample, both, actor=admin) == {"place"}
    assert update_section(sample, {"place": "elsewhere", "key": ""}, actor=admin) == {
        "place",
        "key",
    }
    assert update_section(sample, {"place": "free"}, actor=admin) == {"place"}


def test_the_way_back_to_the_default_is_a_new_destination_too(sample, admin):
    update_section(sample, {"place": "there", "key": SECRET}, actor=admin)
    with pytest.raises(Invalid, match="is sent changes"):
        reset_setting(sample, "place", actor=admin)
    assert stored() == {"place": "there", "key": SECRET}


def test_a_secret_of_the_environment_is_not_sent_elsewhere(sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_KEY", "fixed")
    words = (
        "“Key” is fixed by the environment variable SAMPLE_KEY: "
        "fix where it is sent by the environment too."
    )
    assert refused(sample, {"place": "evil.example"}).fields == {"key": [words]}


def test_the_password_of_the_mail_server_follows_host_port_and_security(admin):
    given = {"host": "smtp.example.org", "from_address": "a@example.org", "password": SECRET}
    update_section(MailSection, given, actor=admin)
    for change in ({"host": "evil.example"}, {"port": 25}, {"security": "none"}):
        with pytest.raises(Invalid) as raised:
            update_section(MailSection, change, actor=admin)
        assert list(raised.value.fields) == ["password"]
    assert update_section(MailSection, {"username": "u"}, actor=admin) == {"username"}


def test_a_mail_server_needs_an_address_to_send_from(admin):
    with pytest.raises(Invalid) as raised:
        update_section(MailSection, {"host": "smtp.example.org"}, actor=admin)
    assert raised.value.fields == {"from_address": ["Enter the address that mail comes from."]}


def test_a_setting_goes_back_to_its_default(sample, admin):
    update_section(sample, {"count": 7, "key": SECRET}, actor=admin)
    assert reset_setting(sample, "count", actor=admin) is True
    assert Entry.objects.acts().latest("id").changes == {"count": {"before": 7, "after": 5}}
    assert reset_setting(sample, "count", actor=admin) is False
    assert reset_setting(sample, "key", actor=admin) is True
    assert stored() == {}
    with pytest.raises(NotFound):
        reset_setting(sample, "size", actor=admin)


def test_a_default_that_was_chosen_is_let_go_of(sample, admin):
    update_section(sample, {"count": 7}, actor=admin)
    update_section(sample, {"count": 5}, actor=admin)
    assert stored() == {"count": 5}
    assert reset_setting(sample, "count", actor=admin) is True
    assert stored() == {}


def test_the_process_that_changed_something_sees_it_at_once(sample, admin):
    assert current(sample).count == 5
    update_section(sample, {"count": 7}, actor=admin)
    assert current(sample).count == 7


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_at_once_neither_loses_a_change(sample, admin):
    def save(values, start):
        start.wait()
        try:
            return update_section(sample, values, actor=SYSTEM)
        finally:
            connection.close()

    for number in range(2, 8):
        start = Barrier(2)
        changes = [{"count": number}, {"place": f"place {number}"}]
        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(save, changes, [start, start]))
        assert outcomes == [{"count"}, {"place"}]
        assert stored() == {"count": number, "place": f"place {number}"}
    assert Revision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_changes_once(sample):
    start = Barrier(2)

    def save(_):
        start.wait()
        try:
            return update_section(sample, {"count": 7}, actor=SYSTEM)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        outcomes = sorted(threads.map(save, range(2)), key=len)
    assert outcomes == [frozenset(), {"count"}]
    assert Entry.objects.filter(action="settings.update").count() == 1


def test_a_test_says_what_works_and_is_in_the_trail(sample, admin):
    cache.clear()
    outcome = services.test_section(sample, actor=admin)
    assert (outcome.ok, outcome.message) == (True, f"{admin.email} finds here.")
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.target_id) == ("settings.test", "sample")
    assert entry.changes == {"ok": True, "outcome": outcome.message}


def test_a_test_that_fails_is_told_in_words_and_is_in_the_trail(sample, admin):
    cache.clear()
    update_section(sample, {"place": "nowhere"}, actor=admin)
    outcome = services.test_section(sample, actor=admin)
    assert (outcome.ok, outcome.message) == (False, "Nothing is there.")
    assert Entry.objects.acts().latest("id").changes == {
        "ok": False,
        "outcome": "Nothing is there.",
    }


def test_a_test_tries_what_another_process_has_saved(sample, admin):
    cache.clear()
    assert current(sample).place == "here"
    row = {"section": "sample", "name": "place", "value": "there"}
    StoredSetting.objects.create(**row, set_at=timezone.now())
    Revision.objects.update_or_create(singleton=True, defaults={"number": 77})
    assert services.test_section(sample, actor=admin).message == f"{admin.email} finds there."


def test_a_section_without_a_test_has_none(sample, admin):
    sample.test_label = ""
    with pytest.raises(NotFound):
        services.test_section(sample, actor=admin)


def test_the_eleventh_test_of_a_minute_is_refused(sample, admin):
    cache.clear()
    use_up_tests(services.TEST_GROUP, admin)
    with pytest.raises(TooManyRequests):
        services.test_section(sample, actor=admin)
    assert not Entry.objects.filter(action="settings.test").exists()


def test_without_redis_nothing_is_tested(sample, admin, settings):
    with redis_away(settings), pytest.raises(Unavailable):
        services.test_section(sample, actor=admin)
    assert not Entry.objects.filter(action="settings.test").exists()


@pytest.mark.parametrize("slug", ["authentication", "ldap", "mail", "network"])
def test_what_decides_who_comes_in_is_changed_by_people_alone(world, slug):
    """A key that sent mail elsewhere would read the link of a forgotten password."""
    key = Actor(
        user_id=world.platform_admin.pk,
        email=world.platform_admin.email,
        is_platform_admin=True,
        credential="key:1",
        api_key_id=1,
    )
    section = configuration.section_named(slug)
    name = next(iter(section.settings()))
    with pytest.raises(Forbidden):
        update_section(section, {name: None}, actor=key)
    if not section.setting(name).fixed():  # the environment of the tests lists their own ports
        update_section(section, {name: None}, actor=acting(world.platform_admin))


def test_other_settings_are_changed_by_keys_too(world, api_as):
    answer = api_as(world.platform_admin).patch("/api/settings/logging", {"new_projects": "off"})
    assert answer.status_code == 200
