"""Cells of CSV are text or numbers, never formulas."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restai_site.lib.csv import csv_text, safe_cell

STARTERS = "=+-@＝＋－＠"  # noqa: RUF001


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\r", "\n", "\r\n", "\u00a0", "\ufeff", "\x01", "\0"]
)
def test_what_would_begin_a_formula_is_made_text(starter, before):
    cell = f"{before}{starter}1+1"
    assert safe_cell(cell).startswith("'")
    assert safe_cell(cell).replace("'", "") == cell.replace("\0", "")


@pytest.mark.parametrize("split", [";", "\t", "\n", "\r"])
def test_nor_does_a_formula_begin_where_another_program_splits_the_cell(split):
    assert safe_cell(f"harmless{split}=1+1") == f"harmless{split}'=1+1"
    assert safe_cell(f"harmless{split} @SUM(A1)") == f"harmless{split}' @SUM(A1)"


@pytest.mark.parametrize("text", ["", "plain", "a=b", "x-y", "a@example.org", "1+1", "É", "a; b"])
def test_other_text_is_left_as_it_is(text):
    assert safe_cell(text) == text


def test_numbers_stay_numbers_and_none_is_empty():
    moment = datetime(2026, 11, 3, 4, 5, tzinfo=UTC)
    cells = (-1, -2.5, Decimal("-0.000012345678"), None, True, moment)
    expected = ["-1", "-2.5", "-0.000012345678", "", "True", "2026-11-03T04:05:00+00:00"]
    assert [safe_cell(cell) for cell in cells] == expected


def test_rows_are_read_back_as_written():
    row = ["a,b", 'say "x"', "two\nlines", "semi;colon", "", "é"]
    assert read(csv_text([row, row])) == [row, row]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.sampled_from(f"{STARTERS}aZ1 ;,'\"\t\r\n\0\u00a0\ufeff")), min_size=1))
def test_no_text_at_all_makes_a_cell_that_begins_like_a_formula(texts):
    for cell in read(csv_text([texts]))[0] if any(texts) else []:
        for piece in cell.replace("\t", ";").replace("\r", ";").replace("\n", ";").split(";"):
            assert piece.strip()[:1] not in tuple(STARTERS)
