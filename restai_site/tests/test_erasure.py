"""Erasing people: everything of theirs goes, and their name from the audit trail."""

import pytest
from django.utils import timezone

from accounts.models import ApiKey, IdentityProvider, LinkedAccount, MailedLink, Session, User
from accounts.services import delete_user, erase_deleted, erase_user
from audit.chain.sealing import seal_waiting
from audit.chain.trail import verify_trail
from audit.models import Entry, Erasure
from audit.tasks import erase, look_after_erasures
from inference.models import Conversation
from projects.models import ProjectInvitation
from projects.retention import engine
from projects.retention.kinds import kind_named
from projects.services import update_project
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.background import waiting
from restai_site.tests.tables import keys_holding, tables_holding
from restai_site.tests.test_personal_data import used
from restai_site.tests.world import SYSTEM, acting
from teams.models import Invitation

__all__ = ["used"]
pytestmark = pytest.mark.django_db(transaction=True)
OLD = "old.editor@example.org"


@pytest.fixture
def known(used):
    """An editor who has left traces everywhere, under two addresses."""
    editor = used.editor
    update_project(used.project, {"description": "Mine"}, actor=acting(editor, ip="192.0.2.44"))
    now = timezone.now()
    MailedLink.objects.create(
        user=editor,
        email=OLD,
        purpose="email_change",
        digest="1" * 64,
        created_at=now,
        expires_at=now,
    )
    Invitation.objects.create(team=used.beta, email=editor.email, role="member", digest="2" * 64)
    ProjectInvitation.objects.create(
        project=used.other_project, email=editor.email, role="viewer", digest="3" * 64
    )
    engine.purge(kind_named("sessions"), actor=acting(editor))
    return used


def erased(user, actor=SYSTEM):
    row = erase_user(user, actor=actor)
    assert ("audit.erase", [row.pk]) in [(job.task, job.args) for job in waiting()]
    erase(row.pk)
    row.refresh_from_db()
    assert row.finished_at is not None
    return row


def test_nothing_of_the_person_is_left(known):
    editor_id, email = known.editor.pk, known.editor.email
    for text in (email, "Said by editor", "Asked by editor", "Found of editor", OLD):
        assert tables_holding(text), text
    row = erased(known.editor)
    for text in (email, "Said by editor", "Asked by editor", "Found of editor", OLD):
        assert tables_holding(text) == [], text
    assert keys_holding(email) == []
    for model in (ApiKey, Session, Conversation):
        assert not model.objects.filter(user_id=editor_id).exists()
    entries = Entry.objects.filter(actor_id=editor_id)
    assert entries.exists()
    assert set(entries.values_list("actor_email", flat=True)) == {row.pseudonym}
    assert set(entries.values_list("ip", flat=True)) == {None}
    # Others' words are where they were.
    assert tables_holding("Said by viewer")


def test_the_trail_holds_and_tells_who_has_asked(known):
    row = erased(known.editor, actor=acting(known.platform_admin))
    seal_waiting()
    assert verify_trail().problems == []
    acts = Entry.objects.filter(target_type="accounts.user", target_name=row.pseudonym)
    assert {"user.erase", "user.delete"} <= set(acts.values_list("action", flat=True))
    asked = acts.get(action="user.erase")
    assert asked.actor_email == known.platform_admin.email
    done = Entry.objects.get(action="audit.erase")
    assert (done.target_name, done.changes) == (row.pseudonym, {"entries": row.entries})


def test_somebody_who_was_deleted_before(known):
    user_id, email = known.editor.pk, known.editor.email
    delete_user(known.editor, actor=SYSTEM)
    assert "audit_entry" in tables_holding(email)
    row = erase_deleted(user_id, actor=SYSTEM)
    erase(row.pk)
    assert tables_holding(email) == []


def test_somebody_who_never_did_anything(world):
    row = erased(world.member)
    assert tables_holding(world.member.email) == []
    assert row.entries >= 1


def test_refused(known):
    with pytest.raises(Conflict):
        erase_deleted(known.editor.pk, actor=SYSTEM)
    with pytest.raises(Invalid):
        erase_deleted(2**40, actor=SYSTEM)
    for actor in (
        acting(known.team_admin),
        acting(known.platform_admin, session_id=None, credential="key:1", api_key_id=1),
        acting(known.platform_admin, impersonator_id=1),
    ):
        with pytest.raises(Forbidden):
            erase_user(known.editor, actor=actor)
        with pytest.raises(Forbidden):
            erase_deleted(2**40, actor=actor)
    assert Erasure.objects.count() == 0
    assert User.objects.filter(pk=known.editor.pk).exists()


def test_administrators_do_not_erase_themselves(known):
    with pytest.raises(Conflict):
        erase_user(known.platform_admin, actor=acting(known.platform_admin))
    assert Erasure.objects.count() == 0


def test_by_the_api(known, as_user):
    browser = as_user(known.platform_admin)
    email = known.editor.email
    answer = browser.post("/api/erasures", {"user_id": known.editor.pk}, "application/json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["finished_at"] is None
    look_after_erasures()
    shown = browser.get(f"/api/erasures/{answer.json()['id']}").json()
    assert shown["finished_at"]
    assert shown["pseudonym"].endswith("@erased.invalid")
    look_after_erasures()
    assert tables_holding(email) == []


def test_by_the_pages(known, as_user):
    browser = as_user(known.platform_admin)
    path = f"/users/{known.editor.pk}/erase"
    browser.post(path, {"confirmation": "other"})
    assert User.objects.filter(pk=known.editor.pk).exists()
    answer = browser.post(path, {"confirmation": known.editor.email})
    assert answer["Location"] == "/audit/erasures"
    assert "Being erased" in browser.get("/audit/erasures").content.decode()
    look_after_erasures()
    row = Erasure.objects.get()
    page = browser.get("/audit/erasures").content.decode()
    assert "Being erased" not in page
    assert row.pseudonym[:20] in page
    # The number of an account that is gone already: asked again, gone over again.
    browser.post("/audit/erasures", {"user_id": row.subject_id})
    row.refresh_from_db()
    assert row.finished_at is None
    assert browser.post("/audit/erasures", {"user_id": 2**40}).status_code == 400


def test_addresses_of_accounts_elsewhere_go_too(known):
    provider = IdentityProvider.objects.create(slug="company", kind="google", name="Company")
    LinkedAccount.objects.create(
        user=known.editor, provider=provider, subject="s", email="else@example.org"
    )
    erased(known.editor)
    assert tables_holding("else@example.org") == []
