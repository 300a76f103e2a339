"""The search for canaries finds what it is meant to find."""

import base64
import json
import logging
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from restai_site.tests.canaries import CanaryHandler, StatementWatch, canary, leaks

NAME = "one of the tests"


@pytest.mark.parametrize(
    "spelled",
    [
        lambda secret: secret,
        lambda secret: f"x{secret}y",
        lambda secret: json.dumps({"a": secret}),
        lambda secret: quote(f"key={secret}&b"),
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(b"user:" + secret.encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(b"ab" + secret.encode() + b"c").decode(),
        lambda secret: secret[::-1],
    ],
)
def test_a_secret_is_found_in_every_form(spelled):
    assert leaks(spelled(canary(NAME))) == [NAME]
    assert leaks(spelled(canary(NAME)).encode()) == [NAME]


def test_what_is_no_secret_is_not_found():
    assert leaks("canary-of-nobody") == []
    assert leaks(canary(NAME)[:-1]) == []


def test_the_servers_own_secrets_are_looked_for():
    for secret in (settings.SECRET_KEY, settings.API_KEY_PEPPER, *settings.FIELD_ENCRYPTION_KEY):
        assert len(leaks(f"<{secret}>")) == 1


def test_a_log_line_or_a_trace_with_a_secret_is_found():
    handler, logger = CanaryHandler(), logging.getLogger("canaries")
    logger.addHandler(handler)
    logger.warning("harmless")
    assert handler.found == []
    logger.warning("the key is %s", canary(NAME))
    with pytest.raises(ValueError, match=canary(NAME)) as caught:
        int(canary(NAME))
    logger.error("It failed.", exc_info=caught.value)
    logger.removeHandler(handler)
    assert handler.found == [f"{NAME} in a line of canaries"] * 2


@pytest.mark.django_db
def test_a_statement_with_a_secret_is_found():
    watch = StatementWatch()
    with connection.execute_wrapper(watch), connection.cursor() as cursor:
        cursor.execute("SELECT %s", ["harmless"])
        assert watch.found == []
        cursor.execute("SELECT %s", [canary(NAME)])
    assert watch.found == [f"{NAME} in SELECT %s"]
