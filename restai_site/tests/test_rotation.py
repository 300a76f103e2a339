"""`manage.py rotate_encryption_key`: all secrets under the newest key, and the truth about it."""

import io
import tracemalloc
from collections import Counter

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from audit.services import Unrecorded
from catalog.models import ProviderAccount
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto import DecryptionFailed
from restai_site.lib.crypto.columns import Column, encrypted_columns
from restai_site.management.rotation import rotate, rotate_batch
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db
LABEL = "catalog_provideraccount.api_key"
OLDEST, OLD, NEW = (fernet_key() for _ in range(3))
MAY_GO = (
    "Every secret is under the newest key.\n"
    "The older keys may now be removed from FIELD_ENCRYPTION_KEY.\n"
)


class Outcome:
    """What the command said on both streams, and how it ended."""

    def __init__(self, *words: str) -> None:
        out, progress = io.StringIO(), io.StringIO()
        self.refusal = ""
        try:
            call_command("rotate_encryption_key", *words, stdout=out, stderr=progress)
        except CommandError as error:
            self.refusal = str(error)
        self.out, self.progress = out.getvalue(), progress.getvalue()

    @property
    def counts(self) -> str:
        return next(line for line in self.out.splitlines() if line.startswith(LABEL))


def counts(newest: int, older: int, unreadable: int) -> str:
    return (
        f"{LABEL}: {newest} under the newest key, {older} under older keys, "
        f"{unreadable} under no key"
    )


@pytest.fixture
def fill(use_keys):
    """Return a function that makes accounts under a key; the first secret is `secret-0`."""
    made = []

    def make(many: int, key: str = OLD) -> list[ProviderAccount]:
        use_keys(key)
        accounts = [
            ProviderAccount(name=f"P{n}", kind="openai", api_key=f"secret-{n}")
            for n in range(len(made), len(made) + many)
        ]
        made.extend(ProviderAccount.objects.bulk_create(accounts))
        return made[-many:]

    return make


@pytest.fixture
def column() -> Column:
    (found,) = [one for one in encrypted_columns() if one.label == LABEL]
    return found


def tokens() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, api_key FROM catalog_provideraccount ORDER BY id")
        return dict(cursor.fetchall())


def secrets() -> list[str]:
    return list(ProviderAccount.objects.order_by("pk").values_list("api_key", flat=True))


def keys_of(*named: str) -> Counter:
    """Return how many tokens each of the keys opens, by its place in `named`."""
    found = Counter()
    for token in tokens().values():
        for place, key in enumerate(named):
            try:
                Fernet(key).decrypt(token)
            except Exception:  # noqa: BLE001, S112 - not this one
                continue
            found[place] += 1
    return found


@pytest.mark.parametrize("batch_size", ["1", "7", "50", "500"])
def test_every_secret_comes_under_the_newest_key_and_stays_what_it_is(fill, use_keys, batch_size):
    fill(30, OLDEST)
    fill(20, OLD)
    fill(10, NEW)
    before = tokens()
    use_keys(NEW, OLD, OLDEST)
    outcome = Outcome("--batch-size", batch_size)
    assert outcome.refusal == ""
    assert outcome.out.endswith(MAY_GO)
    assert outcome.counts == counts(60, 0, 0)
    assert keys_of(NEW, OLD, OLDEST) == {0: 60}
    use_keys(NEW)
    assert secrets() == [f"secret-{n}" for n in range(60)]
    untouched = list(before)[50:]
    assert [tokens()[key] for key in untouched] == [before[key] for key in untouched]
    assert f"{LABEL}: 60 of 60 looked at\n" in outcome.progress
    for stream in (outcome.out, outcome.progress):
        assert "secret-" not in stream
        assert "gAAAA" not in stream


def test_nothing_but_the_column_changes(fill, use_keys):
    fill(3)
    columns = [field.attname for field in ProviderAccount._meta.fields if field.name != "api_key"]
    before = list(ProviderAccount.objects.order_by("pk").values(*columns))
    use_keys(NEW, OLD)
    Outcome()
    assert list(ProviderAccount.objects.order_by("pk").values(*columns)) == before


def test_a_second_run_changes_nothing_and_leaves_no_entry(fill, use_keys):
    fill(5)
    use_keys(NEW, OLD)
    Outcome()
    before, entries = tokens(), Entry.objects.acts().count()
    assert Outcome().out.endswith(MAY_GO)
    assert tokens() == before
    assert Entry.objects.acts().count() == entries


def test_each_batch_leaves_an_entry_that_counts_and_tells_nothing_else(fill, use_keys):
    fill(7)
    use_keys(NEW, OLD)
    Outcome("--batch-size", "3")
    entries = list(Entry.objects.filter(action="encryption.rotate").order_by("id"))
    assert [entry.changes for entry in entries] == [
        {"column": LABEL, "secrets": 3},
        {"column": LABEL, "secrets": 3},
        {"column": LABEL, "secrets": 1},
    ]
    assert {
        (one.credential, one.target_type, one.target_id, one.target_name) for one in entries
    } == {
        ("system:rotate_encryption_key", "catalog.provideraccount", "", "provider accounts"),
    }
    for word in ("secret-", "gAAAA", NEW, OLD):
        assert word not in str(list(Entry.objects.values()))


def test_with_one_key_it_says_that_all_is_under_it(fill, use_keys):
    fill(2, NEW)
    outcome = Outcome()
    assert outcome.out.endswith("Every secret is under the newest key.\n")
    assert outcome.refusal == ""


def test_without_any_secret_there_is_nothing_to_do(use_keys):
    use_keys(NEW, OLD)
    ProviderAccount.objects.create(name="No key", kind="openai")
    outcome = Outcome()
    assert (outcome.counts, outcome.refusal) == (counts(0, 0, 0), "")
    assert tokens() == {ProviderAccount.objects.get().pk: ""}


class TestCheck:
    def test_it_counts_and_changes_nothing(self, fill, use_keys):
        fill(3, NEW)
        fill(4, OLD)
        before = tokens()
        use_keys(NEW, OLD)
        outcome = Outcome("--check")
        assert outcome.counts == counts(3, 4, 0)
        assert outcome.refusal == (
            "4 secrets left under older keys, which must stay in FIELD_ENCRYPTION_KEY."
        )
        assert tokens() == before
        assert not Entry.objects.acts().exists()

    def test_it_ends_well_where_all_is_under_the_newest_key(self, fill, use_keys):
        fill(3, NEW)
        use_keys(NEW, OLD)
        outcome = Outcome("--check")
        assert (outcome.counts, outcome.refusal) == (counts(3, 0, 0), "")
        assert outcome.out.endswith(MAY_GO)

    def test_it_names_the_rows_that_no_key_opens(self, fill, use_keys):
        (row,) = fill(1, OLD)
        use_keys(NEW)
        outcome = Outcome("--check")
        assert outcome.counts == counts(0, 0, 1)
        assert outcome.progress == f"{LABEL}, row {row.pk}: no key opens this secret\n"
        assert outcome.refusal == (
            "1 secret cannot be read: add the key to the end of FIELD_ENCRYPTION_KEY and run this "
            "again, or see “A lost key” in docs/operations.md."
        )


class TestUnreadable:
    @pytest.fixture
    def mixed(self, fill, use_keys):
        """Five rows under a key that is lost, among ten that are under the old one."""
        fill(5, OLD)
        lost = fill(5, OLDEST)
        fill(5, OLD)
        ProviderAccount.objects.filter(pk=lost[0].pk).update(api_key_set_at="2026-01-01T00:00Z")
        use_keys(NEW, OLD)
        return lost

    @pytest.mark.parametrize("batch_size", ["1", "4", "500"])
    def test_the_rest_is_rotated_and_the_rows_are_named(self, mixed, batch_size):
        before = tokens()
        outcome = Outcome("--batch-size", batch_size)
        assert outcome.counts == counts(10, 0, 5)
        assert outcome.refusal.startswith("5 secrets cannot be read: add the key to the end of")
        named = [line for line in outcome.progress.splitlines() if "row" in line]
        assert named == [f"{LABEL}, row {row.pk}: no key opens this secret" for row in mixed]
        assert all(tokens()[row.pk] == before[row.pk] for row in mixed)

    def test_the_key_that_is_found_again_opens_them(self, mixed, use_keys):
        Outcome()
        use_keys(NEW, OLD, OLDEST)
        assert Outcome().counts == counts(15, 0, 0)
        use_keys(NEW)
        assert secrets() == [f"secret-{n}" for n in range(15)]

    @pytest.mark.parametrize("damage", ["sk-plaintext", "gAAAA", " ", "ü"])
    def test_what_is_no_token_is_named_and_stays(self, fill, use_keys, damage):
        row, _ = fill(2)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalog_provideraccount SET api_key = %s WHERE id = %s", [damage, row.pk]
            )
        use_keys(NEW, OLD)
        outcome = Outcome()
        assert outcome.counts == counts(1, 0, 1)
        assert tokens()[row.pk] == damage
        assert damage.strip() in ("", "ü") or damage not in outcome.out + outcome.progress

    def test_discarding_removes_them_alone(self, mixed):
        outcome = Outcome("--discard-unreadable", "--no-input")
        assert (outcome.counts, outcome.refusal) == (counts(10, 0, 0), "")
        kept = [f"secret-{n}" for n in range(15)]
        kept[5:10] = [""] * 5
        assert secrets() == kept
        assert ProviderAccount.objects.get(pk=mixed[0].pk).api_key_set_at is None
        entry = Entry.objects.get(action="encryption.discard")
        assert entry.changes == {"column": LABEL, "secrets": 5}

    @pytest.mark.parametrize(("typed", "goes_on"), [("5", True), ("4", False), ("", False)])
    def test_discarding_asks_how_many(self, mixed, monkeypatch, typed, goes_on):
        before = tokens()
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
        outcome = Outcome("--discard-unreadable")
        assert "5 secrets cannot be read and would be lost for good." in outcome.progress
        assert outcome.refusal == ("" if goes_on else "Nothing was changed.")
        assert "Type 5 to discard them:" in outcome.progress
        assert (tokens() == before) is not goes_on
        assert Entry.objects.filter(action="encryption.discard").exists() is goes_on

    def test_discarding_asks_nothing_where_all_can_be_read(self, fill, use_keys):
        fill(2, NEW)
        assert Outcome("--discard-unreadable").refusal == ""


class TestBatches:
    def test_a_change_without_its_entry_is_not_kept(self, fill, use_keys, column):
        """The trail and the change are one transaction."""
        fill(3)
        before = tokens()
        use_keys(NEW, OLD)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_entry ADD CONSTRAINT no CHECK (false) NOT VALID")
        with pytest.raises(Unrecorded):
            rotate_batch(column, after=None, size=10, actor=SYSTEM)
        assert tokens() == before

    def test_asked_to_stop_it_ends_after_a_whole_batch_and_goes_on_later(
        self, fill, use_keys, column
    ):
        fill(10)
        use_keys(NEW, OLD)
        answers = iter([False, True])
        first = rotate(column, batch_size=4, actor=SYSTEM, should_stop=lambda: next(answers))
        assert [batch.rotated for batch in first] == [4]
        assert keys_of(NEW, OLD) == {0: 4, 1: 6}
        rest = [batch.rotated for batch in rotate(column, batch_size=4, actor=SYSTEM)]
        assert rest == [0, 4, 2]
        assert keys_of(NEW, OLD) == {0: 10}

    @pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "10001", "", "999999999", "²"])
    def test_nonsense_for_its_size_is_refused(self, size):
        with pytest.raises(CommandError, match="batch-size"):
            call_command("rotate_encryption_key", f"--batch-size={size}")

    def test_the_number_of_queries_grows_with_the_batches_and_not_with_the_rows(
        self, fill, use_keys, column
    ):
        def queries(rows: int, size: int) -> int:
            fill(rows)
            use_keys(NEW, OLD)
            with CaptureQueriesContext(connection) as captured:
                assert sum(one.rotated for one in rotate(column, batch_size=size, actor=SYSTEM))
            ProviderAccount.objects.all().delete()
            return len(captured)

        # A savepoint, the rows, the replacement, the entry, the release; then one empty batch.
        assert queries(40, 20) == queries(400, 200) == 2 * 5 + 3

    def test_memory_does_not_grow_with_the_table(self, fill, use_keys):
        def peak(rows: int) -> int:
            ProviderAccount.objects.all().delete()
            fill(rows)
            use_keys(NEW, OLD)
            tracemalloc.start()
            try:
                assert Outcome("--batch-size", "100").refusal == ""
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        peak(200)  # fills the caches
        small, large = peak(2000), peak(6000)
        assert large < small * 1.25, (small, large)


def test_a_row_that_was_rotated_is_no_longer_read_with_the_old_key_alone(fill, use_keys):
    fill(1)
    use_keys(NEW, OLD)
    Outcome()
    use_keys(OLD)
    with pytest.raises(DecryptionFailed):
        secrets()
    assert tables_holding("secret-0") == []
