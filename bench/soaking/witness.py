"""Who saw what: the sandbox's own record of the POSTs that came and of the texts on the phone."""

import re
import threading
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import requests

Row = dict[str, Any]

_NAME = re.compile(r"#(\d{6,})")
# The sandbox keeps the newest 10,000 rows; asking for all of them each time would be most of its work.
_SOME, _ALL = 1_000, 10_000
_EVERY_SECONDS = 1.0


class Feed:
    """The rows of one of the sandbox's lists, each once, although the list forgets its oldest."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._last: list[Row] = []
        self._etag = ""

    def new_rows(self) -> list[Row]:
        """What came since the last call, the oldest first."""
        for limit in (_SOME, _ALL):
            answer = self._session.get(
                self._url, params={"limit": limit}, headers={"If-None-Match": self._etag}, timeout=30
            )
            if answer.status_code == 304:
                return []
            rows: list[Row] = answer.json()
            known = self._known_at_the_start_of(rows)
            if known or len(rows) < limit:
                self._last, self._etag = rows, answer.headers["ETag"]
                return rows[known:]
        raise AssertionError("the sandbox has forgotten rows that nobody had read: poll more often")

    def _known_at_the_start_of(self, rows: list[Row]) -> int:
        """How many of `rows` are the last ones of before."""
        for count in range(min(len(rows), len(self._last)), 0, -1):
            if rows[count - 1] == self._last[-1] and rows[:count] == self._last[-count:]:
                return count
        return 0


class Witness:
    """Reads the sandbox's lists as they grow. Times are seconds since the epoch, by the sandbox's clock."""

    def __init__(self, sandbox_url: str) -> None:
        self._messages = Feed(f"{sandbox_url}/api/messages")
        self._attempts = Feed(f"{sandbox_url}/api/attempts")
        #: How often each text was seen on a phone, by order.
        self.seen: Counter[int] = Counter()
        #: When a POST about an order came.
        self.attempts: defaultdict[int, list[float]] = defaultdict(list)
        #: When a POST was answered 200.
        self.successes: list[float] = []
        self.suppressed = 0
        #: POSTs that broke off before their end: whoever sent them was killed over it.
        self.torn = 0
        self.error: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look for the last time; raises what went wrong while looking."""
        self._over.set()
        self._thread.join()
        self._look()
        if self.error:
            raise self.error

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS) and self.error is None:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - whoever waits for the end is told
                self.error = error

    def _look(self) -> None:
        for row in self._attempts.new_rows():
            if (order := _order(row)) is None:
                self.torn += 1
                continue
            at = datetime.fromisoformat(row["received_at"]).timestamp()
            self.attempts[order].append(at)
            self.suppressed += bool(row["suppressed"])
            if row["status"] == 200:
                self.successes.append(at)
        self.seen.update(order for row in self._messages.new_rows() if (order := _order(row)) is not None)


def _order(row: Row) -> int | None:
    """The order that a text is about: each order's text names it, so that one text is one order."""
    found = _NAME.search(row["body"] or "")
    return int(found[1]) if found else None
