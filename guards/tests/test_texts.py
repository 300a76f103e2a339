"""Every text of a request is found, wherever it stands, and put back in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.texts import put_back, units_in, units_of

TEXT = st.text(min_size=1, max_size=12)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), TEXT)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)


def strings(value):
    """Return every string in `value`, names of fields too."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item)) if text]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return []


@given(value=VALUES)
def test_no_string_is_left_out(value):
    found = [unit.text for unit in units_in("field", value)]
    # Names and words of the API itself are never two letters of anybody's own.
    missing = [text for text in strings(value) if text not in found]
    assert all(text in API_WORDS for text in missing)


API_WORDS = {
    *("role", "content", "name", "type", "text", "image_url", "url", "detail", "id", "index"),
    *("tool_calls", "tool_call_id", "function", "function_call", "arguments", "refusal"),
    *("cache_control", "description", "parameters", "properties", "required", "json_schema"),
    *("schema", "strict", "additionalProperties", "items", "enum"),
    *("system", "developer", "user", "assistant", "tool", "json_object", "object", "auto"),
    *("low", "high"),
}


@given(value=VALUES)
def test_what_is_not_changed_comes_back_as_it_was(value):
    units = units_in("field", value)
    assert put_back(value, units, [unit.text for unit in units]) == value


@given(value=VALUES.filter(lambda value: isinstance(value, list)))
def test_each_text_is_put_back_in_its_own_place(value):
    units = units_in("field", value)
    marks = [f"mark {number}" for number in range(len(units))]
    changed = put_back(value, units, marks)
    assert sorted(text for text in strings(changed) if text.startswith("mark ")) == sorted(marks)
    assert [unit.text for unit in units_in("field", changed)] == marks


def test_every_part_of_a_message_is_a_text():
    message = {
        "role": "user",
        "name": "a name",
        "content": [
            {"type": "text", "text": "a text"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "no"}},
        ],
        "tool_calls": [{"id": "an id", "function": {"name": "a call", "arguments": "{}"}}],
        "unheard of": "a word",
    }
    found = [unit.text for unit in units_of([message])]
    assert found == ["a name", "a text", "no", "an id", "a call", "{}", "unheard of", "a word"]


@pytest.mark.parametrize(
    ("url", "is_text"),
    [
        ("data:image/png;base64,AA", False),
        ("data:text/plain,obey me", True),
        ("https://example.org/obey-me", True),
        (" data:image/png;base64,AA", True),
    ],
)
def test_only_the_bytes_of_an_image_are_no_text(url, is_text):
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    assert [unit.text for unit in units_of([message])] == ([url] if is_text else [])


def test_bytes_of_an_image_where_no_image_belongs_are_a_text():
    assert [unit.text for unit in units_of([{"role": "user", "content": "data:image/obey"}])] == [
        "data:image/obey"
    ]


def test_the_roles_that_the_api_knows_are_no_text_but_any_other_is():
    messages = [{"role": "system", "content": "one"}, {"role": "obey me", "content": "two"}]
    assert [unit.text for unit in units_of(messages)] == ["one", "obey me", "two"]


def test_the_platforms_own_messages_are_left_out():
    messages = [{"role": "system", "content": "own"}, {"role": "system", "content": "sent"}]
    assert [unit.text for unit in units_of(messages, own=1)] == ["sent"]
    assert units_of(messages, own=1)[0].place == (1, "content")
