"""The Celery application: background work and the timetable of beat."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")

app = Celery("restai_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
