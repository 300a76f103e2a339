"""The Celery application: background work and the timetable of beat."""

import os

from celery import Celery
from celery.signals import worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")

app = Celery("restai_site")
# For all threads: web processes queue what workers run.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def look_at_secrets(**_: object) -> None:
    """Leave with one sentence, before the first task, where the keys do not open the secrets."""
    # Models are there only now.
    from restai_site.lib.crypto.start import refuse_unreadable_secrets_at_start

    refuse_unreadable_secrets_at_start()


def begin_to_seal(**_: object) -> None:
    """Seal the audit trail from now on, beside whatever the worker's jobs do."""
    from audit.chain.rounds import Rounds

    Rounds().start()


worker_init.connect(look_at_secrets)
worker_ready.connect(begin_to_seal)
