"""One stage for a whole module: every request on it is rolled back."""

import logging

import pytest
from django.db import transaction

from restai_site.tests.access.stage import make_stage
from restai_site.tests.access.walk import Walker
from restai_site.tests.canaries import CanaryHandler, watching


@pytest.fixture(scope="module")
def walker(django_db_setup, django_db_blocker):
    handler, root = CanaryHandler(), logging.getLogger()
    root.addHandler(handler)
    with watching(), django_db_blocker.unblock(), transaction.atomic():
        yield Walker(make_stage(), handler)
        transaction.set_rollback(True)
    root.removeHandler(handler)
