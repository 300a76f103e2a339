"""`manage.py rotate_encryption_key`: all secrets under the newest key of FIELD_ENCRYPTION_KEY.

See docs/operations.md for the whole way. Progress goes to standard error, the outcome to standard
output. The exit status is 0 when every secret is under the newest key.
"""

import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from restai_site.lib.actor import Actor
from restai_site.lib.crypto.columns import Column, Counts, encrypted_columns
from restai_site.lib.crypto.keyring import keyring
from restai_site.management.rotation import rotate

BATCH_ROWS = 500
BATCH_ROWS_MAX = 10_000
PROGRESS_SECONDS = 1.0
UNDER_NO_KEY = (
    "{} cannot be read: add the key to the end of FIELD_ENCRYPTION_KEY and run this again, or see "
    "“A lost key” in docs/operations.md."
)
UNDER_OLDER_KEYS = "{} left under older keys, which must stay in FIELD_ENCRYPTION_KEY."


class Command(BaseCommand):
    """Re-encrypts, or with --check only counts, and says what is left."""

    help = "Bring all secrets under the newest key of FIELD_ENCRYPTION_KEY; can be run again."
    _is_asked_to_stop = False
    _spoke_at = 0.0

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--batch-size",
            type=_batch_size,
            default=BATCH_ROWS,
            help=f"rows in a transaction, 1 to {BATCH_ROWS_MAX}",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="count only, change nothing")
        what.add_argument(
            "--discard-unreadable",
            action="store_true",
            help="remove secrets whose key is lost, so that they can be entered again",
        )
        parser.add_argument("--no-input", action="store_true", help="do not ask before discarding")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = encrypted_columns()
        if options["discard_unreadable"] and not options["no_input"]:
            self._ask_before_discarding(columns)
        if not options["check"]:
            with self._ending_after_the_batch():
                self._rotate(columns, options["batch_size"], options["discard_unreadable"])
            if self._is_asked_to_stop:
                raise CommandError("Stopped after a whole batch. Run this again to go on.")
        self._conclude(self._counted(columns, name_rows=bool(options["check"])))

    def _rotate(self, columns: list[Column], batch_size: int, discard_unreadable: bool) -> None:
        actor = Actor.system("rotate_encryption_key")
        for column in columns:
            total, done = column.size(), 0
            batches = rotate(
                column,
                batch_size=batch_size,
                actor=actor,
                discard_unreadable=discard_unreadable,
                should_stop=lambda: self._is_asked_to_stop,
            )
            for batch in batches:
                done += batch.size
                for key in batch.unreadable:
                    self._name(column, key)
                self._progress(f"{column.label}: {done} of {total} looked at")
            self._say(f"{column.label}: {done} of {total} looked at")

    def _counted(self, columns: list[Column], *, name_rows: bool) -> Counts:
        """Read every secret again, and print for each column under which keys they are."""
        everything = Counts()
        for column in columns:
            counts = Counts()
            for row in column.rows():
                if not counts.add(row.token) and name_rows:
                    self._name(column, row.key)
            self.stdout.write(
                f"{column.label}: {counts.newest} under the newest key, {counts.older} under older "
                f"keys, {counts.unreadable} under no key"
            )
            everything.newest += counts.newest
            everything.older += counts.older
            everything.unreadable += counts.unreadable
        return everything

    def _conclude(self, counts: Counts) -> None:
        left = [
            words.format(_secrets(count))
            for words, count in (
                (UNDER_OLDER_KEYS, counts.older),
                (UNDER_NO_KEY, counts.unreadable),
            )
            if count
        ]
        if left:
            raise CommandError(" ".join(left))
        self.stdout.write("Every secret is under the newest key.")
        if len(keyring()) > 1:
            self.stdout.write("The older keys may now be removed from FIELD_ENCRYPTION_KEY.")

    def _ask_before_discarding(self, columns: list[Column]) -> None:
        count = self._counted(columns, name_rows=True).unreadable
        if not count:
            return
        self.stderr.write(f"{_secrets(count)} cannot be read and would be lost for good.")
        self.stderr.write(f"Type {count} to discard them:")
        if sys.stdin.readline().strip() != str(count):
            raise CommandError("Nothing was changed.")

    @contextmanager
    def _ending_after_the_batch(self) -> Iterator[None]:
        """Let the first Ctrl-C or SIGTERM wait for the batch; a second one rolls it back."""

        def ask(number: int, _: FrameType | None) -> None:
            if self._is_asked_to_stop:
                raise SystemExit(128 + number)
            self._is_asked_to_stop = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _name(self, column: Column, key: Any) -> None:
        self._say(f"{column.label}, row {key}: no key opens this secret")

    def _progress(self, words: str) -> None:
        if time.monotonic() - self._spoke_at >= PROGRESS_SECONDS:
            self._spoke_at = time.monotonic()
            self._say(words)

    def _say(self, words: str) -> None:
        self.stderr.write(words, style_func=str)
        self.stderr.flush()


def _batch_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 6):
        raise ArgumentTypeError("give a whole number")
    if not 1 <= int(text) <= BATCH_ROWS_MAX:
        raise ArgumentTypeError(f"give a number from 1 to {BATCH_ROWS_MAX}")
    return int(text)


def _secrets(count: int) -> str:
    return f"{count} secret{'' if count == 1 else 's'}"
