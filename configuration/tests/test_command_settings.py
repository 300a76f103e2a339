"""`manage.py settings`: the same rules as on the pages, and no secret on the screen."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from configuration.models import StoredSetting
from configuration.services import update_section
from restai_site.lib.configuration import current
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-the-sample"


def settings(*words, typed: str = "", monkeypatch=None) -> str:
    """Return what the command prints."""
    out = io.StringIO()
    if monkeypatch is not None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    call_command("settings", *words, stdout=out)
    return out.getvalue()


def refusal(*words, **options) -> str:
    with pytest.raises(CommandError) as refused:
        settings(*words, **options)
    return str(refused.value)


def test_values_are_listed_with_where_they_come_from(sample, monkeypatch):
    update_section(sample, {"key": SECRET, "names": ["a", "b"]}, actor=SYSTEM)
    StoredSetting.objects.update(set_at="2026-11-03T10:00:00Z")
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    lines = [line for line in settings("list").splitlines() if line.startswith("sample.")]
    assert lines == [
        "sample.place = here  (default)",
        "sample.key = set on 3 Nov 2026",
        "sample.count = 3  (fixed by SAMPLE_COUNT)",
        "sample.open = false  (default)",
        "sample.colour = red  (default)",
        "sample.names = a, b",
    ]


def test_one_value_is_printed_alone(sample, monkeypatch):
    update_section(sample, {"names": ["a", "b"], "open": True}, actor=SYSTEM)
    assert settings("get", "sample.names") == "a\nb\n"
    assert settings("get", "sample.open") == "true\n"
    assert settings("get", "sample.count") == "5\n"
    assert settings("get", "sample.key") == "not set\n"
    monkeypatch.setenv("SAMPLE_KEY", SECRET)
    assert settings("get", "sample.key") == "set\n"


def test_a_value_is_set_and_unset(sample):
    assert settings("set", "sample.count", "7") == "sample.count is changed.\n"
    assert settings("set", "sample.count", "7") == "sample.count is as it was.\n"
    assert settings("set", "sample.open", "yes") == "sample.open is changed.\n"
    assert settings("set", "sample.names", "b,c") == "sample.names is changed.\n"
    assert (current(sample).count, current(sample).open, current(sample).names) == (
        7,
        True,
        ("b", "c"),
    )
    assert settings("unset", "sample.count") == "sample.count is changed.\n"
    assert current(sample).count == 5
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.credential) == ("settings.update", "system:settings")


def test_a_secret_comes_by_standard_input_and_is_never_printed(sample, monkeypatch):
    options = {"typed": f"{SECRET}\n", "monkeypatch": monkeypatch}
    printed = settings("set", "sample.key", "-", **options)
    assert current(sample).key == SECRET
    printed += settings("list") + settings("get", "sample.key")
    assert SECRET not in printed
    assert settings("unset", "sample.key") == "sample.key is changed.\n"
    assert current(sample).key == ""


def test_a_secret_on_the_command_line_is_refused(sample):
    assert refusal("set", "sample.key", SECRET) == (
        "Give a secret by standard input: set sample.key -"
    )
    assert not StoredSetting.objects.exists()


def test_an_empty_input_does_not_remove_a_secret(sample, monkeypatch):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    words = refusal("set", "sample.key", "-", typed="\n", monkeypatch=monkeypatch)
    assert words == "Nothing was given. To remove it: unset sample.key"
    assert current(sample).key == SECRET


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["get", "nothing.here"], "There are no settings of this name."),
        (["get", "sample"], "The settings of “sample” have no “”."),
        (["get", "sample.size"], "The settings of “sample” have no “size”."),
        (["set", "sample.count", "many"], "Enter a whole number from 1 to 10."),
        (["set", "sample.colour", "green"], "Choose one of red, blue."),
        (["unset", "sample.size"], "The settings of “sample” have no “size”."),
        (
            ["set", "sample.place", "evil.example"],
            "Where “Key” is sent changes: enter it again, or remove it first.",
        ),
    ],
)
def test_what_is_refused_is_told_in_words(sample, words, sentence):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    assert refusal(*words) == sentence
    assert current(sample).place == "here"


def test_what_the_environment_fixes_is_not_changed(sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    for words in (["set", "sample.count", "4"], ["unset", "sample.count"]):
        assert refusal(*words) == (
            "This is fixed by the environment variable SAMPLE_COUNT: change it there."
        )


@pytest.mark.parametrize("words", [[], ["drop"], ["set", "sample.count"], ["get"]])
def test_a_command_that_is_none_is_refused(words):
    assert "Error:" in refusal(*words)
