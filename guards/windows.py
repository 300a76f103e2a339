"""A streamed text on its way past guards: held back until it has been judged.

What has come is held. Whenever enough of it is new, all that is held is judged, and of what passes
the beginning is released; the end stays, to be judged again together with what follows. What a
guard looks for is thus never split by a border, as long as it has no more letters and digits than
the overlap: whatever begins in what is released ends in what was judged. Letters and digits are
counted, because anything else (spaces, signs without width) may be strewn among them.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

from guards.spans import Span, masked

# With the full-width signs, which no space follows, and closing quotes.
SENTENCE_END = re.compile("[.!?\u2026]['\"\u201d\u2019\u00bb)\\]]*\\s|[\u3002\uff01\uff1f]|\n")
# How far a window may grow past its size while it looks for the end of a sentence.
GROWTH = 2


class Window:
    """The part of a stream that has not been released. Sizes as in `GuardsSection`."""

    def __init__(self, size: int, overlap: int) -> None:
        self.size = size
        self.overlap = overlap
        self.held = ""
        # The end of what was released, for guards that need to know what came before.
        self.context = ""
        self._judged = 0

    def add(self, text: str) -> None:
        """Hold `text`."""
        self.held += text

    @property
    def is_due(self) -> bool:
        """Whether enough is new to be judged: a window's worth, up to the end of a sentence."""
        new = len(self.held) - self._judged
        if new < self.size:
            return False
        recent = self.held[max(self._judged, len(self.held) - self.size) :]
        return new >= GROWTH * self.size or SENTENCE_END.search(recent) is not None

    def begin(self) -> str:
        """Return what is to be judged now: all that is held."""
        self._judged = len(self.held)
        return self.held

    def release(self, judged: str, spans: Sequence[Span], *, is_last: bool) -> str:
        """Return what may go, masked, after `judged` (what `begin` returned) has passed.

        `spans` are what is to be masked in it, in order. All of it goes where nothing follows.
        """
        end = len(judged) if is_last else self._border(judged, spans)
        released = masked(judged[:end], [span for span in spans if span.end <= end])
        self.held = self.held[end:]
        self._judged = max(self._judged - end, 0)
        self.context = (self.context + released)[-self.size - 2 * self.overlap :]
        return released

    def _border(self, judged: str, spans: Sequence[Span]) -> int:
        """Return up to where `judged` may go: the end of a sentence, if there is one."""
        end = self._farthest(judged)
        sentences = [match.end() for match in SENTENCE_END.finditer(judged, 0, end)]
        if sentences and sentences[-1] >= end // 2:
            end = sentences[-1]
        # What was found may go on in what has not come yet.
        for span in reversed(spans):
            if span.start < end < span.end or (span.start < end and span.end == len(judged)):
                end = span.start
        return end

    def _farthest(self, judged: str) -> int:
        """Return the place behind which there are as many letters and digits as the overlap."""
        counts = accumulate(character.isalnum() for character in reversed(judged))
        for behind, count in enumerate(counts, start=1):
            if count >= self.overlap:
                return len(judged) - behind
        return 0
