"""A list that forgets its oldest rows, ready to be sent."""

import json
from collections import deque
from itertools import islice

#: The newest this many rows are kept,
KEPT = 100_000
#: and fewer where they come to more than this, so that nobody fills the memory with novels.
KEPT_BYTES = 100_000_000

Row = dict[str, object]


class Newest:
    """The newest rows, as the JSON that they will be asked for: it is compact, and a long list is soon put together."""

    def __init__(self, *, most: int = KEPT, most_bytes: int = KEPT_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._rows: deque[bytes] = deque()
        self._size = 0

    def append(self, row: Row) -> None:
        """Keep this row, and forget the oldest ones there is no room for."""
        self._rows.append(json.dumps(row).encode())
        self._size += len(self._rows[-1])
        while len(self._rows) > self._most or self._size > self._most_bytes:
            self._size -= len(self._rows.popleft())

    def clear(self) -> None:
        """Forget all."""
        self._rows.clear()
        self._size = 0

    def last(self, count: int) -> list[bytes]:
        """The newest so many, oldest first."""
        return list(islice(self._rows, max(0, len(self._rows) - count), None))
