"""Pieces of tool calls are put together before guards judge them."""

from inference.tool_calls import joined


def piece(index, arguments, **more):
    return {
        "index": index,
        "function": {"arguments": arguments, **more.pop("function", {})},
        **more,
    }


def test_the_pieces_of_a_call_become_one():
    first = piece(0, '{"q": "mar', id="c1", type="function", function={"name": "look"})
    found = joined([first, piece(0, "zi"), piece(0, 'pan"}')])
    assert found == [
        {
            "index": 0,
            "id": "c1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"q": "marzipan"}'},
        }
    ]
    # What came is left as it was.
    assert first["function"]["arguments"] == '{"q": "mar'


def test_calls_that_come_by_turns_are_told_apart():
    found = joined([piece(0, "a"), piece(1, "x"), piece(0, "b"), piece(1, "y")])
    assert [call["function"]["arguments"] for call in found] == ["ab", "xy"]


def test_what_has_no_index_or_no_function_is_kept():
    whole = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    assert joined([whole, whole]) == [whole, whole]
    assert joined([{"index": 0, "id": "c"}, piece(0, "{}")])[0]["function"] == {"arguments": "{}"}
    assert joined([]) == []


def test_what_comes_late_or_twice_is_no_text():
    found = joined([piece(0, None), piece(0, "{}"), piece(0, None, id="c1")])
    assert found[0]["function"]["arguments"] == "{}"
    assert found[0]["id"] == "c1"
