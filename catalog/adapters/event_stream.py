"""Reading of server-sent events (WHATWG HTML, section 9.2.6), written for little work per event."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineTooLongError(ValueError):
    """A line or an event is longer than the limit."""


class EventStreamReader:
    """Turns chunks of bytes, cut anywhere, into the data of the events they complete.

    Event names, ids and retry times are ignored: model providers put everything into the data.
    Raises LineTooLongError when a line, or the data of one event, exceeds `limit` bytes.
    """

    __slots__ = ("_after_return", "_data", "_data_size", "_limit", "_partial", "_partial_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Pieces of the unfinished line: joined once, so that many small chunks stay cheap.
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._after_return = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of each event that `chunk` completes."""
        if b"\r" in chunk or self._after_return:
            chunk = self._with_plain_line_ends(chunk)
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        if self._partial:
            chunk = b"".join((*self._partial, chunk))
            self._partial.clear()
            self._partial_size = 0
        lines = chunk.split(b"\n")
        rest = lines.pop()
        events = self._read(lines)
        if rest:
            self._keep(rest)
        return events

    def close(self) -> list[bytes]:
        """Return what an ending without a blank line left over."""
        rest, self._partial = b"".join(self._partial), []
        return self._read([rest, b""])

    def _read(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data, limit = self._data, self._limit
        for line in lines:
            if not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
                    self._data_size = 0
                continue
            value = _data_of(line)
            if value is None:
                continue
            self._data_size += len(line)
            if self._data_size > limit:
                raise LineTooLongError
            data.append(value)
        return events

    def _keep(self, piece: bytes) -> None:
        self._partial_size += len(piece)
        if self._partial_size > self._limit:
            raise LineTooLongError
        self._partial.append(piece)

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        if not chunk:
            return chunk
        if self._after_return and chunk[0] == 0x0A:
            chunk = chunk[1:]
            self._after_return = False
            if not chunk:
                return chunk
        self._after_return = chunk[-1] == 0x0D
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(line: bytes) -> bytes | None:
    if line.startswith(b"data: "):
        return line[6:]
    if line.startswith(BYTE_ORDER_MARK):
        return _data_of(line[3:])
    if line.startswith(b"data:"):
        return line[5:]
    return b"" if line == b"data" else None
