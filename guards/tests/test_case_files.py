"""Files of labelled texts: strict, line by line, and unmoved by hostile ones."""

import csv
import io
import json

import pytest

from guards.case_files import CSV, JSONL, LINE_MAX_BYTES, Case, cases_in, form_of
from guards.models.bench import CASES_MAX, TEXT_MAX_LENGTH, UPLOAD_MAX_BYTES
from restai_site.lib.errors import Invalid, TooLarge

HEAD = "text,label,category\n"


def read(content, form=CSV):
    raw = content if isinstance(content, bytes) else content.encode()
    return cases_in(io.BytesIO(raw), form)


def wrong(content, form=CSV):
    with pytest.raises(Invalid) as caught:
        read(content, form)
    assert caught.value.fields == {"file": [caught.value.message]}
    return caught.value.message


def test_csv_is_read_with_and_without_categories():
    assert read("text,label\nHello,safe\nKill it,unsafe\n") == [
        Case("Hello", "safe"),
        Case("Kill it", "unsafe"),
    ]
    assert read(HEAD + '"a, b",1,violence\n') == [Case("a, b", "unsafe", "violence")]
    assert read("Label,TEXT\n0,Hello\n") == [Case("Hello", "safe")]


def test_jsonl_is_read_with_and_without_categories():
    lines = [
        {"text": "Hello", "label": "safe"},
        {"text": "Grüße\n日本", "label": True, "category": "x"},
        {"text": "No", "label": 0, "category": None},
    ]
    content = "\n\n".join(json.dumps(line) for line in lines)
    assert read(content, JSONL) == [
        Case("Hello", "safe"),
        Case("Grüße\n日本", "unsafe", "x"),
        Case("No", "safe"),
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        *[(word, "safe") for word in ("safe", "SAFE", "0", "false", "False", " safe ")],
        *[(word, "unsafe") for word in ("unsafe", "Unsafe", "1", "true", "TRUE")],
    ],
)
def test_labels_are_words_or_numbers(label, expected):
    assert read(f"text,label\nHello,{label}\n")[0].expected == expected
    assert read(json.dumps({"text": "x", "label": label}), JSONL)[0].expected == expected


@pytest.mark.parametrize("label", ["", "2", "yes", "-1", "safe unsafe", "１"])
def test_other_labels_are_refused(label):
    assert wrong(f"text,label\nHello,{label}\n").startswith("Line 2: the label is")


@pytest.mark.parametrize("label", [2, -1, 1.0, 0.0, 0.5, None, [], {}, ["safe"], 10**30])
def test_other_values_are_refused_as_labels_in_json(label):
    content = json.dumps({"text": "x", "label": label})
    assert wrong(content, JSONL).startswith("Line 1")


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    assert read(b"\xef\xbb\xbftext,label\r\nHello,safe\r\n") == [Case("Hello", "safe")]
    assert read(b'\xef\xbb\xbf{"text": "x", "label": 1}', JSONL) == [Case("x", "unsafe")]


def test_other_encodings_are_refused_by_their_line():
    assert wrong("text,label\nHello,safe\nGrüße,safe\n".encode("latin-1")) == "Line 3 is not UTF-8."
    assert wrong("text,label\nx,safe\n".encode("utf-16")) == "Line 1 is not UTF-8."
    assert wrong(b"text,label\n\xed\xa0\x80,safe\n") == "Line 2 is not UTF-8."


def test_the_line_of_a_mistake_is_where_its_record_begins():
    content = HEAD + '"two\nlines",safe,\n\n"three\nmore\nlines",nonsense,\n'
    assert wrong(content).startswith("Line 5: the label is")
    assert read(HEAD + '"two\nlines",safe,\n')[0].text == "two\nlines"


@pytest.mark.parametrize(
    "head", ["text", "label,category", "text,label,text", "text,label,note", "a,b", ",x,"]
)
def test_a_wrong_head_is_refused(head):
    assert wrong(f"{head}\nHello,safe,x\n").startswith("Line 1 names the columns")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Hello", "1 cells"),
        ("Hello,safe,x,y", "4 cells"),
        (",safe,", "the text is missing"),
        ("   ,safe,", "the text is missing"),
        (f"x,safe,{'c' * 65}", "the category"),
        ("x,safe,\x07", "the category"),
        ('"x"y,safe,', "is not CSV"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_with_its_line(row, words):
    message = wrong(HEAD + "fine,safe,\n" + row + "\n")
    assert message.startswith("Line 3")
    assert words in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no JSON object"),
        ('"text"', "no JSON object"),
        ("[" * 5000, "is not JSON"),
        ('{"text": "x", "label": NaN}', "is not JSON"),
        ('{"text": "\\ud800", "label": 1}', "is not JSON"),
        ('{"text": "x\\u0000", "label": 1}', "NUL"),
        ('{"text": 5, "label": 1}', "the text is missing"),
        ('{"label": 1}', "the text is missing"),
        ('{"text": "x"}', "the label is"),
        ('{"text": "x", "label": 1, "category": 3}', "the category is a text"),
        ('{"text": "x", "label": 1, "score": 1}', "there is no field 'score'"),
    ],
)
def test_what_is_wrong_in_a_line_of_json_is_told_with_its_number(line, words):
    message = wrong('{"text": "fine", "label": "safe"}\n' + line, JSONL)
    assert message.startswith("Line 2")
    assert words in message


def test_the_longest_text_passes_and_a_longer_one_does_not():
    assert len(read(HEAD + "😀" * TEXT_MAX_LENGTH + ",safe,\n")[0].text) == TEXT_MAX_LENGTH
    escaped = json.dumps({"text": "😀" * TEXT_MAX_LENGTH, "label": 1})
    assert len(read(escaped, JSONL)[0].text) == TEXT_MAX_LENGTH
    assert "more than 8,000 characters" in wrong(HEAD + "x" * (TEXT_MAX_LENGTH + 1) + ",safe,\n")


def test_a_set_has_a_largest_size():
    rows = "x,safe\n" * CASES_MAX
    assert len(read("text,label\n" + rows)) == CASES_MAX
    message = wrong("text,label\n" + rows + "one more,safe\n")
    assert message == f"Line {CASES_MAX + 2}: a set has at most 5,000 texts."


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n", "\ufeff"])
def test_an_empty_file_is_refused(content):
    assert wrong(content) == "There is no text in the file."


class Endless(io.RawIOBase):
    """A file that does not end, and counts what is read of it."""

    def __init__(self, line):
        self.line, self.read_bytes = line, 0

    def readline(self, size=-1):
        piece = self.line[:size]
        self.read_bytes += len(piece)
        return piece


def test_no_more_than_the_limit_is_read():
    file = Endless(b"x,safe\n")
    with pytest.raises((TooLarge, Invalid)):
        cases_in(file, CSV)
    file = Endless(b"\n")
    with pytest.raises(TooLarge):
        cases_in(file, JSONL)
    assert file.read_bytes <= UPLOAD_MAX_BYTES + LINE_MAX_BYTES


def test_a_line_without_an_end_is_given_up_at_once():
    file = Endless(b"x" * (LINE_MAX_BYTES + 10))
    with pytest.raises(Invalid, match="Line 1 is longer than 128 KB"):
        cases_in(file, CSV)
    assert file.read_bytes == LINE_MAX_BYTES + 1


def test_a_million_columns_are_refused_without_being_split():
    assert "longer than" in wrong("," * 1_000_000 + "\n")
    assert "longer than" in wrong(HEAD + "," * 1_000_000 + "\n")
    assert "cells" in wrong(HEAD + "x" + "," * 100_000 + "\n")


def test_an_open_quote_swallows_no_whole_file():
    rows = "".join(f"row {number},safe,\n" for number in range(50_000))
    message = wrong(HEAD + '"open,safe,\n' + rows)
    assert message.startswith("Line 2 is not CSV")


@pytest.mark.parametrize("place", ["text,label\nx\0y,safe\n", "te\0xt,label\n", '"\0",safe'])
def test_nul_is_refused(place):
    assert "NUL" in wrong(place)


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1", "-2", "@SUM(A1)", "\t=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_kept_as_the_text_it_is(cell):
    file = io.StringIO()
    csv.writer(file).writerows([["text", "label"], [cell, "unsafe"]])
    assert read(file.getvalue())[0].text == cell


@pytest.mark.parametrize(
    ("name", "form"), [("a.csv", CSV), ("A.CSV", CSV), ("x.y.jsonl", JSONL), ("n.ndjson", JSONL)]
)
def test_the_form_is_told_by_the_name(name, form):
    assert form_of(name) == form


@pytest.mark.parametrize("name", ["", "csv", ".csv", "a.json", "a.xlsx", "a.csv.exe", "jsonl"])
def test_other_names_are_refused(name):
    with pytest.raises(Invalid):
        form_of(name)
