"""How much of the newer API each token may use: requests a second, and names of messages a day."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

#: "Your access token allows you to make up to 150 requests per second for most endpoints."
REQUESTS_PER_SECOND = 150
#: "Restricted to 20 messages in a 24 hour window."
NAMES_PER_DAY = 20

_DAY_SECONDS = 24 * 3600.0


class Quota:
    """Counts for every token by itself; from any thread. `now` is in seconds, from whenever."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._requests: defaultdict[str | None, deque[float]] = defaultdict(deque)
        self._names: defaultdict[str | None, dict[str, float]] = defaultdict(dict)

    def use(self, token: str | None) -> int:
        """Count a request; how many are left in this second, or -1 if it is one too many."""
        with self._lock:
            now, requests = self._now(), self._requests[token]
            while requests and requests[0] <= now - 1:
                requests.popleft()
            if len(requests) >= REQUESTS_PER_SECOND:
                return -1
            requests.append(now)
            return REQUESTS_PER_SECOND - len(requests)

    def admit(self, token: str | None, name: str) -> bool:
        """Whether a message may have this name: one of the day's, or a new one while there is room."""
        with self._lock:
            now, names = self._now(), self._names[token]
            for old in [old for old, at in names.items() if at <= now - _DAY_SECONDS]:
                del names[old]
            if name not in names and len(names) >= NAMES_PER_DAY:
                return False
            # A name's day begins when it is created, and is not renewed by use.
            names.setdefault(name, now)
            return True

    def clear(self) -> None:
        """Forget what was used."""
        with self._lock:
            self._requests.clear()
            self._names.clear()
