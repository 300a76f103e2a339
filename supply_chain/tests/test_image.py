"""What the Dockerfile claims of the image, as far as it can be seen without building it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from restai_site.embedded import web
from restai_site.embedded.installation import SECRETS
from supply_chain.check import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
# Instructions, with continued lines joined, without comments.
LINES = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in LINES if line.strip()]
LAST_STAGE = INSTRUCTIONS[max(i for i, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
IGNORED = [
    line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")
]
SECRET_WORDS = re.compile(r"SECRET|PASSWORD|TOKEN|PEPPER|_KEY\b|DATABASE_URL|REDIS_URL")


def of_kind(word, instructions=None):
    return [rest for kind, rest in instructions or INSTRUCTIONS if kind == word]


def is_sent(path):
    """Return whether a file goes to the build: the last pattern that fits it or its folder says."""
    parts = path.split("/")
    places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    sent = True
    for line in IGNORED:
        pattern = line.removeprefix("!")
        shape = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(shape, place) for place in places):
            sent = line.startswith("!")
    return sent


def test_it_runs_as_a_number_that_is_not_root_and_stays_so():
    last = [rest for kind, rest in LAST_STAGE if kind == "USER"]
    assert last == ["10001:10001"]
    after = LAST_STAGE[LAST_STAGE.index(("USER", "10001:10001")) :]
    assert {kind for kind, _ in after} == {"USER", "EXPOSE", "HEALTHCHECK", "CMD"}


def test_no_secret_is_in_a_layer():
    assert of_kind("ARG") == []
    names = [word.split("=")[0] for line in of_kind("ENV") for word in shlex.split(line)]
    assert not [name for name in names if SECRET_WORDS.search(name)]
    assert not [line for line in of_kind("RUN") if SECRET_WORDS.search(line)]
    assert not [line for line in of_kind("COPY") if SECRET_WORDS.search(line.upper())]


def test_everything_installed_is_pinned_with_hashes_and_built_already_but_for_one_package():
    installs = [line for line in of_kind("RUN") if re.search(r"\bpip (install|download)\b", line)]
    pinned = "pip install --only-binary :all: --require-hashes "
    assert installs == [
        f"{pinned}--requirement requirements.txt",
        f"{pinned}--target /tools --requirement requirements-build.txt",
        # Nothing is fetched to build it, and only the pinned tools are run.
        (
            "PYTHONPATH=/tools pip install --only-binary :all: --no-binary python-ldap "
            "--no-build-isolation --require-hashes --constraint requirements.txt "
            "--requirement requirements-ldap.txt"
        ),
    ]
    assert of_kind("ADD") == []
    assert not re.search(r"\b(curl|wget|apk|git)\b", " ".join(of_kind("RUN")))


def test_it_is_built_as_make_run_builds_it():
    script = (ROOT / "scripts" / "bootstrap").read_text()
    (tools,) = re.findall(r"(?m)^ldap_packages=\((.*)\)$", script)
    assert of_kind("RUN")[0] == (
        f"apt-get update && apt-get install --yes --no-install-recommends {tools}"
    )
    for words in ("--no-binary python-ldap --no-build-isolation", "--constraint requirements.txt"):
        assert words in script


def test_the_last_stage_takes_only_what_the_first_has_made_and_the_library_of_ldap():
    (run,) = of_kind("RUN", LAST_STAGE)
    assert run == (
        "apt-get update && apt-get install --yes --no-install-recommends libldap2 "
        "&& rm -rf /var/lib/apt/lists/*"
    )
    assert all(line.startswith("--from=build ") for line in of_kind("COPY", LAST_STAGE))


def test_the_root_file_system_may_be_read_only():
    (environment,) = of_kind("ENV", LAST_STAGE)
    values = dict(word.split("=", 1) for word in shlex.split(environment))
    assert values["HOME"] == "/tmp"  # noqa: S108
    assert values["CELERY_BEAT_SCHEDULE_FILE"].startswith("/tmp/")  # noqa: S108
    assert values["PYTHONDONTWRITEBYTECODE"] == "1"
    assert of_kind("VOLUME") == []


def test_any_user_id_may_read_what_the_image_holds():
    (prepare,) = [line for line in of_kind("RUN") if "collectstatic" in line]
    assert prepare.endswith("&& chmod -R a+rX /app")


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".env.production", "accounts/.env", ".git/config", "deploy.pem", "id_rsa",
        "var/secrets/SECRET_KEY", "dump.sql", "backup.tar.gz", "node_modules/x/index.js",
        "build/sbom.cdx.json", "secrets/key", "restai_site/tests/world.py", "compose.yaml",
        "accounts/__pycache__/models.pyc", ".venv/bin/python", "restai_site/embedded/run.py",
    ],
)  # fmt: skip
def test_what_the_server_does_not_need_is_not_sent_to_the_build(path):
    assert not is_sent(path)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The files of the image, laid out and prepared as the Dockerfile does it."""
    folder = tmp_path_factory.mktemp("image") / "app"
    for parent, folders, names in os.walk(ROOT):
        place = os.path.relpath(parent, ROOT)
        folders[:] = [name for name in folders if is_sent(os.path.normpath(f"{place}/{name}"))]
        for name in names:
            path = os.path.normpath(f"{place}/{name}")
            if is_sent(path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
    (prepare,) = [line for line in of_kind("RUN") if "collectstatic" in line]
    command = prepare.replace("/app", str(folder))
    # As from a checkout of somebody who lets nobody else read.
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=tools, check=True, umask=0o077)
    return folder


def test_every_app_is_in_the_image_and_no_test(image):
    local = [name for name in settings.INSTALLED_APPS if (ROOT / name.split(".")[0]).is_dir()]
    assert len(local) > 8
    for name in local:
        assert (image / name.split(".")[0] / "__init__.py").is_file()
    assert not list(image.rglob("tests"))
    assert (image / "staticfiles" / "staticfiles.json").is_file()


def test_the_image_holds_nothing_that_only_one_user_may_read(image):
    for path in [image, *image.rglob("*")]:
        wanted = 0o555 if path.is_dir() else 0o444
        assert path.stat().st_mode & wanted == wanted, path


@pytest.mark.parametrize("door", ["import of the server", "worker", "manage.py"])
def test_the_image_has_all_that_its_programs_load(image, door):
    """Each gets as far as it can without a database."""
    commands = {
        "import of the server": ["-c", "import restai_site.asgi; print('loaded')"],
        "worker": ["-c", "import restai_site.celery as c; c.app.loader.import_default_modules()"],
        "manage.py": ["manage.py", "check"],
    }
    values = {name: make() for name, make in SECRETS.items()}
    values |= {"DATABASE_URL": "postgresql://a@localhost/b", "REDIS_URL": "redis://localhost"}
    values |= {"PATH": os.environ["PATH"], "STATIC_ROOT": str(image / "staticfiles")}
    done = subprocess.run(
        [sys.executable, *commands[door]],
        cwd=image,
        env=values,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_image_starts_the_server_as_make_run_does():
    (command,) = of_kind("CMD")
    options = set(re.findall(r"--[\w-]+", command)) - {"--host", "--port", "--workers"}
    ours = {word for word in web.command("127.0.0.1", 8000) if word.startswith("--")}
    assert options <= ours
    assert {"--no-proxy-headers", "--no-server-header", "--no-access-log"} <= options
