"""What the classifier sees of a text: hashed words and pieces of words, as weights of one vector.

Training and use share this code. A change here needs a new training.
"""

import re
import zlib

import numpy as np
from numpy.typing import NDArray

from guards import normal

# Buckets for words and their neighbours, and as many for pieces of words.
BUCKETS = 1 << 18
WORDS_TOGETHER = 3
PIECES = range(2, 6)

_WORD = re.compile(r"\w+|[^\w\s]")
_SPACES = re.compile(r"\s+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)

Counts = tuple[NDArray[np.int64], NDArray[np.float64]]


def cleaned(text: str) -> str:
    """Return the text as the classifier reads it: folded, each run of spaces as one."""
    return spaced(normal.fold(normal.plain(text)).text)


def spaced(text: str) -> str:
    """Return a folded text with each run of spaces as one."""
    return _SPACES.sub(" ", text).strip()


def counts(text: str) -> Counts:
    """Return the buckets of a cleaned text and what each counts: 1 + ln of how often it occurs."""
    words = _word_hashes(text)
    pieces = _piece_hashes(text) + BUCKETS
    buckets, times = np.unique(np.concatenate([words, pieces]), return_counts=True)
    return buckets, 1.0 + np.log(times)


def _word_hashes(text: str) -> NDArray[np.int64]:
    hashes = np.array(
        [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(text)],
        dtype=np.uint64,
    )
    rows = [_mixed(hashes, 1)]
    together = hashes
    for size in range(2, WORDS_TOGETHER + 1):
        together = together[:-1] * _MULTIPLIER + hashes[size - 1 :]
        rows.append(_mixed(together, size))
    return np.concatenate(rows)


def _piece_hashes(text: str) -> NDArray[np.int64]:
    padded = f" {text} ".encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(padded, dtype="<u4").astype(np.uint64)
    # A piece may begin or end at a space but holds none: words in another order count alike.
    spaces = np.concatenate([[0], np.cumsum(codes == 32)])
    rows = []
    together = codes
    for size in range(2, PIECES.stop):
        together = together[:-1] * _MULTIPLIER + codes[size - 1 :]
        inside = spaces[size - 1 : -1] - spaces[1 : len(together) + 1]
        rows.append(_mixed(together[inside == 0], size + WORDS_TOGETHER))
    return np.concatenate(rows)


def _mixed(hashes: NDArray[np.uint64], salt: int) -> NDArray[np.int64]:
    spread = (hashes + np.uint64(salt)) * _MULTIPLIER
    spread ^= spread >> _SHIFT
    return ((spread * _MULTIPLIER) >> np.uint64(64 - 18)).astype(np.int64)
