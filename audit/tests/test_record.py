"""record() keeps a change and its entry together, and keeps secrets and tricks out of it."""

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from accounts.services import create_api_key, create_user
from audit.models import Entry
from audit.services import changes_of, plain, record
from catalog.models import ProviderAccount
from catalog.services import create_provider, update_provider
from restai_site.lib.actor import Actor
from restai_site.tests.world import SYSTEM, acting
from teams.models import Team
from teams.services import create_team


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_refuses():
    with pytest.raises(TransactionManagementError):
        record(SYSTEM, "x.test", Team(pk=1, name="x"))
    assert not Entry.objects.acts().exists()


@pytest.mark.django_db
def test_a_change_that_is_rolled_back_leaves_no_entry():
    with transaction.atomic():
        create_team(name="Short-lived", actor=SYSTEM)
        transaction.set_rollback(True)
    assert not Team.objects.filter(name="Short-lived").exists()
    assert not Entry.objects.filter(target_name="Short-lived").exists()


def test_the_entry_says_who_did_what_to_what_from_where(world):
    actor = Actor(
        user_id=world.platform_admin.pk,
        email="platform-admin@example.org",
        is_platform_admin=True,
        credential="key:7",
        api_key_id=7,
        impersonator_id=3,
        impersonator_email="boss@example.org",
        ip="2001:db8::1",
        user_agent="curl/8",
        request_id="request-1",
    )
    team = create_team(name="Gamma", actor=actor)
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.target_type, entry.target_id, entry.target_name) == (
        "team.create",
        "teams.team",
        str(team.pk),
        "Gamma",
    )
    assert (entry.actor_email, entry.credential, entry.impersonator_email) == (
        "platform-admin@example.org",
        "key:7",
        "boss@example.org",
    )
    assert (entry.ip, entry.user_agent, entry.request_id) == ("2001:db8::1", "curl/8", "request-1")
    changes = {"name": "Gamma", "time_zone": "UTC"}
    assert (entry.team_id, entry.status, entry.changes) == (team.pk, 200, changes)


def test_no_secret_is_in_any_entry(world):
    provider = create_provider(
        {"name": "P", "kind": "openai", "api_key": "sk-first-secret"}, actor=SYSTEM
    )
    update_provider(provider, {"api_key": "sk-second-secret"}, actor=SYSTEM)
    create_user(email="x@example.org", password="correct horse battery", actor=SYSTEM)
    own = acting(world.viewer)
    plaintext = create_api_key(world.viewer, name="k", actor=own)[1]
    trail = str(list(Entry.objects.values()))
    for secret in ("sk-first-secret", "sk-second-secret", "correct horse", plaintext):
        assert secret not in trail


def test_changes_of_a_secret_field_say_only_that_it_changed():
    row = ProviderAccount(name="P", api_key="old")
    assert changes_of(row, {"api_key": "new", "name": "P"}) == {
        "api_key": {"before": "changed", "after": "changed"}
    }


@pytest.mark.django_db
def test_control_characters_cannot_forge_a_line():
    create_team(name="A\r\n2026-01-01 admin deleted\x1b[31m \u202etxt", actor=SYSTEM)
    entry = Entry.objects.acts().latest("id")
    for text in (entry.target_name, entry.changes["name"]):
        assert text.isprintable()
        assert text.startswith("A\\r\\n2026-01-01 admin deleted\\x1b[31m \\u202etxt")


@pytest.mark.django_db
def test_huge_values_are_cut():
    actor = Actor(user_id=None, email="", is_platform_admin=True, user_agent="x" * 5000)
    with transaction.atomic():
        record(actor, "x.test", Team(pk=1, name="n" * 5000), changes={"text": "y" * 100_000})
    entry = Entry.objects.acts().latest("id")
    assert len(entry.user_agent) == 200
    assert len(entry.target_name) == 200
    assert len(entry.changes["text"]) == 500


def test_values_that_json_cannot_hold_become_text():
    assert plain({"a": {1, 2}, 3: b"x"})["3"] == "b'x'"
    assert plain(Team(pk=5, name="T")) == {"id": 5, "name": "T"}
    assert plain(float("nan")) == "nan"
    assert plain(float("inf")) == "inf"
