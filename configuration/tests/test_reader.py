"""Whoever asks for a value gets what is fixed, stored, or the default, for few queries."""

import logging

import pytest
from asgiref.sync import async_to_sync
from cryptography.fernet import Fernet
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from configuration.models import Revision, StoredSetting
from configuration.services import update_section
from restai_site.lib import configuration
from restai_site.lib.configuration import Section, Text, current, fresh, latest, overridden
from restai_site.lib.env import ConfigurationError
from restai_site.lib.errors import Invalid, NotFound, Unavailable
from restai_site.lib.mail import MailSection
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db


def queries_of(work) -> int:
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)


def test_without_anything_stored_the_defaults_hold(sample):
    values = current(sample)
    assert (values.place, values.key, values.count) == ("here", "", 5)
    assert (values.open, values.colour, values.names) == (False, "red", ("ada",))


def test_what_is_stored_holds_and_keeps_its_type(sample):
    given = {"place": "there", "count": 7, "open": True, "colour": "blue", "names": ["b", "c"]}
    update_section(sample, {**given, "key": "s3cret"}, actor=SYSTEM)
    values = current(sample)
    assert (values.place, values.key, values.count) == ("there", "s3cret", 7)
    assert (values.open, values.colour, values.names) == (True, "blue", ("b", "c"))


def test_the_environment_holds_before_what_is_stored(sample, monkeypatch):
    update_section(sample, {"place": "there", "count": 7}, actor=SYSTEM)
    monkeypatch.setenv("SAMPLE_PLACE", "fixed")
    monkeypatch.setenv("SAMPLE_OPEN", "true")
    configuration.forget()
    assert (current(sample).place, current(sample).open, current(sample).count) == (
        "fixed",
        True,
        7,
    )


def test_many_questions_cost_two_queries(sample):
    configuration.forget()
    assert queries_of(lambda: [current(sample).place for _ in range(100)]) == 2
    assert queries_of(lambda: [current(MailSection).host for _ in range(100)]) == 0


def test_after_a_while_one_query_asks_whether_anything_changed(sample, settings):
    update_section(sample, {"count": 7}, actor=SYSTEM)
    before = current(sample)
    settings.SETTINGS_REFRESH_MILLISECONDS = 0
    assert queries_of(lambda: current(sample)) == 1
    assert current(sample) is before
    Revision.objects.update(number=1)
    assert queries_of(lambda: current(sample)) == 2
    assert current(sample) is not before


def test_the_latest_values_cost_no_query(sample):
    assert queries_of(lambda: latest(sample).place) == 0
    update_section(sample, {"place": "there"}, actor=SYSTEM)
    assert current(sample).place == "there"
    assert queries_of(lambda: latest(sample).place) == 0
    assert latest(sample).place == "there"


def test_a_caller_in_an_event_loop_reads_the_same(sample):
    update_section(sample, {"place": "there"}, actor=SYSTEM)
    assert async_to_sync(fresh)(sample).place == "there"
    with overridden(sample, place="elsewhere"):
        assert async_to_sync(fresh)(sample).place == "elsewhere"


def test_overridden_values_hold_inside_alone_and_ask_nobody(sample):
    update_section(sample, {"place": "there"}, actor=SYSTEM)
    with overridden(sample, count=9):
        assert queries_of(lambda: current(sample)) == 0
        assert (current(sample).place, current(sample).count) == ("here", 9)
        with overridden(sample, count=8):
            assert current(sample).count == 8
        assert current(sample).count == 9
    assert (current(sample).place, current(sample).count) == ("there", 5)
    with pytest.raises(Invalid), overridden(sample, count=11):
        pass
    with pytest.raises(NotFound), overridden(sample, size=1):
        pass


def test_what_no_longer_passes_the_rules_has_its_default_and_is_logged(sample, caplog):
    now = timezone.now()
    StoredSetting.objects.create(section="sample", name="count", value=99, set_at=now)
    StoredSetting.objects.create(section="sample", name="gone", value=1, set_at=now)
    configuration.forget()
    with caplog.at_level(logging.ERROR):
        assert current(sample).count == 5
    assert "The stored value of sample.count is not valid; its default holds." in caplog.text


def test_a_secret_that_cannot_be_decrypted_raises_and_hides_nothing_else(sample, caplog):
    update_section(sample, {"key": "s3cret", "count": 7}, actor=SYSTEM)
    foreign = Fernet(Fernet.generate_key()).encrypt(b"s3cret").decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE configuration_storedsetting SET secret = %s WHERE name = 'key'", [foreign]
        )
    configuration.forget()
    assert current(sample).count == 7
    with pytest.raises(Unavailable) as refused:
        _ = current(sample).key
    assert refused.value.message == "The stored “Key” cannot be decrypted: enter it again."
    assert "at the end of FIELD_ENCRYPTION_KEY" in caplog.text
    update_section(sample, {"key": "another"}, actor=SYSTEM)
    assert current(sample).key == "another"


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_believed_when_another_change_follows(sample, settings):
    settings.SETTINGS_REFRESH_MILLISECONDS = 0
    with transaction.atomic():
        update_section(sample, {"count": 7}, actor=SYSTEM)
        assert current(sample).count == 7
        transaction.set_rollback(True)
    misled = configuration._State.snapshot
    update_section(sample, {"place": "there"}, actor=SYSTEM)
    # As in another process, which was not told and still holds what it has read.
    configuration._State.snapshot = misled
    assert (current(sample).place, current(sample).count) == ("there", 5)


def test_two_sections_do_not_share_a_slug(sample):
    with pytest.raises(TypeError, match="two sections with the slug 'sample'"):
        type("Other", (Section,), {"slug": "sample", "title": "Other"})


def test_a_section_without_a_test_says_so(sample):
    with pytest.raises(NotFound):
        Section().test(SYSTEM)


def test_the_whole_environment_is_checked_and_the_variable_named(sample, monkeypatch):
    configuration.check_environment()
    monkeypatch.setenv("SAMPLE_COUNT", "eleven")
    with pytest.raises(ConfigurationError) as refused:
        configuration.check_environment()
    assert str(refused.value) == "SAMPLE_COUNT: Enter a whole number from 1 to 10."


def test_the_sections_of_all_apps_are_found_and_no_variable_fixes_two_settings():
    found = [section.slug for section in configuration.sections()]
    assert found[:2] == ["mail", "authentication"]
    variables = [
        setting.variable
        for section in configuration.sections()
        for setting in section.settings().values()
        if setting.variable
    ]
    assert len(variables) == len(set(variables))


def test_defaults_pass_their_own_rules():
    for section in configuration.sections():
        for setting in section.settings().values():
            assert setting.clean(setting.as_json(setting.default)) == setting.default
        section.check(section().values)


def test_a_setting_is_described_on_its_class():
    assert isinstance(MailSection.host, Text)
    assert MailSection.host.name == "host"
