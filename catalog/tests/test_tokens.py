import subprocess
import sys
import time

import pytest

from catalog.tokens import TOKENS_PER_IMAGE, count_messages, count_text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("tiktoken is great!", 6),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 9),
        ("<|endoftext|>", 7),
    ],
)
def test_known_counts_of_cl100k_base(text, tokens):
    # The first rows are the examples of OpenAI's cookbook.
    assert count_text(text) == tokens


def test_the_example_of_openais_cookbook():
    # "How to count tokens with tiktoken", where the API itself counted 129.
    messages = [
        {
            "role": "system",
            "content": "You are a helpful, pattern-following assistant that translates corporate "
            "jargon into plain English.",
        },
        {
            "role": "system",
            "name": "example_user",
            "content": "New synergies will help drive top-line growth.",
        },
        {
            "role": "system",
            "name": "example_assistant",
            "content": "Things working well together will increase revenue.",
        },
        {
            "role": "system",
            "name": "example_user",
            "content": "Let's circle back when we have more bandwidth to touch base on "
            "opportunities for increased leverage.",
        },
        {
            "role": "system",
            "name": "example_assistant",
            "content": "Let's talk later when we're less busy about how to do better.",
        },
        {
            "role": "user",
            "content": "This late pivot means we don't have time to boil the ocean for the "
            "client deliverable.",
        },
    ]
    assert count_messages(messages) == 129


def test_no_messages_cost_the_priming_of_the_answer():
    assert count_messages([]) == 3


def test_parts_and_tool_calls_are_counted_and_images_are_flat():
    plain = count_messages([{"role": "user", "content": "look here"}])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    parts = [{"type": "text", "text": "look here"}, picture]
    assert count_messages([{"role": "user", "content": parts}]) == plain + TOKENS_PER_IMAGE
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert count_messages([{"role": "user", "content": "look here", "tool_calls": [call]}]) > plain


def test_odd_values_do_not_fail():
    messages: list[dict] = [
        {"role": "user", "content": None},
        {"content": 7},
        {"content": [None, ["x"], {}]},
    ]
    assert count_messages(messages) == count_text("user") + count_text("x") + 4 * 3


def test_lone_surrogates_are_counted():
    assert count_text("a\ud800b") > 0


@pytest.mark.parametrize("text", ["a", " ", "ab", "日本", "!", "0", "\n", "a\u0301", "🦊"])
def test_a_megabyte_of_anything_costs_little(text):
    count_text("warm up")
    began = time.process_time()
    tokens = count_text(text * (1_000_000 // len(text)))
    assert time.process_time() - began < 0.5
    assert tokens > 500


def test_the_estimate_of_a_long_text_follows_its_length():
    words = "The quick brown fox jumps over the lazy dog. "
    assert count_text(words * 20_000) == pytest.approx(10 * 20_000, rel=0.01)


def test_counting_loads_no_litellm_and_needs_no_network(tmp_path):
    program = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from catalog.tokens import count_text\n"
        "assert 'tiktoken' not in sys.modules\n"
        "assert count_text('hello world') == 2\n"
        "assert 'litellm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
