"""Sealing: in order, once, beside writers; and codes that the database cannot spoil."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from audit.chain import content, sealing
from audit.chain.keys import keys
from audit.chain.sealing import is_authentic, seal_waiting
from audit.chain.trail import verify_trail
from audit.models import AppendOnlyError, Entry, Seal, Unsealed
from audit.services import record
from audit.tests.chain.trail import sealed, write
from restai_site.embedded.keys import fernet_key
from restai_site.lib.actor import Actor
from restai_site.tests.world import SYSTEM

VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.decimals(),
        st.binary(), st.datetimes(), st.uuids(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


class TestOneAtATime:
    pytestmark = pytest.mark.django_db

    def test_nothing_waits_and_nothing_is_sealed(self, db):
        seal_waiting()
        assert seal_waiting() is None

    def test_what_waits_is_sealed_once_and_in_order(self, db):
        seal_waiting()
        before = Seal.objects.count()
        written = [entry.pk for entry in write(5)]
        seal = seal_waiting()
        assert (seal.entry_ids, seal.number) == (written, before + 1)
        assert not Unsealed.objects.exists()

    def test_many_are_sealed_in_batches(self, db, monkeypatch):
        seal_waiting()
        monkeypatch.setattr(sealing, "BATCH", 3)
        write(8)
        seal_waiting()
        sizes = [len(seal.entry_ids) for seal in Seal.objects.order_by("-number")[:3]]
        assert sizes == [2, 3, 3]
        assert verify_trail_here().holds

    def test_what_is_taken_back_is_not_sealed(self, db):
        seal_waiting()
        with transaction.atomic():
            write()
            transaction.set_rollback(True)
        assert seal_waiting() is None

    def test_a_new_key_goes_on_and_the_old_one_is_believed(self, db, settings):
        sealed(2)
        old = list(settings.AUDIT_KEY)
        settings.AUDIT_KEY = [fernet_key(), *old]
        sealed(2)
        first, second = Seal.objects.order_by("-number")[:2]
        assert first.key_id != second.key_id
        assert verify_trail_here().holds
        settings.AUDIT_KEY = settings.AUDIT_KEY[:1]
        assert not verify_trail_here().holds

    def test_seals_cannot_be_changed_or_removed(self, db):
        sealed(1)
        seal = Seal.objects.latest("number")
        for attempt in (seal.save, seal.delete, Seal.objects.all().delete):
            with pytest.raises(AppendOnlyError):
                attempt()
        with pytest.raises(AppendOnlyError):
            Seal.objects.update(previous="")
        for statement in ("UPDATE audit_seal SET number = number", "DELETE FROM audit_seal"):
            with (
                pytest.raises(Exception, match="neither changed nor removed"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)


class TestCodes:
    @pytest.mark.django_db
    @settings(max_examples=60, deadline=None)
    @given(
        changes=st.dictionaries(st.text(max_size=20), VALUES, max_size=4),
        name=st.text(max_size=300),
        agent=st.text(max_size=300),
        ip=st.one_of(st.none(), st.ip_addresses().map(str)),
    )
    def test_a_row_reads_back_as_it_was_written(self, changes, name, agent, ip):
        actor = Actor(user_id=1, email="a@example.org", ip=ip, user_agent=agent)
        with transaction.atomic():
            made = record(actor, "user.update", User, name=name, changes=changes)
            kept = Entry.objects.get(pk=made.pk)
            assert is_authentic(keys(), kept.mac, content.row_content(content.row_of(kept)))
            transaction.set_rollback(True)

    @pytest.mark.parametrize("ip", ["::ffff:10.0.0.1", "10.0.0.1", "2001:DB8:0:0::1", "::1"])
    def test_addresses_are_as_the_database_writes_them(self, db, ip):
        actor = Actor(user_id=1, email="a@example.org", ip=ip)
        with transaction.atomic():
            record(actor, "user.update", User)
        assert verify_trail_here().holds

    def test_the_public_key_makes_no_code(self, db):
        [entry] = write()
        said = content.row_content(content.row_of(entry))
        key = keys()[0]
        assert entry.mac == key.mac(said)
        assert len({key.rows, key.public, key.signing.private_bytes_raw()}) == 3


@pytest.mark.django_db(transaction=True)
class TestBesideWriters:
    def test_writers_do_not_wait_for_a_sealer_nor_for_one_another(self):
        """A writer that has not committed holds up neither another writer nor the sealer."""
        seal_waiting()
        written, go_on = threading.Event(), threading.Event()

        def slow():
            with transaction.atomic():
                record(SYSTEM, "user.update", User)
                written.set()
                assert go_on.wait(30)
            connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(slow)
            assert written.wait(30)
            [quick] = write()
            assert seal_waiting().entry_ids == [quick.pk]
            go_on.set()
            waits.result(30)
        late = seal_waiting()
        assert late.entry_ids[0] < quick.pk
        assert verify_trail().holds

    def test_several_sealers_make_one_chain(self):
        def work(number):
            for _ in range(5):
                write(3)
                seal_waiting()
            connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        seal_waiting()
        report = verify_trail()
        assert (report.holds, report.entries, report.waiting) == (True, 120, 0)

    def test_a_sealer_that_is_killed_leaves_its_rows_waiting(self):
        write(3)
        with transaction.atomic():
            assert sealing._seal_batch()
            transaction.set_rollback(True)
        assert Unsealed.objects.count() == 3
        assert len(seal_waiting().entry_ids) == 3
        assert verify_trail().holds


def verify_trail_here():
    """Verify within the transaction of a test, which has no moment of its own to read."""
    from audit.chain import reading
    from audit.chain.verifying import Trust, verify

    return verify(reading.stored_seals(), Trust.in_keys(keys()))
