"""Asking for the file of what the platform has about oneself, making it, and fetching it."""

from functools import partial

from django.db import transaction

from accounts.models import DataExport, User
from accounts.personal import files
from accounts.personal.holdings import holdings
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Forbidden, NotFound

YOURS_ALONE = "Your data is for you alone: sign in as yourself."
README = (
    "Everything that this platform has about you, one file of JSON for each kind. Passwords, keys "
    "and other secrets are kept as digests or encrypted, and are not in it.\n"
)


@transaction.atomic
def ask(user: User, *, actor: Actor) -> DataExport:
    """Have the file made in the background; audited. Returns one that is being made already.

    Raises Forbidden, Conflict (too many a day).
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden(YOURS_ALONE)
    User.objects.select_for_update().get(pk=user.pk)
    running: DataExport | None = files.running(DataExport.objects.filter(user=user))
    if running is not None:
        return running
    made: DataExport = DataExport.objects.create(user=user, total=len(holdings()))
    record(actor, "user.export", user)
    # The tasks import this module.
    from accounts.tasks import make_data_export

    enqueue(make_data_export, made.pk)
    return made


@transaction.atomic
def fetch(export: DataExport, *, actor: Actor) -> bytes:
    """Return the file; audited. Raises NotFound for somebody else's, or one that is not ready."""
    row = DataExport.objects.visible_to(actor).filter(pk=export.pk).first()
    if row is None or not row.is_ready:
        raise NotFound(files.NOT_READY)
    record(actor, "user.export_fetch", row.user)
    return bytes(row.content or b"")


def make(export_id: int) -> bool:
    """Make the file; return whether it is there. Delivered again, it is made again."""
    row = DataExport.objects.filter(pk=export_id, finished_at=None).select_related("user").first()
    if row is None:
        return False
    finds = {name: partial(find, row.user) for name, find in holdings().items()}
    return files.make(DataExport.objects.filter(pk=row.pk), finds, README)
