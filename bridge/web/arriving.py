"""A request while it arrives: is all of it there, and is it one we take? Pure: bytes in, a verdict out."""

import re
from enum import Enum

#: All headers together. Webhooks have 2 KiB of them.
MOST_HEADER_BYTES = 32 * 1024
#: How many headers, and how long one may be. A browser's cookies are the longest that are met.
MOST_HEADERS, LONGEST_HEADER = 100, 8190

# More chunks than this, and one for each KiB that a body may have, cost more to read than they bring.
_MOST_SMALL_CHUNKS = 10_000
# A chunk's size with what may stand behind it.
_LONGEST_CHUNK_LINE = 256

_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding[ \t]*:[^\r\n]*chunked", re.IGNORECASE | re.MULTILINE)
_ASKS_FIRST = re.compile(rb"^expect[ \t]*:[ \t]*100-continue[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class Verdict(Enum):
    """What to do with a request: wait for more of it, serve it, or refuse it."""

    MORE = "more"
    WHOLE = "whole"
    HEADERS_TOO_LARGE = "headers too large"
    BODY_TOO_LARGE = "body too large"


_LONGEST_FIRST_LINE = 4096
_WORDS_OF_FIRST_LINE = 3


class Arriving:
    """The bytes of one request so far. A request that nobody can read counts as whole: the server says what is wrong.

    `asks_first` is whether the sender waits for a word before it sends the body.
    """

    def __init__(self, largest_body: int) -> None:
        self.bytes = bytearray()
        self.asks_first = False
        self._largest_body = largest_body
        self._looked_to = 0
        # Where the body begins and ends, once that is known.
        self._body_at = self._ends_at = 0
        self._is_chunked = False
        self._data_bytes = 0
        self._chunks_left = _MOST_SMALL_CHUNKS + largest_body // 1024

    @property
    def path(self) -> str:
        """The path of the request's first line; empty if that has not come, or is none."""
        words = bytes(self.bytes[:_LONGEST_FIRST_LINE]).partition(b"\r\n")[0].split(b" ")
        return words[1].partition(b"?")[0].decode("latin-1") if len(words) == _WORDS_OF_FIRST_LINE else ""

    def take(self, data: bytes) -> Verdict:
        """Add what has come, and judge."""
        self.bytes += data
        if not self._body_at and (verdict := self._read_headers()):
            return verdict
        if self._is_chunked:
            return self._read_chunks()
        return Verdict.WHOLE if len(self.bytes) >= self._ends_at else Verdict.MORE

    def _read_headers(self) -> Verdict | None:
        """None once they are all there, and the body may come."""
        # Never twice over the same bytes, or one byte at a time would cost the square of their number.
        end = self.bytes.find(b"\r\n\r\n", max(0, self._looked_to - 3))
        self._looked_to = len(self.bytes)
        if end > MOST_HEADER_BYTES or (end < 0 and len(self.bytes) > MOST_HEADER_BYTES):
            return Verdict.HEADERS_TOO_LARGE
        if end < 0:
            return Verdict.MORE
        head = bytes(self.bytes[:end])
        self._body_at = self._looked_to = end + 4
        self.asks_first = bool(_ASKS_FIRST.search(head))
        self._is_chunked = bool(_CHUNKED.search(head))
        # Of several lengths the server takes none.
        lengths = {int(found) for found in _LENGTH.findall(head)}
        length = lengths.pop() if len(lengths) == 1 and not self._is_chunked else 0
        self._ends_at = self._body_at + length
        return Verdict.BODY_TOO_LARGE if length > self._largest_body else None

    def _read_chunks(self) -> Verdict:
        """Go from chunk to chunk as far as they are there."""
        while True:
            line_end = self.bytes.find(b"\r\n", self._looked_to, self._looked_to + _LONGEST_CHUNK_LINE)
            if line_end < 0:
                is_line = len(self.bytes) - self._looked_to < _LONGEST_CHUNK_LINE
                return Verdict.MORE if is_line else Verdict.WHOLE
            try:
                size = int(bytes(self.bytes[self._looked_to : line_end]).partition(b";")[0].strip(), 16)
            except ValueError:
                return Verdict.WHOLE
            if size <= 0:
                return self._read_trailers(line_end)
            if self._data_bytes + size > self._largest_body or not self._chunks_left:
                return Verdict.BODY_TOO_LARGE
            if len(self.bytes) < line_end + 2 + size + 2:
                return Verdict.MORE
            self._data_bytes += size
            self._chunks_left -= 1
            self._looked_to = line_end + 2 + size + 2

    def _read_trailers(self, line_end: int) -> Verdict:
        if self.bytes.find(b"\r\n\r\n", line_end) >= 0:
            return Verdict.WHOLE
        too_long = len(self.bytes) - line_end > MOST_HEADER_BYTES
        return Verdict.HEADERS_TOO_LARGE if too_long else Verdict.MORE
