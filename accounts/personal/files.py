"""Asking for a file of what is held, at most a few a day, and making it: for people and teams."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import IO, Any

import orjson
from django.http import HttpResponse
from django.utils import timezone

from accounts.personal.holdings import Held
from restai_site.lib.errors import Conflict

# The file lies in the database; what is larger does not belong there.
MAX_BYTES = 200_000_000
IN_MEMORY_BYTES = 8_000_000
A_DAY, PER_DAY = timedelta(days=1), 3
# A worker that has not ended one after so long is gone.
GIVEN_UP_AFTER = timedelta(hours=1)
TOO_MANY = f"At most {PER_DAY} files a day are made; fetch one of those, or come back tomorrow."
TOO_LARGE = "There is too much for one file; ask an administrator of this server."
NOT_READY = "There is no such file, or it is not ready yet."
Finds = Mapping[str, Callable[[], Iterator[Held]]]


def running(rows: Any) -> Any:
    """Return the one of these exports that is being made, if any; give up those that hang.

    Call it with the row of whom they are about locked. Raises Conflict (PER_DAY).
    """
    now = timezone.now()
    rows.filter(finished_at=None, created_at__lt=now - GIVEN_UP_AFTER).update(
        finished_at=now, failure="It was not finished; try again."
    )
    found = rows.filter(finished_at=None).first()
    if found is None and rows.filter(created_at__gt=now - A_DAY).count() >= PER_DAY:
        raise Conflict(TOO_MANY, code="too_many_exports")
    return found


def make(rows: Any, finds: Finds, readme: str) -> bool:
    """Make the file of the one export in `rows`; return whether it is there.

    `finds` yield each kind of data, by the name of its file. Delivered again, it is made again.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
        _write(file, finds, readme, lambda done: rows.update(done=done))
        size = file.tell()
        file.seek(0)
        values: dict[str, Any] = {"finished_at": timezone.now(), "size": size}
        if size > MAX_BYTES:
            values["failure"] = TOO_LARGE
        else:
            values["content"] = file.read()
    rows.filter(finished_at=None).update(**values)
    return size <= MAX_BYTES


def answer(content: bytes, name: str) -> HttpResponse:
    """Answer with a file, which nobody on the way keeps."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/zip", headers=headers)


def _write(file: IO[bytes], finds: Finds, readme: str, note: Callable[[int], Any]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme)
        for done, (name, find) in enumerate(finds.items(), start=1):
            _write_kind(archive, name, find())
            note(done)


def _write_kind(archive: zipfile.ZipFile, name: str, rows: Iterator[Held]) -> None:
    """Write one kind as a list of JSON, a row at a time."""
    with archive.open(f"{name}.json", "w", force_zip64=True) as member:
        member.write(b"[")
        for number, row in enumerate(rows):
            member.write(b"\n" if number == 0 else b",\n")
            member.write(orjson.dumps(row, default=str))
        member.write(b"\n]\n")
