"""A backup holds everything, goes into an empty database alone, and its trail is verified there."""

import os
import shutil
import subprocess
import sys
import zipfile
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from accounts.models import User
from audit.chain.sealing import seal_waiting
from audit.models import Entry, Seal
from audit.tests.chain.trail import sql
from catalog.models import ProviderAccount
from inference.models import Conversation, Message
from restai_site.backup import manifest
from restai_site.tests.clients import start_session
from restai_site.tests.server import ROOT, database_url
from restai_site.tests.world import SYSTEM
from teams.services import rename_team

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def manage(*arguments, database, **environment):
    """Run a command as an operator does; return how it ended and what it said."""
    command = [sys.executable, "manage.py", *map(str, arguments)]
    variables = {**os.environ, "DATABASE_URL": database, **environment}
    ended = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def made(world, tmp_path):
    """A platform that has been used, and its backup."""
    talk = Conversation.objects.create(project=world.project, user=world.editor, title="Tab\there")
    first = Message.objects.create(conversation=talk, role="user", content="Line\nbreak \\N ü 🦊")
    Message.objects.create(conversation=talk, role="assistant", content="", parent=first)
    start_session(world.editor)
    rename_team(world.alpha, name="Renamed", actor=SYSTEM)
    seal_waiting()
    path = tmp_path / "restai.backup"
    status, said = manage("backup", path, database=database_url())
    assert status == 0, said
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return where the first backup is kept, for tests that ask for one of any platform."""
    return tmp_path_factory.mktemp("kept") / "restai.backup"


@pytest.fixture
def backup(request, kept, tmp_path):
    """A backup of a platform that is gone by now."""
    if not kept.exists():
        shutil.copy(request.getfixturevalue("made"), kept)
    return shutil.copy(kept, tmp_path / "restai.backup")


@pytest.fixture
def empty():
    """The address of a database that holds nothing; it is gone afterwards."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(database_url())
    yield urlunsplit(parts._replace(path=f"/{quote(name)}"))
    with connection.cursor() as cursor:
        # Not by force: that is refused while a vacuum is at work there, which this ends.
        cursor.execute(f"DROP DATABASE {name}")


def rows(address, table):
    with psycopg.connect(address) as other:
        return sorted(map(repr, other.execute(f"SELECT t::text FROM {table} t").fetchall()))  # noqa: S608


def own_rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608  of this file
        return sorted(map(repr, cursor.fetchall()))


def test_everything_is_back_and_its_trail_holds(made, empty, world):
    assert made.stat().st_mode & 0o777 == 0o600
    status, said = manage("restore", made, database=empty)
    assert status == 0, said
    assert "Its audit trail holds" in said
    for table in set(manifest.tables()) - {"audit_entry", "audit_unsealed"}:
        assert rows(empty, table) == own_rows(table), table
    # Of the trail all is there, and that it was restored.
    there = set(rows(empty, "audit_entry"))
    assert set(own_rows("audit_entry")) <= there
    assert any("backup.restore" in row for row in there)
    assert rows(empty, "accounts_session") == []
    status, said = manage("verify_audit", database=empty)
    assert (status, "The trail is as it was written." in said) == (0, True)


def test_the_platform_goes_on_there(made, empty):
    """Numbers go on after the last that was given, and triggers are awake."""
    assert manage("restore", made, database=empty)[0] == 0
    last = Entry.objects.latest("pk").pk
    with psycopg.connect(empty) as other:
        given = other.execute("SELECT nextval(pg_get_serial_sequence('audit_entry', 'id'))")
        assert given.fetchone()[0] > last
        with pytest.raises(psycopg.errors.RaiseException):
            other.execute("DELETE FROM audit_entry")
        other.rollback()
        resting = other.execute(
            "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D'"
        )
        assert resting.fetchone()[0] == 0


def test_secrets_open_there_with_the_same_keys(made, empty):
    assert manage("restore", made, database=empty)[0] == 0
    secret = ProviderAccount.objects.latest("pk").api_key
    read = "from catalog.models import ProviderAccount as P; print(P.objects.latest('pk').api_key)"
    status, said = manage("shell", "-c", read, database=empty)
    assert (status, said.splitlines()[-1]) == (0, secret)


@pytest.mark.parametrize("name", ["FIELD_ENCRYPTION_KEY", "API_KEY_PEPPER"])
def test_without_a_key_it_is_refused_and_the_key_named(backup, empty, name):
    from restai_site.embedded.installation import SECRETS

    status, said = manage("restore", backup, database=empty, **{name: SECRETS[name]()})
    assert status == 1
    assert f"add them to {name}" in said
    with psycopg.connect(empty) as other:
        assert other.execute("SELECT to_regclass('accounts_user')").fetchone() == (None,)


def test_with_another_audit_key_it_is_not_believed(backup, empty):
    from restai_site.embedded.installation import SECRETS

    status, said = manage("restore", backup, database=empty, AUDIT_KEY=SECRETS["AUDIT_KEY"]())
    assert (status, "not signed by a key in AUDIT_KEY" in said) == (1, True)


def test_into_a_database_that_holds_something_it_is_refused(made):
    people = own_rows("accounts_user")
    status, said = manage("restore", made, database=database_url())
    assert (status, "not empty" in said) == (1, True)
    assert own_rows("accounts_user") == people


def changed(path, name, change):
    """Write the archive anew with one member changed."""
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in members.items():
            if data is not None:
                archive.writestr(one, data)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tables/accounts_user", lambda data: data.replace(b"\tf\t", b"\tt\t")),
        ("tables/teams_team", lambda data: b""),
        ("tables/teams_team", lambda data: None),
        ("manifest.json", lambda data: data.replace(b'"rows": 1', b'"rows": 2')),
        ("manifest.json", lambda data: b"{}"),
        ("manifest.json", lambda data: None),
    ],
)
def test_a_backup_that_was_changed_is_refused_and_leaves_nothing(backup, empty, name, change):
    changed(backup, name, change)
    status, said = manage("restore", backup, database=empty)
    assert status == 1, said
    assert "Traceback" not in said
    with psycopg.connect(empty) as other:
        there = other.execute("SELECT to_regclass('accounts_user')").fetchone()[0]
        if there is not None:
            assert other.execute("SELECT count(*) FROM accounts_user").fetchone() == (0,)
            assert other.execute("SELECT count(*) FROM audit_entry").fetchone() == (0,)


def test_what_is_no_backup_is_refused(empty, tmp_path):
    path = tmp_path / "x"
    path.write_text("no backup")
    status, said = manage("restore", path, database=empty)
    assert (status, "no whole backup" in said) == (1, True)
    status, said = manage("restore", tmp_path / "nothing", database=empty)
    assert (status, "cannot be read" in said) == (1, True)


def test_a_trail_that_was_changed_before_the_backup_is_told(world, tmp_path, empty):
    seal_waiting()
    first = Entry.objects.earliest("pk").pk
    sql("UPDATE audit_entry SET actor_email = 'eve@example.org' WHERE id = %s", [first])
    path = tmp_path / "restai.backup"
    assert manage("backup", path, database=database_url())[0] == 0
    status, said = manage("restore", path, database=empty)
    assert (status, "does not hold" in said) == (1, True)


def test_a_file_that_is_there_is_not_overwritten(backup):
    before = backup.read_bytes()
    status, said = manage("backup", backup, database=database_url())
    assert (status, "cannot be written" in said) == (1, True)
    assert backup.read_bytes() == before
    assert [one.name for one in backup.parent.iterdir()] == [backup.name]


def test_no_key_and_no_open_secret_is_in_it(made, world):
    secret = ProviderAccount.objects.get(pk=world.provider.pk).api_key
    with zipfile.ZipFile(made) as archive:
        text = b"".join(archive.read(one) for one in archive.namelist())
    for name in ("FIELD_ENCRYPTION_KEY", "API_KEY_PEPPER", "AUDIT_KEY", "SECRET_KEY"):
        assert os.environ[name].encode() not in text
    assert secret.encode() not in text


def test_it_names_its_checkpoint(made):
    with zipfile.ZipFile(made) as archive:
        said = manifest.read(archive.read("manifest.json"))
    seal = Seal.objects.latest("number")
    assert (said["checkpoint"]["number"], said["checkpoint"]["hash"]) == (seal.number, seal.hash)
    assert said["tables"]["accounts_user"]["rows"] == User.objects.count()
    assert Entry.objects.acts().latest("pk").action == "backup.make"
