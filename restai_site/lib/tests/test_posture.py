"""The mechanism of the security posture: declared, made, survived, ordered."""

import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from accounts.models import User
from restai_site.lib import posture
from restai_site.lib.env import ConfigurationError
from restai_site.lib.posture import (
    Area,
    Check,
    Example,
    Finding,
    State,
    check,
    command,
    failed,
    good,
    is_this_machine,
    listed,
    listing_of,
    page,
    run,
    unknown,
    variable,
    words,
)
from restai_site.tests.world import make_user


def made(find, slug="one", area=Area.DATA, severity=State.WARNING):
    return Check(slug, slug.title(), area, severity, find)


def at(state, slug="one", area=Area.DATA):
    return made(lambda: Finding("Because.", state), slug, area)


def test_a_check_fails_as_severely_as_it_says():
    assert run([made(lambda: failed("Bad."), severity=State.CRITICAL)]).state is State.CRITICAL
    assert run([made(lambda: failed("Bad."), severity=State.ADVICE)]).state is State.ADVICE


def test_a_finding_may_be_less_severe_than_its_check():
    report = run([made(lambda: failed("Bad.", state=State.ADVICE), severity=State.CRITICAL)])
    assert report.state is State.ADVICE


def test_a_slug_is_declared_once(monkeypatch):
    monkeypatch.setattr(posture, "_checks", {})
    declare = check("second-factor", "Second factor", Area.ACCOUNTS, State.WARNING)
    declare(lambda: good("There is one."))
    with pytest.raises(ImproperlyConfigured, match="two posture checks with the slug “second-fac"):
        declare(lambda: failed("There is none."))
    assert [one.slug for one in posture.checks()] == ["second-factor"]


def raises(error):
    def find():
        raise error

    return find


@pytest.mark.parametrize("error", [ValueError("s3cret"), ConfigurationError("s3cret")])
def test_a_check_that_raises_is_unknown_is_logged_and_hides_no_other(error, caplog):
    report = run([at(State.GOOD, "a"), made(raises(error), "broken"), at(State.CRITICAL, "z")])
    assert [(one.check.slug, one.state) for one in report.results] == [
        ("a", State.GOOD),
        ("broken", State.UNKNOWN),
        ("z", State.CRITICAL),
    ]
    reason = report.results[1].finding.reason
    assert reason == "This check could not be made; the log of the server says why."
    (entry,) = caplog.records
    assert (entry.levelno, entry.getMessage()) == (
        logging.ERROR,
        f"The posture check broken failed: {type(error).__name__}.",
    )
    assert entry.exc_info[1] is error


@pytest.mark.django_db
def test_a_statement_that_the_database_refuses_spoils_no_other_check():
    def refused():
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")
        return good("Never.")

    def counted():
        return good(f"{User.objects.count()} users.")

    report = run([made(refused, "refused"), made(counted, "counted")])
    assert [one.state for one in report.results] == [State.UNKNOWN, State.GOOD]
    assert report.results[1].finding.reason == "0 users."


def test_areas_come_with_the_worst_first_and_then_in_their_own_order():
    report = run(
        [
            at(State.GOOD, "a", Area.ACCOUNTS),
            at(State.ADVICE, "s", Area.SECRETS),
            at(State.GOOD, "m1", Area.MODELS),
            at(State.WARNING, "m2", Area.MODELS),
            at(State.WARNING, "n", Area.NETWORK),
        ]
    )
    shown = [(group.area, [one.check.slug for one in group.results]) for group in report.areas]
    assert shown == [
        (Area.NETWORK, ["n"]),
        (Area.MODELS, ["m2", "m1"]),
        (Area.SECRETS, ["s"]),
        (Area.ACCOUNTS, ["a"]),
    ]
    models = report.areas[1]
    assert [one.check.slug for one in models.open] == ["m2"]
    assert [one.check.slug for one in models.good] == ["m1"]


def test_states_go_from_critical_over_what_could_not_be_made_to_good():
    assert [state.value for state in sorted(State, key=lambda state: state.rank)] == [
        "critical",
        "warning",
        "unknown",
        "advice",
        "good",
    ]


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ([State.GOOD], "All is well: 1 check passed."),
        ([State.GOOD] * 3, "All is well: all 3 checks passed."),
        ([State.ADVICE, State.GOOD], "Nothing is wrong; there is advice on 1 of the checks."),
        ([State.WARNING], "Nothing is urgent: 1 thing should be looked at soon."),
        ([State.UNKNOWN] * 2, "Nothing is urgent: 2 checks could not be made."),
        ([State.CRITICAL], "1 thing needs attention now."),
        (
            [State.CRITICAL, State.CRITICAL, State.WARNING, State.UNKNOWN, State.ADVICE],
            (
                "2 things need attention now, 1 thing should be looked at soon "
                "and 1 check could not be made."
            ),
        ),
    ],
)
def test_the_whole_is_told_in_one_sentence(states, sentence):
    assert run([at(state) for state in states]).sentence == sentence


def test_the_counts_have_every_state():
    report = run([at(State.WARNING), at(State.WARNING), at(State.GOOD)])
    assert report.counts == {
        State.CRITICAL: 0,
        State.WARNING: 2,
        State.UNKNOWN: 0,
        State.ADVICE: 0,
        State.GOOD: 1,
    }
    assert report.state is State.WARNING


@pytest.mark.django_db
def test_many_things_are_counted_and_ten_are_named_in_one_query(django_assert_num_queries):
    users = [make_user(f"user{number:02}") for number in range(12)]
    with django_assert_num_queries(1):
        found = listed(User.objects.order_by("pk"), "admin:accounts_user_change", name="email")
    assert found.total == 12
    assert [example.name for example in found.examples] == [user.email for user in users[:10]]
    assert found.examples[0].url == f"/admin/accounts/user/{users[0].pk}/change/"
    (result,) = run([made(lambda: failed("Too many.", found=found))]).results
    assert result.more == "and 2 more"


@pytest.mark.django_db
def test_nothing_is_listed_as_nothing():
    nobody = listed(User.objects.all(), "admin:accounts_user_change", name="email")
    assert nobody.total == 0
    assert run([made(lambda: failed("Bad.", found=nobody))]).results[0].more == ""


def test_what_was_found_already_is_cut_to_ten_too():
    found = listing_of(Example(str(number), "dashboard") for number in range(11))
    assert (found.total, len(found.examples)) == (11, 10)


def test_a_remedy_is_a_page_a_variable_or_a_command():
    place = page("Open users", "admin:accounts_user_changelist", is_active__exact=1)
    assert place.url == "/admin/accounts/user/?is_active__exact=1"
    assert page("Open projects", "projects:list").url == "/projects"
    assert (variable("DEBUG").variable, variable("DEBUG").url) == ("DEBUG", "")
    assert command("manage.py migrate").command == "manage.py migrate"


def test_a_page_that_is_not_there_hides_no_finding(caplog):
    assert page("Open", "no:such-page").url == ""
    assert Example("one", "no:such-page").url == ""
    assert len(caplog.records) == 2


def test_numbers_are_told_as_people_say_them():
    assert words(1, "One key is old.", "{} keys are old.") == "One key is old."
    assert words(12_345, "One key is old.", "{} keys are old.") == "12,345 keys are old."


def test_what_could_not_be_found_out_is_unknown():
    assert unknown("Away.").state is State.UNKNOWN


@pytest.mark.parametrize(
    "host",
    [
        "",
        "/run/postgresql",
        "localhost",
        "LOCALHOST.",
        "app.localhost",
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
    ],
)
def test_these_hosts_are_this_machine(host):
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "db",
        "db.example.org",
        "localhost.example.org",
        "mylocalhost",
        "127.0.0.1.example.org",
        "10.0.0.1",
        "0.0.0.0",  # noqa: S104 - compared, not bound
        "::",
        "::ffff:10.0.0.1",
        "fe80::1",
    ],
)
def test_these_hosts_are_others(host):
    assert not is_this_machine(host)
