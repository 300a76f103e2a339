"""Asking for somebody to be taken out of the trail, doing it, and resolving a pseudonym.

Entries are looked at in order of their numbers, a portion at a time, and where that stopped is
noted in the same transaction: a job that is killed goes on there. Each entry is sealed before it
changes, so what it said is in the chain.
"""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import orjson
from django.contrib.postgres.search import SearchQuery
from django.db import connection, transaction
from django.db.models import Max, Q
from django.dispatch import Signal
from django.utils import timezone

from audit.chain import content, erased
from audit.chain.keys import AuditKey, keys, newest
from audit.chain.sealing import seal_waiting
from audit.erasing.redaction import Person, Row, without
from audit.models import Entry, Erasure, Removal, Unsealed, Verification
from audit.search import WORDS
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.steps import in_steps

log = logging.getLogger(__name__)
BATCH = 200
# The sealer of a worker makes its round every two seconds.
WAIT_FOR_SEAL_SECONDS = 0.5
# Entries of requests that were under way when the account went.
LATE = timedelta(days=3)
BY_CLOCK = Actor.system("erasure")
# Sent when somebody is asked out of the trail, with `addresses` and `pseudonym`, within the
# transaction: whatever else holds an address of theirs takes the pseudonym.
person_erased = Signal()


@transaction.atomic
def ask(
    subject_type: str,
    subject_id: int,
    *,
    addresses: Iterable[str],
    names: Iterable[str],
    actor: Actor,
) -> Erasure:
    """Have a person taken out of the trail, in the background; asked again, go over it again.

    Call it in the transaction in which the account goes. Addresses and names from earlier entries
    about the account are found by itself. The caller records who has asked.
    """
    key, subject = newest(), f"{subject_type} {subject_id}"
    known = {one.lower() for one in addresses if one}
    called = {one for one in names if one}
    for before in _earlier(subject_type, subject_id):
        known |= before.get("email", set())
        called |= before.get("name", set())
    sought = orjson.dumps({"addresses": sorted(known), "names": sorted(called)})
    values = {
        "pseudonym": key.pseudonym(subject),
        "sought": key.hidden(sought, subject.encode()),
        "key_id": key.id,
        "asked_by": actor.email or actor.credential,
        "asked_at": timezone.now(),
        "reached": 0,
        "finished_at": None,
    }
    made, _ = Erasure.objects.update_or_create(
        subject_type=subject_type, subject_id=subject_id, defaults=values
    )
    person_erased.send(Erasure, addresses=frozenset(known), pseudonym=made.pseudonym)
    # The tasks import this module.
    from audit.tasks import erase

    enqueue(erase, made.pk)
    return made


def run(erasure_id: int) -> int:
    """Take the person out; return of how many entries. May be repeated."""
    in_steps(lambda: step(erasure_id))
    row = Erasure.objects.filter(pk=erasure_id).first()
    return row.entries if row else 0


@transaction.atomic
def step(erasure_id: int) -> bool:
    """Go over one portion of the trail, or end. Return whether there is more to do."""
    row = Erasure.objects.select_for_update().filter(pk=erasure_id, finished_at=None).first()
    if row is None:
        return False
    person = _person(row)
    found = list(_mentioning(person).filter(pk__gt=row.reached).order_by("pk")[:BATCH])
    if Unsealed.objects.filter(pk__in=[entry.pk for entry in found]).exists():
        seal_waiting()
        time.sleep(WAIT_FOR_SEAL_SECONDS)
        return True
    row.last = Entry.objects.aggregate(last=Max("pk"))["last"] or 0
    row.entries += _take_out(person, found)
    row.reached = found[-1].pk if found else row.last
    if not found:
        row.finished_at, row.sought = timezone.now(), ""
        record(BY_CLOCK, "audit.erase", row, changes={"entries": row.entries})
    row.save(update_fields=["last", "entries", "reached", "finished_at", "sought"])
    return bool(found)


def look_after() -> None:
    """Go on with erasures whose job was killed, and take what has been written since."""
    for unfinished in Erasure.objects.filter(finished_at=None).values_list("pk", flat=True):
        run(unfinished)
    for row in Erasure.objects.filter(finished_at__gt=timezone.now() - LATE):
        _take_late(row)


@transaction.atomic
def resolve(pseudonym: str, *, actor: Actor) -> list[str]:
    """Return whom a pseudonym stands for: what stood where it stands now, sorted; audited.

    Takes the key in AUDIT_KEY. Nothing where no entry holds it, or none can be opened.
    """
    words = SearchQuery(pseudonym, config="simple", search_type="phrase")
    holds = Q(actor_email=pseudonym) | Q(impersonator_email=pseudonym) | Q(words=words)
    entries = Entry.objects.alias(words=WORDS).filter(holds, erased__isnull=False)
    found = set()
    for entry in entries.order_by("pk")[:BATCH]:
        found |= _stood_for(pseudonym, entry)
    record(actor, "audit.resolve", Entry, name=pseudonym)
    return sorted(found)


def _stood_for(pseudonym: str, entry: Entry) -> set[str]:
    said = erased.original_of(keys(), entry.pk, entry.mac, entry.erased or {})
    if said is None:
        return set()
    before, now = orjson.loads(said), content.row_of(entry)
    names = ("actor_email", "impersonator_email", "target_name")
    return {str(before[name]) for name in names if now[name] == pseudonym}


def _earlier(subject_type: str, subject_id: int) -> Iterable[dict[str, set[str]]]:
    """Yield the addresses and names that earlier entries about an account tell."""
    about = Entry.objects.filter(target_type=subject_type, target_id=str(subject_id))
    for changes in about.values_list("changes", flat=True).iterator():
        yield {name: _texts(changes.get(name)) for name in ("email", "name")}
    acted = Entry.objects.filter(actor_id=subject_id).exclude(actor_email="")
    yield {"email": set(acted.order_by().values_list("actor_email", flat=True).distinct())}


def _texts(change: Any) -> set[str]:
    named = [change.get("before"), change.get("after")] if isinstance(change, dict) else [change]
    return {one for one in named if isinstance(one, str) and one}


def _person(row: Erasure) -> Person:
    subject = f"{row.subject_type} {row.subject_id}"
    sought: dict[str, list[str]] = {}
    if row.sought:
        key = next((one for one in keys() if one.id == row.key_id), None)
        opened = key.revealed(row.sought, subject.encode()) if key else None
        if opened is None:
            raise ValueError("What is to be erased is under a key that is not in AUDIT_KEY.")
        sought = orjson.loads(opened)
    return Person(
        row.subject_type,
        row.subject_id,
        row.pseudonym,
        frozenset(sought.get("addresses", ())),
        frozenset(sought.get("names", ())),
    )


def _mentioning(person: Person) -> Any:
    """Return the entries that may hold something of the person; indexes serve each of these."""
    wanted = Q(actor_id=person.id) | Q(impersonator_id=person.id)
    wanted |= Q(target_type=person.type, target_id=str(person.id))
    for address in sorted(person.addresses):
        wanted |= Q(words=SearchQuery(address, config="simple", search_type="phrase"))
        wanted |= Q(actor_email=address)
    return Entry.objects.alias(words=WORDS).filter(wanted)


def _take_late(row: Erasure) -> None:
    """Take the person out of entries that were written after the job had passed."""
    with transaction.atomic():
        person = _person(row)
        acted = Q(actor_id=person.id) | Q(impersonator_id=person.id)
        late = list(Entry.objects.filter(acted, erased__isnull=True).order_by("pk")[:BATCH])
        waiting = set(Unsealed.objects.filter(pk__in=[one.pk for one in late]).values_list("pk"))
        _take_out(person, [entry for entry in late if (entry.pk,) not in waiting])


def _take_out(person: Person, entries: Iterable[Entry]) -> int:
    """Write the entries anew without the person; return how many differ."""
    key = newest()
    rows = [row for entry in entries if (row := _rewritten(key, person, entry))]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_erase_entries(%s::jsonb)", [orjson.dumps(rows).decode()])
        written = cursor.fetchone()[0]
    if written != len(rows):
        raise RuntimeError(f"Of {len(rows)} entries {written} were written.")
    return len(rows)


def _rewritten(key: AuditKey, person: Person, entry: Entry) -> Row | None:
    before = content.row_of(entry)
    after = without(person, before)
    if after == before:
        return None
    said: bytes | None = content.row_content(before)
    if entry.erased is not None:
        # Somebody else was taken out of it: what it said at first is what the seal holds.
        said = erased.original_of(keys(), entry.pk, entry.mac, entry.erased)
    if said is None:
        log.critical("Audit entry %s was erased under a key that is not there.", entry.pk)
        return None
    mark = erased.mark_of(key, entry.pk, entry.mac, said, content.row_content(after))
    return {name: after[name] for name in erased.PERSONAL} | {"id": entry.pk, "erased": mark}


def replace_in_own(sender: object, *, addresses: frozenset[str], pseudonym: str, **_: Any) -> None:
    """Put the pseudonym where this app itself keeps who has asked for something."""
    named = [
        *((model, "asked_by") for model in (Erasure, Removal, Verification)),
        (Removal, "answered_by"),
    ]
    for model, field in named:
        rows: Any = model.objects.filter(**{f"{field}__in": addresses})
        rows.update(**{field: pseudonym})


person_erased.connect(replace_in_own, dispatch_uid="audit.replace_in_own")
