"""The answers of the last minute, so that many webhooks about one person ask once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

from bridge.events import Lookup

_SECONDS = 60.0
_MOST = 1000


class Remembered:
    """Answers by what was asked for. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[Lookup, tuple[float, Mapping[str, object]]] = OrderedDict()

    def recall(self, lookup: Lookup) -> Mapping[str, object] | None:
        """The answer, if it is at most a minute old."""
        with self._lock:
            until, answer = self._answers.get(lookup, (0.0, None))
            return answer if answer is not None and self._clock() < until else None

    def remember(self, lookup: Lookup, answer: Mapping[str, object]) -> None:
        """Keep it; the oldest go."""
        with self._lock:
            self._answers[lookup] = (self._clock() + _SECONDS, answer)
            self._answers.move_to_end(lookup)
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)
