"""How many wrong passwords or tokens came lately: whoever tries many is told to wait."""

import time
from collections import OrderedDict
from threading import Lock

#: For how long one counts, in seconds.
COUNTS_FOR = 300.0
# So many from one address, or from all together.
_MOST, _MOST_OF_ALL = 10, 100
_MOST_ADDRESSES = 1000


class Tries:
    """One web process' own memory of them, from each address and from all."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def is_too_many(self, address: str) -> bool:
        """Whether this address has to wait."""
        with self._lock:
            since = time.monotonic() - COUNTS_FOR
            lately = {name: [at for at in times if at > since] for name, times in self._failed.items()}
            return len(lately.get(address, ())) >= _MOST or sum(map(len, lately.values())) >= _MOST_OF_ALL

    def failed(self, address: str) -> None:
        """Remember a wrong one."""
        with self._lock:
            self._failed.setdefault(address, []).append(time.monotonic())
            self._failed[address] = self._failed[address][-_MOST:]
            while len(self._failed) > _MOST_ADDRESSES:
                self._failed.popitem(last=False)
