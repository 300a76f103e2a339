"""Each kind of setting takes its own type, in JSON, from the environment and from a form."""

import pytest

from restai_site.lib.configuration import (
    Choice,
    Flag,
    Lines,
    LongText,
    Number,
    Secret,
    Setting,
    Text,
)
from restai_site.lib.env import ConfigurationError
from restai_site.lib.errors import Invalid

NAMES = Lines(label="Names")
COLOUR = Choice("red", choices=[("red", "Red"), ("blue", "Blue")], label="Colour")


def no_x(text: str) -> str:
    if "x" in text:
        raise Invalid(f"“{text}” holds an x.")
    return text.upper()


@pytest.mark.parametrize(
    ("setting", "given", "kept"),
    [
        (Text(label=""), "  a b  ", "a b"),
        (Text(label=""), "", ""),
        (Text(label="", max_length=3), "abc", "abc"),
        (Text(label="", check=no_x), "abc", "ABC"),
        (LongText(label=""), "\r\n a\r\n\tb\n", "a\n\tb"),
        (LongText(label="", max_length=3), "a\nb", "a\nb"),
        (LongText(label="", check=no_x), "a\nb", "A\nB"),
        (Secret(label=""), " s3cret ", "s3cret"),
        (Secret(label=""), "x" * 4096, "x" * 4096),
        (Number(5, least=-1, most=10, label=""), -1, -1),
        (Number(5, least=-1, most=10, label=""), 10, 10),
        (Flag(False, label=""), True, True),
        (COLOUR, "blue", "blue"),
        (NAMES, [" b ", "", "a", "b"], ("b", "a")),
        (NAMES, [], ()),
        (Lines(label="", each=no_x), ["a", "A"], ("A",)),
    ],
)
def test_a_value_of_the_type_is_kept(setting, given, kept):
    assert setting.clean(given) == kept
    assert setting.clean(setting.as_json(kept)) == kept


@pytest.mark.parametrize(
    ("setting", "given", "words"),
    [
        (Text(label=""), 5, "Enter text."),
        (Text(label=""), None, "Enter text."),
        (Text(label=""), ["a"], "Enter text."),
        (Text(label="", max_length=3), "abcd", "Enter at most 3 characters."),
        (Text(label=""), "x" * 501, "Enter at most 500 characters."),
        (Text(label=""), "a\nb", "The text contains invisible characters."),
        (Text(label=""), "a\u202eb", "The text contains invisible characters."),
        (Text(label=""), "a\ud800b", "The text contains invisible characters."),
        (Text(label="", check=no_x), "axe", "“axe” holds an x."),
        (LongText(label=""), 5, "Enter text."),
        (LongText(label="", max_length=3), "a\nbc", "Enter at most 3 characters."),
        (LongText(label=""), "a\0b", "The text contains invisible characters."),
        (LongText(label=""), "a\n\u202eb", "The text contains invisible characters."),
        (Secret(label=""), "x" * 4097, "Enter at most 4096 characters."),
        (Number(5, least=-1, most=10, label=""), -2, "Enter a whole number from -1 to 10."),
        (Number(5, least=-1, most=10, label=""), 11, "Enter a whole number from -1 to 10."),
        (Number(5, least=-1, most=10, label=""), 1.0, "Enter a whole number from -1 to 10."),
        (Number(5, least=-1, most=10, label=""), "5", "Enter a whole number from -1 to 10."),
        (Number(5, least=0, most=10, label=""), True, "Enter a whole number from 0 to 10."),
        (Flag(False, label=""), 1, "Choose true or false."),
        (Flag(False, label=""), "true", "Choose true or false."),
        (COLOUR, "Red", "Choose one of red, blue."),
        (COLOUR, ["red"], "Choose one of red, blue."),
        (NAMES, "a", "Enter a list of texts."),
        (NAMES, {"a": 1}, "Enter a list of texts."),
        (NAMES, [1], "Enter text."),
        (NAMES, [["a"]], "Enter text."),
        (NAMES, ["x" * 501], "Enter at most 500 characters."),
        (NAMES, ["a"] * 201, "Enter at most 200 lines."),
        (Lines(label="", each=no_x), ["a", "axe"], "“axe” holds an x."),
    ],
)
def test_another_value_is_refused_in_words(setting, given, words):
    with pytest.raises(Invalid) as refused:
        setting.clean(given)
    assert refused.value.message == words


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (Text(label=""), " a ", "a"),
        (Number(5, least=-9, most=10, label=""), "-7", -7),
        (Flag(False, label=""), "Yes", True),
        (Flag(True, label=""), "0", False),
        (COLOUR, "blue", "blue"),
        (NAMES, "a, b\nc,,", ("a", "b", "c")),
    ],
)
def test_a_text_says_a_value(setting, text, value):
    assert setting.parse(text) == value


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (Number(5, least=0, most=10, label=""), "five"),
        (Number(5, least=0, most=10, label=""), "\u0665"),
        (Number(5, least=0, most=10, label=""), "5.0"),
        (Number(5, least=0, most=10, label=""), "9" * 5000),
        (Number(5, least=0, most=10, label=""), ""),
        (Flag(False, label=""), "perhaps"),
        (COLOUR, "green"),
    ],
)
def test_a_text_that_says_none_is_refused(setting, text):
    with pytest.raises(Invalid):
        setting.parse(text)


def test_the_environment_fixes_a_value(monkeypatch):
    setting = Number(5, least=0, most=10, label="", variable="TEST_NUMBER")
    assert setting.fixed() is None
    monkeypatch.setenv("TEST_NUMBER", "")
    assert setting.fixed() is None
    monkeypatch.setenv("TEST_NUMBER", "0")
    assert setting.fixed() == 0
    assert Text(label="").fixed() is None


def test_a_file_that_the_environment_names_is_read_once(monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    setting = Secret(label="", variable="TEST_SECRET")
    monkeypatch.setenv("TEST_SECRET_FILE", str(file))
    assert setting.fixed() == "from a file"
    file.unlink()
    assert setting.fixed() == "from a file"


def test_a_wrong_value_of_the_environment_is_named(monkeypatch):
    setting = Number(5, least=0, most=10, label="", variable="TEST_NUMBER")
    monkeypatch.setenv("TEST_NUMBER", "11")
    with pytest.raises(ConfigurationError) as refused:
        setting.fixed()
    assert str(refused.value) == "TEST_NUMBER: Enter a whole number from 0 to 10."


def test_a_kind_without_a_type_is_none():
    with pytest.raises(NotImplementedError):
        Setting("", label="").clean("")
