"""Keeps a worker's requests to their moments: late ones must not leave in a bunch."""

import threading
import time
from dataclasses import dataclass, field

# So much lateness is nothing but the machine's jitter, and does not push those that follow.
_JITTER_SECONDS = 0.02


@dataclass(kw_only=True)
class Pace:
    """Lets one account's requests go one by one, `requests_per_second` apart even if all are late. For many threads."""

    requests_per_second: float
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _last: float = 0.0

    def wait(self, seconds: float) -> None:
        """Return when the request that is due in so many seconds may leave."""
        due = time.monotonic() + seconds
        with self._turn:
            due = max(due, self._last + 1 / self.requests_per_second)
            time.sleep(max(0.0, due - time.monotonic()))
            self._last = max(due, time.monotonic() - _JITTER_SECONDS)
