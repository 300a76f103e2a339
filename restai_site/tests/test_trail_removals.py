"""The pages of removals: asked for, confirmed or withdrawn, and refused in words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.chain.sealing import seal_waiting
from audit.models import Entry, Removal, Seal
from audit.tests.chain.trail import sql
from restai_site.tests.world import make_user

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/audit/removals"
LONG_AGO = (timezone.now() - timedelta(days=95)).date().isoformat()


@pytest.fixture
def old(world):
    seal_waiting()
    # What was sealed is what counts here; how the chain takes it is another file's.
    sql("UPDATE audit_seal SET sealed_at = now() - interval '100 days'")
    return Seal.objects.get()


def test_a_removal_is_asked_for_and_confirmed_by_somebody_else(old, world, as_user):
    browser = as_user(world.platform_admin)
    assert "Nothing was ever removed" in browser.get(PAGE).content.decode()
    assert browser.post(PAGE, {"before": LONG_AGO}).status_code == 302
    row = Removal.objects.get()
    assert row.entries == len(old.entry_ids)
    page = browser.get(PAGE).content.decode()
    assert "Waits to be confirmed" in page
    assert world.platform_admin.email in page
    answer = browser.post(f"{PAGE}/{row.pk}/confirm", follow=True)
    assert "after a day at the earliest" in answer.content.decode()
    row.refresh_from_db()
    assert row.is_waiting
    second = as_user(make_user("second-admin", is_platform_admin=True))
    assert second.post(f"{PAGE}/{row.pk}/confirm").status_code == 302
    assert "Being removed" in second.get(PAGE).content.decode()
    assert Entry.objects.acts().latest("pk").action == "audit.purge_confirm"


def test_it_is_withdrawn(old, world, as_user):
    browser = as_user(world.platform_admin)
    browser.post(PAGE, {"before": LONG_AGO})
    row = Removal.objects.get()
    assert browser.post(f"{PAGE}/{row.pk}/withdraw").status_code == 302
    assert "Withdrawn" in browser.get(PAGE).content.decode()
    answer = browser.post(f"{PAGE}/{row.pk}/withdraw", follow=True)
    assert "does not wait for an answer" in answer.content.decode()


@pytest.mark.parametrize("before", ["", "yesterday", timezone.now().date().isoformat()])
def test_nonsense_and_the_young_are_refused(old, world, as_user, before):
    answer = as_user(world.platform_admin).post(PAGE, {"before": before})
    assert answer.status_code == 400
    assert not Removal.objects.exists()


def test_others_do_not_come_in(old, world, as_user):
    row = Removal.objects.create(before=timezone.now(), number=1, entries=1, asked_by="x")
    for name in ("team_admin", "editor", "outsider_admin"):
        browser = as_user(getattr(world, name))
        assert browser.get(PAGE).status_code == 403
        for act in ("confirm", "withdraw"):
            assert browser.post(f"{PAGE}/{row.pk}/{act}").status_code == 403
    row.refresh_from_db()
    assert row.is_waiting


def test_the_list_asks_the_same_however_long(old, world, as_user, django_assert_max_num_queries):
    browser = as_user(world.platform_admin)
    for count in (1, 30):
        for _ in range(count):
            Removal.objects.create(
                before=timezone.now(), number=1, entries=1, asked_by="x", state="withdrawn"
            )
        with django_assert_max_num_queries(8):
            assert browser.get(PAGE).status_code == 200
