"""Amounts of budgets are read strictly, and never as something else than was written."""

from decimal import Decimal

import pytest

from metering.amounts import amount_of, checked, in_words
from restai_site.lib.errors import Invalid

NO_AMOUNTS = [
    "",
    " ",
    "-1",
    "-0",
    "+1",
    "1e3",
    "1e309",
    "1E-7",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "inf",
    " 1",
    "1 ",
    "1\n",
    "1 000",
    "1,000",
    "1.",
    ".5",
    "1.0000001",
    "1.2.3",
    "0x10",
    "1_000",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "\N{FULLWIDTH DIGIT ONE}",
    "\0",
    "1000000000000000",
    "9" * 5000,
    "$5",
]


@pytest.mark.parametrize("text", NO_AMOUNTS)
@pytest.mark.parametrize("unit", ["money", "tokens"])
def test_what_is_no_plain_number_is_refused(text, unit):
    with pytest.raises(Invalid) as refused:
        amount_of(text, unit)
    assert set(refused.value.fields) == {"amount"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("25", "25"),
        ("0.50", "0.50"),
        ("0.000001", "0.000001"),
        ("999999999999999.999999", "999999999999999.999999"),
        ("007", "7"),
    ],
)
def test_money_is_read_exactly(text, amount):
    assert amount_of(text, "money") == Decimal(amount)


def test_tokens_are_whole():
    assert amount_of("500000", "tokens") == 500_000
    assert amount_of("500000.0", "tokens") == 500_000
    with pytest.raises(Invalid):
        amount_of("500000.5", "tokens")


@pytest.mark.parametrize(
    "amount", ["-1", "-0", "NaN", "sNaN", "Infinity", "1e15", "1e309", "1e-7", "0.0000001"]
)
def test_services_check_numbers_that_no_text_has_brought(amount):
    with pytest.raises(Invalid):
        checked(Decimal(amount), "money")


def test_people_read_dollars_and_tokens():
    assert in_words(Decimal("12.5"), "money") == "$12.50"
    assert in_words(Decimal(40_000), "tokens") == "40,000 tokens"
