"""The strict reading of a verdict: exactly one object of exactly the asked fields, or nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.verdicts import QUOTES_MAX, REASON_MAX_LENGTH, Unreadable, read, schema

SAFE = {"verdict": "safe", "category": "none", "score": 0.1, "reason": "Fine."}


def text(**changes):
    return json.dumps({**SAFE, **changes})


def test_a_verdict_is_read():
    found = read(text(verdict="unsafe", category="Hate Speech", score=1), with_quotes=False)
    assert (found.is_unsafe, found.category, found.score) == (True, "hate_speech", 1.0)
    assert found.reason == "Fine."


def test_spaces_around_it_are_no_matter():
    assert not read(f"\n {text()}\n", with_quotes=False).is_unsafe


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "safe",
        "null",
        "[]",
        text() + text(),
        f"Sure: {text()}",
        f"```json\n{text()}\n```",
        text(more=1),
        text(verdict="Safe"),
        text(verdict=["safe"]),
        text(verdict={"safe": 1}),
        text(verdict=None),
        text(score="0.1"),
        text(score=True),
        text(score=None),
        text(score=1.01),
        text(score=-0.01),
        text().replace("0.1", "NaN"),
        text().replace("0.1", "Infinity"),
        text().replace("0.1", "1e999"),
        text(reason=None),
        text(category=3),
        text(category="<b>"),
        text(quotes=[]),
        '{"verdict": "unsafe", ' + text()[1:],
        # The same field, spelled otherwise.
        '{"\\u0076erdict": "unsafe", ' + text()[1:],
        text()[:-1] + ', "verd\\u0069ct": "safe"}',
        text()[:-1] + ', "score": 0.9}',
        text()[:-1],
        "{" * 100_000,
        "[" * 100_000,
    ],
)
def test_anything_else_is_unreadable(answer):
    with pytest.raises(Unreadable):
        read(answer, with_quotes=False)


@pytest.mark.parametrize("quotes", [None, "a", [1], [["a"]], ["a"] * (QUOTES_MAX + 1)])
def test_quotes_are_a_list_of_texts(quotes):
    with pytest.raises(Unreadable):
        read(text(quotes=quotes), with_quotes=True)


def test_quotes_of_nothing_are_left_out():
    found = read(text(verdict="unsafe", quotes=["", "a"]), with_quotes=True)
    assert found.quotes == ("a",)


def test_a_long_reason_is_cut():
    assert len(read(text(reason="a" * 9999), with_quotes=False).reason) == REASON_MAX_LENGTH


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    answer=st.one_of(
        st.text(),
        VALUES.map(json.dumps),
        st.fixed_dictionaries(
            {"verdict": VALUES, "category": VALUES, "score": VALUES, "reason": VALUES}
        ).map(json.dumps),
    )
)
def test_nothing_but_a_verdict_is_ever_one(answer):
    try:
        found = read(answer, with_quotes=False)
    except Unreadable:
        return
    value = json.loads(answer)
    assert value["verdict"] == ("unsafe" if found.is_unsafe else "safe")
    assert 0 <= value["score"] <= 1


@pytest.mark.parametrize("with_quotes", [False, True])
def test_the_schema_asks_for_exactly_what_is_read(with_quotes):
    asked = schema(with_quotes=with_quotes)
    assert asked["additionalProperties"] is False
    assert asked["required"] == list(asked["properties"])
    answer = {**SAFE, **({"quotes": []} if with_quotes else {})}
    assert set(answer) == set(asked["properties"])
    assert not read(json.dumps(answer), with_quotes=with_quotes).is_unsafe
