"""Each value of the environment is right, or stops the start with one sentence that helps."""

import secrets

import pytest
from cryptography.fernet import Fernet

from restai_site.lib.env import (
    HOW_TO_MAKE_FERNET_KEY,
    HOW_TO_MAKE_SECRET,
    PUBLISHED_SAMPLES,
    ConfigurationError,
    Environment,
)

GOOD_SECRET = secrets.token_urlsafe(64)


def refusal(read, **source) -> str:
    """Return the sentence with which `read` is refused."""
    with pytest.raises(ConfigurationError) as refused:
        read(Environment(source))
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", '"'))
    return sentence


def test_text_comes_from_the_variable():
    assert Environment({"NAME": "value"}).text("NAME") == "value"


def test_text_comes_from_the_file_without_its_last_newline(tmp_path):
    file = tmp_path / "secret"
    file.write_text("value\n")
    assert Environment({"NAME_FILE": str(file)}).text("NAME") == "value"


def test_an_empty_value_is_an_absent_one():
    assert Environment({"NAME": ""}).text("NAME", "default") == "default"
    assert Environment({"NAME": "", "NAME_FILE": ""}).optional("NAME") is None


def test_a_missing_value_is_named():
    assert refusal(lambda env: env.text("NAME")) == "Set NAME (or NAME_FILE): see .env.example."


def test_both_forms_at_once_are_refused(tmp_path):
    sentence = refusal(lambda env: env.text("NAME"), NAME="a", NAME_FILE=str(tmp_path))
    assert sentence == "Set either NAME or NAME_FILE, not both."


@pytest.mark.parametrize("kind", ["absent", "folder", "binary"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, kind):
    file = tmp_path / "secret"
    if kind == "folder":
        file.mkdir()
    elif kind == "binary":
        file.write_bytes(b"\xff\xfe\x00")
    assert "NAME_FILE" in refusal(lambda env: env.text("NAME"), NAME_FILE=str(file))


@pytest.mark.parametrize("raw", ["ten", "1.5", "", " ", "0x10", "1e3", "١٢٣٤٥٦٧"])
def test_a_whole_number_is_asked_for(raw):
    def read(env):
        return env.integer("NAME", 7, most=1000)

    if raw == "":
        assert read(Environment({"NAME": raw})) == 7
    else:
        assert refusal(read, NAME=raw).startswith("NAME must be ")


@pytest.mark.parametrize(
    ("raw", "is_right"), [("1", True), ("9", True), ("0", False), ("10", False)]
)
def test_a_number_has_bounds(raw, is_right):
    def read(env):
        return env.integer("NAME", 5, least=1, most=9)

    if is_right:
        assert read(Environment({"NAME": raw})) == int(raw)
    else:
        assert refusal(read, NAME=raw) == f"NAME must be between 1 and 9, not {raw}."


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        *[(word, True) for word in ("1", "true", "YES", "On")],
        *[(word, False) for word in ("0", "False", "no", "OFF")],
    ],
)
def test_truth_has_several_words(raw, value):
    assert Environment({"NAME": raw}).boolean("NAME", default=not value) is value


@pytest.mark.parametrize("raw", ["maybe", "2", "None", "y"])
def test_other_words_are_not_truth(raw):
    sentence = refusal(lambda env: env.boolean("NAME", default=False), NAME=raw)
    assert sentence == f"NAME must be true or false, not {raw!r}."


def test_a_listing_drops_spaces_and_empty_entries():
    assert Environment({"NAME": " a, ,b,"}).listing("NAME") == ["a", "b"]
    assert Environment({}).listing("NAME", "a,b") == ["a", "b"]


def test_a_choice_names_the_options():
    sentence = refusal(lambda env: env.choice("NAME", "a", ("a", "b")), NAME="c")
    assert sentence == "NAME must be one of a, b, not 'c'."


def test_a_good_secret_is_taken():
    assert Environment({"NAME": GOOD_SECRET}).secret("NAME") == GOOD_SECRET


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="absent"),
        pytest.param("short", id="short"),
        pytest.param(GOOD_SECRET[:49], id="one character short"),
        pytest.param("a" * 64, id="one character repeated"),
        pytest.param("abcdefghijk" * 6, id="eleven characters repeated"),
        pytest.param("0123456789abcdef" * 4, id="a pattern repeated"),
        pytest.param("changeme" * 8, id="a word repeated"),
        pytest.param("django-insecure-" + GOOD_SECRET, id="Django's own sample"),
        pytest.param(" " * 60, id="spaces"),
        *(pytest.param(sample, id=f"sample {sample[:6]}") for sample in sorted(PUBLISHED_SAMPLES)),
    ],
)
def test_a_weak_secret_is_refused_with_the_command_for_a_good_one(value):
    sentence = refusal(lambda env: env.secret("NAME"), NAME=value)
    assert "NAME" in sentence
    assert sentence.endswith(HOW_TO_MAKE_SECRET)
    assert not value.strip() or value not in sentence, "the value itself must not reach a log"


def test_a_secret_is_judged_also_when_it_comes_from_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("short\n")
    sentence = refusal(lambda env: env.secret("NAME"), NAME_FILE=str(file))
    assert sentence.endswith(HOW_TO_MAKE_SECRET)


def test_fernet_keys_keep_their_order():
    newer, older = (Fernet.generate_key().decode() for _ in range(2))
    assert Environment({"NAME": f"{newer}, {older}"}).fernet_keys("NAME") == [newer, older]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="absent"),
        pytest.param(",", id="only a comma"),
        pytest.param("short", id="short"),
        pytest.param(GOOD_SECRET, id="not 32 bytes"),
        pytest.param("é" * 44, id="not base64"),
        pytest.param("A" * 43 + "=", id="32 zero bytes"),
        pytest.param(Fernet.generate_key().decode() + ",short", id="the second is wrong"),
        *(pytest.param(sample, id=f"sample {sample[:6]}") for sample in sorted(PUBLISHED_SAMPLES)),
    ],
)
def test_a_wrong_fernet_key_is_refused_with_the_command_for_a_good_one(value):
    sentence = refusal(lambda env: env.fernet_keys("NAME"), NAME=value)
    assert "NAME" in sentence
    assert sentence.endswith(HOW_TO_MAKE_FERNET_KEY)


@pytest.mark.parametrize("recipe", [HOW_TO_MAKE_SECRET, HOW_TO_MAKE_FERNET_KEY])
def test_the_commands_make_values_that_are_taken(recipe):
    import subprocess

    made = subprocess.run(recipe, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    env = Environment({"NAME": made.stdout.strip()})
    if recipe == HOW_TO_MAKE_SECRET:
        assert env.secret("NAME")
    else:
        assert len(env.fernet_keys("NAME")) == 1


def test_a_database_address_becomes_settings():
    url = "postgresql://us%40er:p%2Fw@db.example.org:5433/na%20me?sslmode=require"
    assert Environment({"NAME": url}).postgres("NAME") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "na me",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "HOST": "db.example.org",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_database_address_may_name_a_socket_below_a_folder_with_a_space():
    url = "postgresql://user:word@/name?host=%2Fa%20folder%2Fsockets"
    settings = Environment({"NAME": url}).postgres("NAME")
    assert (settings["HOST"], settings["PORT"], settings["OPTIONS"]) == (
        "/a folder/sockets",
        "",
        {},
    )


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user@host/name",
        "postgresql://user@host",
        "postgresql://user@host/",
        "postgresql://user@host:port/name",
        "postgresql://user@host:99999/name",
        "postgresql://[bad/name",
        "just words",
        "sqlite:///db.sqlite3",
    ],
)
def test_another_database_address_is_refused_without_showing_it(url):
    sentence = refusal(lambda env: env.postgres("NAME"), NAME=url)
    assert sentence == "NAME must look like postgresql://user:password@host:5432/name."


def test_a_missing_database_address_is_named():
    assert refusal(lambda env: env.postgres("NAME")).startswith("Set NAME (or NAME_FILE)")


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://:word@h/0", "unix:///run/valkey.sock"])
def test_an_address_with_one_of_the_schemes_is_taken(url):
    assert Environment({"NAME": url}).url("NAME", ("redis", "rediss", "unix")) == url


@pytest.mark.parametrize(
    "url",
    ["h:1", "localhost", "http://h", "redis:", "redis://", "redis:h", "redis://h:port", "://h"],
)
def test_another_address_is_refused_without_showing_it(url):
    sentence = refusal(lambda env: env.url("NAME", ("redis", "rediss")), NAME=url)
    assert sentence == "NAME must be an address that begins with redis:// or rediss://."


def test_an_address_has_a_default():
    assert Environment({}).url("NAME", ("http",), "http://h") == "http://h"


def test_origins_need_their_scheme():
    assert Environment({"NAME": "https://a, http://b:1"}).origins("NAME") == [
        "https://a",
        "http://b:1",
    ]
    assert Environment({}).origins("NAME") == []
    sentence = refusal(lambda env: env.origins("NAME"), NAME="https://a,b.example.org")
    assert sentence.startswith("NAME must list origins such as https://")
