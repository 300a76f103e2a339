"""The amounts of budgets: read strictly, and said in words."""

import re
from decimal import Decimal

from metering.models import AMOUNT_BELOW, Budget
from restai_site.lib.errors import Invalid
from restai_site.ui.templatetags.ui import money

MONEY_PLACES = 6
WRITTEN = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
WORDS = {
    Budget.Unit.MONEY: (
        "Write US dollars in digits, such as 25 or 0.50: not negative, below a thousand million "
        f"million, with at most {MONEY_PLACES} decimal places."
    ),
    Budget.Unit.TOKENS: (
        "Write a whole number of tokens in digits, such as 500000: not negative, and below a "
        "thousand million million."
    ),
}


def amount_of(text: str, unit: str) -> Decimal:
    """Return the amount that `text` writes out in digits. Raises Invalid for anything else."""
    if not WRITTEN.fullmatch(text):
        raise wrong(unit)
    return checked(Decimal(text), unit)


def checked(amount: Decimal, unit: str) -> Decimal:
    """Return `amount` if a budget in `unit` may have it. Raises Invalid."""
    if not amount.is_finite() or amount.is_signed() or amount >= AMOUNT_BELOW:
        raise wrong(unit)
    places = 0 if unit == Budget.Unit.TOKENS else MONEY_PLACES
    if amount != round(amount, places):
        raise wrong(unit)
    return amount


def wrong(unit: str) -> Invalid:
    """Return the error of an amount that a budget in `unit` cannot have."""
    words = WORDS.get(Budget.Unit(unit), "") if unit in Budget.Unit.values else ""
    words = words or WORDS[Budget.Unit.MONEY]
    return Invalid(words, fields={"amount": [words]})


def in_words(amount: Decimal, unit: str) -> str:
    """Return an amount as people read it: $12.50, or 40,000 tokens."""
    return money(amount) if unit == Budget.Unit.MONEY else f"{int(amount):,} tokens"
