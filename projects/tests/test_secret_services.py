"""The services of secrets: names, values, limits, and what is left behind of them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.models import Entry
from projects.models import SECRETS_PER_PROJECT, Project, ProjectSecret
from projects.services import create_secret, delete_project, delete_secret, update_secret
from projects.tests.secrets import (
    VALUE,
    actor_of,
    everything_logged,
    keep,
    lose_the_key,
    spoil,
    stored,
)
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, make_world


def value_of(secret):
    return ProjectSecret.objects.get(pk=secret.pk).value


def test_a_secret_is_kept_encrypted_with_who_set_it(world):
    made = create_secret(
        world.project,
        name="TOKEN",
        value=VALUE,
        description="Payments",
        actor=actor_of(world.editor),
    )
    kept = ProjectSecret.objects.get(pk=made.pk)
    assert (kept.name, kept.value, kept.description) == ("TOKEN", VALUE, "Payments")
    assert (kept.project, kept.set_by) == (world.project, world.editor)
    assert stored(made).startswith("gAAAA")
    assert tables_holding("hunter2") == []


def test_a_new_value_says_when_and_by_whom_it_was_set(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    update_secret(secret, {"value": "second"}, actor=actor_of(world.team_admin))
    after = ProjectSecret.objects.get(pk=secret.pk)
    assert (after.value, after.set_by) == ("second", world.team_admin)
    assert after.set_at > secret.set_at
    assert after.created_at == secret.created_at


def test_a_new_description_leaves_the_value_and_its_date(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    before = stored(secret)
    update_secret(secret, {"description": "New"}, actor=actor_of(world.editor))
    after = ProjectSecret.objects.get(pk=secret.pk)
    assert (after.description, after.set_at, after.set_by) == ("New", secret.set_at, None)
    assert stored(secret) == before


def test_neither_the_name_nor_the_project_can_change(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    for values in ({"name": "OTHER"}, {"project": world.other_project}, {"set_by": world.viewer}):
        with pytest.raises(Invalid, match="cannot be set here"):
            update_secret(secret, values, actor=SYSTEM)
    secret.refresh_from_db()
    assert (secret.name, secret.project) == ("TOKEN", world.project)


# --- Names and values -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "token",
        "1A",
        "_A",
        "A-B",
        "A B",
        "A\n",
        "Ä",
        "A" * 65,
        "A.B",
        "{{secret.A}}",
        "A\0",
    ],
)
def test_a_name_is_that_of_an_environment_variable(world, name):
    with pytest.raises(Invalid) as caught:
        create_secret(world.project, name=name, value="x", actor=SYSTEM)
    assert list(caught.value.fields) == ["name"]
    assert not ProjectSecret.objects.exists()


@pytest.mark.parametrize("name", ["A", "A1_", "A" * 64, "SECRET", "PATH"])
def test_names_up_to_64_characters_are_taken(world, name):
    assert create_secret(world.project, name=name, value="x", actor=SYSTEM).name == name


@pytest.mark.parametrize("name", ["a", "1A", "A\n", "A-B"])
def test_the_database_refuses_other_names_too(world, name):
    secret = keep(world.project, TOKEN="x")["TOKEN"]
    with (
        pytest.raises(IntegrityError, match="project_secret_name_is_a_name"),
        transaction.atomic(),
    ):
        ProjectSecret.objects.filter(pk=secret.pk).update(name=name)


def test_the_database_refuses_a_secret_without_a_value(world):
    with pytest.raises(IntegrityError, match="has_a_value"), transaction.atomic():
        ProjectSecret.objects.create(
            project=world.project, name="A", value="", set_at=world.project.created_at
        )


@pytest.mark.parametrize(
    "value", ["x", " ", "\n", "🔑" * 8192, "\u202e", "{{secret.A}}", "********"]
)
def test_any_text_of_1_to_8192_characters_comes_back_as_it_went_in(world, value):
    assert value_of(create_secret(world.project, name="A", value=value, actor=SYSTEM)) == value


@pytest.mark.parametrize("value", ["", "x" * 8193, "a\0b", "\0", "a\ud800"])
def test_other_values_are_refused_without_being_repeated(world, value):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    for write in (
        lambda: create_secret(world.project, name="NEW", value=value, actor=SYSTEM),
        lambda: update_secret(secret, {"value": value}, actor=SYSTEM),
    ):
        with pytest.raises(Invalid) as caught:
            write()
        assert list(caught.value.fields) == ["value"]
        assert not value or value not in str(caught.value)
    assert value_of(secret) == "first"
    assert ProjectSecret.objects.count() == 1


def test_a_name_is_taken_once_in_a_project_and_free_in_others(world):
    keep(world.project, TOKEN="first")
    with pytest.raises(Conflict) as caught:
        create_secret(world.project, name="TOKEN", value="second", actor=SYSTEM)
    assert list(caught.value.fields) == ["name"]
    keep(world.shared_project, TOKEN="third")
    values = {row.project_id: row.value for row in ProjectSecret.objects.all()}
    assert values == {world.project.pk: "first", world.shared_project.pk: "third"}


# --- How many ---------------------------------------------------------------------------------


def fill(project, count):
    ProjectSecret.objects.bulk_create(
        ProjectSecret(project=project, name=f"S{n}", value="x", set_at=project.created_at)
        for n in range(count)
    )


def test_a_project_has_a_hundred_secrets_at_most(world):
    fill(world.project, 99)
    create_secret(world.project, name="LAST", value="x", actor=SYSTEM)
    with pytest.raises(Conflict, match="100 secrets at most") as caught:
        create_secret(world.project, name="ONE_MORE", value="x", actor=SYSTEM)
    assert caught.value.code == "too_many_secrets"
    assert world.project.secrets.count() == SECRETS_PER_PROJECT == 100
    create_secret(world.shared_project, name="ELSEWHERE", value="x", actor=SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_of_four_who_add_the_hundredth_at_once_one_succeeds():
    world = make_world()
    fill(world.project, 99)
    start = Barrier(4)

    def add(number):
        start.wait()
        try:
            create_secret(world.project, name=f"NEW_{number}", value="x", actor=SYSTEM)
        except Conflict:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(add, range(4)))
    assert sorted(outcomes) == ["done", "refused", "refused", "refused"]
    assert world.project.secrets.count() == 100


# --- Who --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "member", "outsider", "outsider_admin"])
def test_who_may_not_edit_the_project_changes_nothing(world, role):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    before, entries = list(ProjectSecret.objects.values()), Entry.objects.acts().count()
    actor = actor_of(getattr(world, role))
    for write in (
        lambda: create_secret(world.project, name="NEW", value="x", actor=actor),
        lambda: update_secret(secret, {"value": "x"}, actor=actor),
        lambda: delete_secret(secret, actor=actor),
    ):
        with pytest.raises(Forbidden):
            write()
    assert (list(ProjectSecret.objects.values()), Entry.objects.acts().count()) == (before, entries)


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("platform_admin", ["OTHERS", "OURS", "SHARED"]),
        ("team_admin", ["OURS", "SHARED"]),
        ("editor", ["OURS"]),
        ("viewer", []),
        ("member", []),
        ("outsider", []),
        ("outsider_admin", ["OTHERS"]),
    ],
)
def test_even_names_are_for_those_alone_who_may_edit(world, role, names):
    keep(world.project, OURS="x")
    keep(world.shared_project, SHARED="x")
    keep(world.other_project, OTHERS="x")
    actor = actor_of(getattr(world, role))
    for rows in (ProjectSecret.objects.visible_to(actor), ProjectSecret.objects.editable_by(actor)):
        assert list(rows.order_by("name").values_list("name", flat=True)) == names


# --- What is left behind ----------------------------------------------------------------------


def test_the_trail_names_the_secret_and_never_the_value(world):
    actor = actor_of(world.editor)
    secret = create_secret(world.project, name="TOKEN", value=VALUE, actor=actor)
    update_secret(secret, {"value": f"{VALUE}2", "description": "New"}, actor=actor)
    delete_secret(secret, actor=actor)
    entries = Entry.objects.filter(target_type="projects.projectsecret").order_by("id")
    shown = [(e.action, e.target_name, e.team_id, e.actor_email) for e in entries]
    assert shown == [
        (f"project_secret.{verb}", "TOKEN", world.alpha.pk, "editor@example.org")
        for verb in ("create", "update", "delete")
    ]
    project = {"id": world.project.pk, "name": "Private"}
    assert [entry.changes for entry in entries] == [
        {"project": project, "value": "changed", "description": ""},
        {
            "project": project,
            "description": {"before": "", "after": "New"},
            "value": {"before": "changed", "after": "changed"},
        },
        {"project": project},
    ]
    assert "hunter2" not in str(list(Entry.objects.values()))
    assert tables_holding("hunter2") == []


def test_replacing_a_value_by_itself_is_recorded_like_any_other(world):
    """Otherwise whoever may replace it could try what it is and read the answer in the trail."""
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    update_secret(secret, {"value": "first"}, actor=SYSTEM)
    assert Entry.objects.acts().latest("id").action == "project_secret.update"
    assert ProjectSecret.objects.get(pk=secret.pk).set_at > secret.set_at


def test_a_change_of_nothing_is_not_recorded(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    before = Entry.objects.acts().count()
    update_secret(secret, {"description": ""}, actor=SYSTEM)
    update_secret(secret, {}, actor=SYSTEM)
    assert Entry.objects.acts().count() == before


def test_no_write_logs_a_value_not_even_its_statement(world, caplog):
    with everything_logged(caplog):
        secret = create_secret(world.project, name="TOKEN", value=VALUE, actor=SYSTEM)
        update_secret(secret, {"value": f"{VALUE}2"}, actor=SYSTEM)
        with pytest.raises(Conflict):
            create_secret(world.project, name="TOKEN", value=VALUE, actor=SYSTEM)
        delete_secret(secret, actor=SYSTEM)
    assert 'INSERT INTO "projects_projectsecret"' in caplog.text
    assert 'UPDATE "projects_projectsecret"' in caplog.text
    assert not any(part in caplog.text for part in ("hunter2", "Ünïcode", "秘密"))


def test_the_secrets_of_a_project_go_with_it(world):
    keep(world.project, TOKEN="x", OTHER="y")
    kept = keep(world.shared_project, TOKEN="z")["TOKEN"]
    delete_project(world.project, actor=actor_of(world.team_admin))
    assert list(ProjectSecret.objects.values_list("pk", flat=True)) == [kept.pk]


def test_a_secret_outlives_who_set_it(world):
    secret = create_secret(world.project, name="TOKEN", value="first", actor=actor_of(world.editor))
    User.objects.filter(pk=world.editor.pk).delete()
    secret.refresh_from_db()
    assert (secret.value, secret.set_by) == ("first", None)


def test_with_a_lost_key_secrets_can_still_be_replaced_and_deleted(world, monkeypatch):
    made = keep(world.project, TOKEN="first", OTHER="second", THIRD="third")
    lose_the_key(monkeypatch)
    update_secret(made["TOKEN"], {"value": "again"}, actor=SYSTEM)
    assert value_of(made["TOKEN"]) == "again"
    delete_secret(made["OTHER"], actor=SYSTEM)
    spoil(made["THIRD"])
    delete_project(world.project, actor=SYSTEM)
    assert not ProjectSecret.objects.exists()
    assert not Project.objects.filter(pk=world.project.pk).exists()


def test_what_was_deleted_a_moment_ago_is_not_recorded_again(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    twice = ProjectSecret.objects.get(pk=secret.pk)
    delete_secret(secret, actor=SYSTEM)
    before = Entry.objects.acts().count()
    for write in (
        lambda: delete_secret(twice, actor=SYSTEM),
        lambda: update_secret(twice, {"value": "x"}, actor=SYSTEM),
    ):
        with pytest.raises(ProjectSecret.DoesNotExist):
            write()
    assert Entry.objects.acts().count() == before


def test_neither_text_nor_representation_of_a_row_shows_the_value(world):
    secret = keep(world.project, TOKEN=VALUE)["TOKEN"]
    for shown in (str(secret), repr(secret), f"{secret}", repr(ProjectSecret.objects.all())):
        assert "TOKEN" in shown
        assert "hunter2" not in shown
    assert secret.reference == "{{secret.TOKEN}}"
