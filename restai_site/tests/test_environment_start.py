"""Every door of the server refuses a wrong environment with one sentence and no stack trace."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from restai_site.embedded import keys, web
from restai_site.embedded.installation import SECRETS
from restai_site.lib import configuration

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = {
    "SECRET_KEY": "replace-me-with-50-or-more-random-characters-0123456789abcdef",
    "FIELD_ENCRYPTION_KEY": "cmVwbGFjZS1tZS13aXRoLWEtcmVhbC1mZXJuZXQta2V5ISE=",
}
DOORS = {
    "manage.py": ["manage.py", "check"],
    "celery": ["-m", "celery", "--app", "restai_site.celery", "worker"],
    "web server": web.command("127.0.0.1", 0)[1:],
}
# Words by which the server's own log is told from our sentence.
WORKER_SENTENCE = re.compile(r"^\[(INFO|ERROR)\]")


@pytest.fixture
def environment(tmp_path):
    """A complete environment; the tests spoil one value of it."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    engines = {"DATABASE_URL": "postgresql://user@localhost/name", "REDIS_URL": "redis://localhost"}
    return kept | engines | {name: make() for name, make in SECRETS.items()}


def start(door, environment):
    command = [sys.executable, *DOORS[door]]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def only_sentence(result) -> str:
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if not WORKER_SENTENCE.match(line)]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("door", DOORS)
def test_a_short_secret_key_stops_the_start(door, environment):
    environment["SECRET_KEY"] = "short"
    sentence = only_sentence(start(door, environment))
    assert sentence == (
        "SECRET_KEY is too weak: it needs at least 50 random characters; make one with: "
        'python3 -c "import secrets; print(secrets.token_urlsafe(64))"'
    )


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_value_of_a_setting_stops_the_start(door, environment):
    environment["PROVIDER_IDLE_SECONDS"] = "soon"
    sentence = only_sentence(start(door, environment))
    assert sentence == "PROVIDER_IDLE_SECONDS: Enter a whole number from 1 to 3600."


@pytest.mark.parametrize("door", DOORS)
def test_a_missing_database_stops_the_start(door, environment):
    del environment["DATABASE_URL"]
    sentence = only_sentence(start(door, environment))
    assert sentence == "Set DATABASE_URL (or DATABASE_URL_FILE): see .env.example."


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", SAMPLES["SECRET_KEY"], "is the published sample value; make your own with:"),
        ("SECRET_KEY", "", "Set SECRET_KEY (or SECRET_KEY_FILE); make one with: python3"),
        ("API_KEY_PEPPER", SAMPLES["SECRET_KEY"], "is the published sample value; make your own"),
        ("API_KEY_PEPPER", "a" * 64, "is too weak"),
        ("API_KEY_PEPPER", "", "Set API_KEY_PEPPER"),
        ("FIELD_ENCRYPTION_KEY", SAMPLES["FIELD_ENCRYPTION_KEY"], "is the published sample value"),
        ("FIELD_ENCRYPTION_KEY", "not-a-key", "is not a Fernet key"),
        ("FIELD_ENCRYPTION_KEY", "", "Set FIELD_ENCRYPTION_KEY"),
        ("DATABASE_URL", "mysql://h/n", "must look like postgresql://"),
        ("REDIS_URL", "", "Set REDIS_URL"),
        ("REDIS_URL", "localhost:6379", "must be an address that begins with redis://"),
        ("PUBLIC_URL", "chat.example.org", "must be an address that begins with https://"),
        ("CSRF_TRUSTED_ORIGINS", "chat.example.org", "must list origins such as https://"),
        ("DEBUG", "perhaps", "must be true or false"),
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG"),
        ("PASSWORD_MIN_LENGTH", "8", "Enter a whole number from 15 to 128."),
        ("SESSION_IDLE_MINUTES", "long", "Enter a whole number from 5 to"),
        ("PROVIDER_IDLE_SECONDS", "0", "Enter a whole number from 1 to 3600."),
        ("SMTP_SECURITY", "perhaps", "Choose one of starttls, tls, none."),
        ("SMTP_HOST", "smtp example", "Enter a host name such as smtp.example.org"),
    ],
)
def test_each_wrong_value_is_named(name, value, words, environment):
    environment[name] = value
    sentence = only_sentence(start("manage.py", environment))
    assert name in sentence
    assert words in sentence


def test_secrets_come_from_files(environment, tmp_path):
    for name in SECRETS:
        keys.write_private(tmp_path / name, environment.pop(name))
        environment[f"{name}_FILE"] = str(tmp_path / name)
    command = [sys.executable, "-c", "import django; django.setup(); print('loaded')"]
    environment["DJANGO_SETTINGS_MODULE"] = "restai_site.settings"
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("loaded\n", "")


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
@pytest.mark.parametrize("door", DOORS)
def test_a_malicious_release_that_is_installed_stops_the_start(
    door, version, environment, tmp_path
):
    """What Python finds first is what it would import: here a package that only says it is one."""
    folder = tmp_path / f"litellm-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: litellm\nVersion: {version}\n")
    environment["PYTHONPATH"] = str(tmp_path)
    assert only_sentence(start(door, environment)) == (
        f"litellm {version} is malicious: it steals the keys and passwords of the machine "
        "(BerriAI/litellm issue 24518). Do not start this environment again: remove .venv or the "
        "image, change every secret that this machine holds, and install what requirements.txt "
        "pins."
    )


def names_read_by(*files: str) -> set[str]:
    """Return the variables that the Python files ask an Environment for."""
    asked = re.compile(
        r"\benv\.\w+\(\s*\"([A-Z_]+)\"|outer\.get\(\"([A-Z_]+)\"|is_set\(\"([A-Z_]+)\""
    )
    texts = [(ROOT / file).read_text() for file in files]
    return {"".join(match.groups(default="")) for text in texts for match in asked.finditer(text)}


def test_the_example_lists_every_variable_that_is_read_and_no_other():
    fixing = {
        setting.variable
        for section in configuration.sections()
        for setting in section.settings().values()
        if setting.variable
    }
    read = fixing | names_read_by(
        "restai_site/settings.py",
        "restai_site/embedded/installation.py",
        "restai_site/embedded/run.py",
    )
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = [match[1] for line in lines if (match := re.match(r"#?([A-Z_]+)=", line))]
    assert sorted(listed) == sorted(read)


def test_the_sample_values_of_the_example_are_the_ones_that_are_refused():
    text = (ROOT / ".env.example").read_text()
    for name, sample in SAMPLES.items():
        assert f"#{name}={sample}\n" in text
