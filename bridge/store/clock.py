"""The database's clock, without asking it each time: moments of several hosts must not depend on each host's own."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from bridge.store.database import Database

# How long the best comparison with the database's clock is better than any newer one: quartz clocks drift.
_GOOD_FOR_SECONDS = 60.0


class Clock:
    """Tells the database's time. `ask` compares; `now` tells it by this machine's steady clock, from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The database's time at a moment of the steady clock, and how long the answer took: the shorter the surer.
        self._compared = (datetime.now(UTC), time.monotonic(), float("inf"))

    def ask(self, connection: Connection) -> datetime:
        """The database's time now."""
        began = time.monotonic()
        now = self._database.now(connection)
        took = time.monotonic() - began
        _, compared_at, shortest = self._compared
        if took <= shortest or began - compared_at > _GOOD_FOR_SECONDS:
            self._compared = (now, began + took / 2, took)
        return now

    def now(self) -> datetime:
        """The database's time, good to half of what the quickest recent answer took."""
        then, compared_at, _ = self._compared
        return then + timedelta(seconds=time.monotonic() - compared_at)
