"""Counting of tokens where the provider gives no count.

One tokenizer stands for all: OpenAI's cl100k_base, of which Llama 3 and others are descendants.
For another family the count is an estimate, and usage rows say that it came from a tokenizer.
The vocabulary is the file inside the litellm package; nothing is ever downloaded.
"""

import threading
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiktoken import Encoding

# litellm keeps the file under the SHA-1 of its address, as tiktoken's own cache does.
VOCABULARY = "litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
# tiktoken_ext/openai_public.py, cl100k_base.
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
# What is counted exactly: 15-30 ms of work at worst. The rest is taken to be like it.
COUNTED_CHARACTERS = 100_000
# tiktoken's time grows faster than the length of a run without a break, so texts are cut. A cut
# adds one token at most.
SLICE_CHARACTERS = 4096
# OpenAI Cookbook, "How to count tokens with tiktoken": each message carries three tokens of
# framing, a name one more, and the answer is primed with three.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_REPLY = 3
# OpenAI, "Images and vision": a picture at low detail, the least one costs.
TOKENS_PER_IMAGE = 85
# For estimates without a tokenizer: the usual four, and one less to be on the safe side.
CHARACTERS_PER_TOKEN = 3
_loading = threading.Lock()


def count_text(text: str) -> int:
    """Return the number of tokens of `text`.

    Beyond 100,000 characters the count is estimated from those, so that a megabyte of one letter
    costs no more work than any other text.
    """
    return _count([text])


def count_messages(messages: Iterable[Mapping[str, Any]]) -> int:
    """Return the number of tokens of a prompt: text, tool calls, framing, and a flat image fee.

    The first 100,000 characters of all together are counted exactly, as in `count_text`.
    """
    texts: list[str] = []
    tokens = TOKENS_PER_REPLY
    for message in messages:
        tokens += TOKENS_PER_MESSAGE
        for name, value in message.items():
            tokens += TOKENS_PER_NAME if name == "name" else 0
            tokens += _gather(value, texts)
    return tokens + _count(texts)


def _gather(value: Any, texts: list[str]) -> int:
    """Add the texts within `value` to `texts`, and return the tokens of the images in it."""
    tokens = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, Mapping) and item.get("type") == "image_url":
            tokens += TOKENS_PER_IMAGE
        elif isinstance(item, Mapping):
            waiting.extend(part for name, part in item.items() if name not in {"type", "id"})
    return tokens


def _count(texts: list[str]) -> int:
    counted = tokens = 0
    for text in texts:
        for start in range(0, min(len(text), COUNTED_CHARACTERS - counted), SLICE_CHARACTERS):
            piece = text[start : start + SLICE_CHARACTERS]
            # Lone surrogates have no UTF-8 form.
            valid = piece.encode(errors="replace").decode()
            tokens += len(_encoding().encode_ordinary(valid))
            counted += len(piece)
    total = sum(map(len, texts))
    return tokens if counted >= total else -(-tokens * total // counted)


def _encoding() -> "Encoding":
    """Return the tokenizer. Threads that come together for the first time load it once."""
    with _loading:
        return _load_encoding()


@cache
def _load_encoding() -> "Encoding":
    """Load the tokenizer: 0.2 s and 44 MB."""
    from tiktoken import Encoding

    lines = (_litellm_folder() / VOCABULARY).read_bytes().splitlines()
    pairs = (line.split() for line in lines if line)
    ranks = {b64decode(token): int(rank) for token, rank in pairs}
    return Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _litellm_folder() -> Path:
    """Return the folder of the litellm package without importing it, which takes seconds."""
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("litellm is not installed", name="litellm")
    return Path(spec.origin).parent
