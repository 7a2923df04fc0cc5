"""How many new webhooks a connection may bring: so that one that runs wild leaves the others their share.

Only what is genuine and new counts, so that no stranger can use a connection's share up.
"""

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

# Platforms send in bursts: after a sale, or what they have kept while we were away.
_BURST_SECONDS = 10.0


@dataclass
class _Bucket:
    """What is left of a burst, at a moment of time.monotonic()."""

    left: float
    at: float


class Rates:
    """The memory of one web process. `per_second` is each connection's own; 0 lets anything through.

    Threads may count at the same time and lose a webhook in the counting, which does no harm.
    """

    def __init__(self, connections: Collection[str], per_second: float) -> None:
        self._per_second = per_second
        self._most = per_second * _BURST_SECONDS
        now = time.monotonic()
        self._buckets = {name: _Bucket(self._most, now) for name in connections} if per_second else {}

    def is_over(self, connection: str) -> bool:
        """Whether the connection has used up its share for now."""
        return self.wait_seconds(connection) > 0

    def wait_seconds(self, connection: str) -> int:
        """In how many whole seconds the connection has a share again; 0 where it has one now."""
        bucket = self._buckets.get(connection)
        if bucket is None:
            return 0
        now = time.monotonic()
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        return math.ceil((1 - bucket.left) / self._per_second) if bucket.left < 1 else 0

    def count(self, connection: str) -> None:
        """Note a new webhook."""
        if bucket := self._buckets.get(connection):
            bucket.left -= 1
