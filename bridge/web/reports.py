"""Which connections keep webhooks that cannot be verified, as one web process knows it without asking each time."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bridge.route import Route
from bridge.store import reporting
from bridge.store.reporting import Period

log = structlog.get_logger()

# What was read so long ago says nothing any more: who cannot ask, enforces.
_GOOD_FOR_SECONDS = 15.0
# What a stranger can have one process store of a connection: so many at once, one a second, so many bytes in all.
_BURST = 60.0
_A_SECOND = 1.0
_BYTES = 256 * 1024 * 1024


@dataclass(kw_only=True)
class _Allowance:
    """How much may be kept that nothing proves. What is beyond it is refused, and most platforms send it again."""

    webhooks: float = _BURST
    room: int = _BYTES
    at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> bool:
        """Use up one webhook of so many bytes; False if there is no room for it."""
        with self.lock:
            now = time.monotonic()
            self.webhooks = min(_BURST, self.webhooks + (now - self.at) * _A_SECOND)
            self.at = now
            if self.webhooks < 1 or self.room < size:
                return False
            self.webhooks -= 1
            self.room -= size
            return True


class Reports:
    """The connections that report, and until when. `names` are those that are set to; the database has the end."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.names = frozenset(name for name, route in routes.items() if route.connection.verification == "report")
        self.is_settled = False
        self._enforces = routes.keys() - self.names
        # By the steady clock of this machine: the database's may differ.
        self._open: dict[str, float] = {}
        self._known: dict[str, datetime | None] = dict.fromkeys(self.names)
        self._allowances = {name: _Allowance() for name in self.names}

    def takes(self, name: str, size: int) -> bool:
        """Whether a webhook of this connection that cannot be verified is stored now."""
        return time.monotonic() < self._open.get(name, 0.0) and self._allowances[name].take(size)

    def settle(self, connection: Connection, now: datetime) -> None:
        """Begin and end what the settings say, once in the life of a process: it `is_settled` with the commit."""
        found = reporting.settle(connection, reports=self.names, enforces=self._enforces, now=now)
        self._note(found, now)

    def read(self, connection: Connection, now: datetime) -> None:
        """Look who reports still, and who does again."""
        self._note(reporting.read(connection), now)

    def _note(self, found: Mapping[str, Period], now: datetime) -> None:
        for name in self.names:
            until = found[name].until if name in found else None
            left = (until - now).total_seconds() if until else 0.0
            if left > 0:
                self._open[name] = time.monotonic() + min(left, _GOOD_FOR_SECONDS)
            else:
                self._open.pop(name, None)
            self._say(name, until, is_open=left > 0)

    def _say(self, name: str, until: datetime | None, *, is_open: bool) -> None:
        """A line for the log when it begins, is renewed, or has ended."""
        told = until if is_open else None
        if self.is_settled and told == self._known[name]:
            return
        self._known[name] = told
        if told:
            log.warning("connection.reports", connection=name, until=told.isoformat(), then="it enforces again")
        else:
            cure = f"`bridge connections renew {name}`, or take the setting away"
            log.error("connection.report_ended", connection=name, now="it enforces", cure=cure)
