"""What each process does on the side, in a thread of its own: it writes down what it has counted, looks for trouble.

Never in the path of a webhook or a text: whatever goes wrong here, those go on.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from bridge import faults
from bridge.errors import StoreUnavailable, kind_and_place
from bridge.store import tallies
from bridge.store.database import Database
from bridge.tally import SENT, Count, Row, Sent, Tally

log = structlog.get_logger()

_EVERY_SECONDS = 3.0


@dataclass(kw_only=True)
class Observer:
    """The thread. Make it after a fork. `looks` are called at each turn."""

    database: Database
    tally: Tally
    looks: tuple[Callable[[], None], ...] = ()
    _closing: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def open(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def close(self, *, patience: float = 3.0) -> None:
        """Write down what was counted last, and end the thread; it is waited for so many seconds."""
        self._closing.set()
        if self._thread is not None:
            # Somebody may be being told of something. What was counted is written down all the same.
            self._thread.join(patience)
        self.write()

    def _run(self) -> None:
        while not self._closing.wait(_EVERY_SECONDS):
            for step in (self.write, *self.looks):
                try:
                    step()
                except StoreUnavailable as error:
                    log.warning("observer.database_unavailable", error=str(error))
                except Exception as error:  # noqa: BLE001 - what looks for trouble must not end by one
                    log.error("observer.crashed", error=kind_and_place(error))
                    faults.tell(error)

    def write(self) -> None:
        """Add to the sums in the database what was counted here since the last time.

        If the answer to a commit is lost it may be counted twice; if the process is killed, a few seconds are lost.
        """
        rows, sent = self.tally.take()
        if not (rows or sent):
            return
        try:
            ages = self._ages(sent) if sent else {}
            with self.database.write() as connection:
                tallies.add(connection, {row: rows.get(row, 0.0) + ages.get(row, 0.0) for row in rows | ages})
        except StoreUnavailable as error:
            self.tally.put_back(rows, sent)
            log.warning("observer.database_unavailable", error=str(error))

    def _ages(self, sent: Sequence[Sent]) -> dict[Row, float]:
        """How long it took from each one's webhook to its sending, as rows of the tallies."""
        with self.database.read() as connection:
            received = tallies.received_at(connection, [one.delivery_id for one in sent])
        found = Tally()
        for one in sent:
            if came := received.get(one.delivery_id):
                # The clocks of two hosts may differ.
                age = max(0.0, (one.at - came).total_seconds())
                found.add(Count(metric=SENT, labels=(one.account,), by=age))
        return found.take()[0]
