"""The rules of routes name routes that there are, and each kind of credential its own."""

import pytest

from accounts import route_rules
from restai_site.tests.access.routes import route_names

RULES = (
    "ANSWERS",
    "CREDENTIALS",
    "CHAT_WRITES",
    "CHAT_READS",
    "RESTRICTED_WRITES",
    "ENROLMENT",
    "FACTOR_WRITES",
)


@pytest.mark.parametrize("rule", RULES)
def test_every_route_that_a_rule_names_exists(rule):
    """A renamed route would fall out of its rule without a word."""
    assert getattr(route_rules, rule) - route_names() == set()


def test_nothing_that_makes_credentials_is_open_to_chats_or_restricted_users():
    made = {"accounts:keys", "key-list", "accounts:rotate_key", "key-rotate"}
    assert made & (route_rules.RESTRICTED_WRITES | route_rules.CHAT_WRITES) == set()
    assert made <= route_rules.CREDENTIALS
