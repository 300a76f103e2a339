"""Nothing changes or removes an entry: not the ORM, not SQL, not the end of what it speaks of."""

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AppendOnlyError, Entry
from teams.models import Team


@pytest.fixture
def entry(world):
    return Entry.objects.acts().latest("id")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_email = 'nobody'",
        "UPDATE audit_entry SET id = id",
        "DELETE FROM audit_entry",
        "INSERT INTO audit_entry TABLE audit_entry ON CONFLICT (id) DO UPDATE SET status = 500",
    ],
)
def test_the_database_refuses_to_change_or_remove_entries(entry, statement):
    before = list(Entry.objects.order_by("id").values())
    with (
        pytest.raises(DatabaseError, match="neither changed nor removed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert list(Entry.objects.order_by("id").values()) == before


def test_the_database_refuses_to_empty_the_table(entry):
    """The trigger rests during tests, so that transactional ones can clear up."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_no_truncate")
    with (
        pytest.raises(DatabaseError, match="neither changed nor removed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE audit_entry")
    assert Entry.objects.filter(pk=entry.pk).exists()


def test_the_orm_refuses_before_the_database_has_to(entry):
    attempts = [
        entry.save,
        entry.delete,
        lambda: Entry.objects.all().delete(),
        lambda: Entry.objects.filter(pk=entry.pk).update(status=1),
        lambda: Entry.objects.bulk_update([entry], ["status"]),
        lambda: Entry.objects.update_or_create(pk=entry.pk, defaults={"status": 1}),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnlyError):
            attempt()


def test_entries_outlive_what_they_speak_of(world):
    written = Entry.objects.filter(team_id=world.alpha.pk).count()
    world.project.delete()
    world.shared_project.delete()
    number = world.alpha.pk
    Team.objects.filter(pk=number).delete()
    world.viewer.delete()
    assert Entry.objects.filter(team_id=number).count() == written


def test_nothing_under_the_api_or_the_administration_changes_an_entry(world, as_user, entry):
    browser = as_user(world.platform_admin)
    path = f"/api/audit/{entry.pk}"
    for send in (browser.post, browser.put, browser.patch, browser.delete):
        assert send(path, {"status": 1}, content_type="application/json").status_code == 405
    assert browser.post(f"/admin/audit/entry/{entry.pk}/change/", {"status": 1}).status_code == 403
    assert (
        browser.post(f"/admin/audit/entry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    action = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    browser.post("/admin/audit/entry/", action)
    assert Entry.objects.get(pk=entry.pk).status == entry.status
