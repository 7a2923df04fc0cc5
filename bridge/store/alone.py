"""A connection beside the pool, whose every statement is a transaction of its own.

What is stored with one statement needs no BEGIN and no COMMIT: each would be a round trip to PostgreSQL, and each
lets another thread of this process run while we hold SQLite's lock, on which the other processes wait.
"""

import contextlib
import select
from typing import Any

from sqlalchemy import Engine


class AloneConnection:
    """The driver's own connection to the database of `engine`, opened when it is needed. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def cursor(self) -> Any:
        """A cursor of the driver. Raises the driver's errors."""
        if self._connection is not None and self._is_stale():
            self.close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection.cursor()

    def close(self) -> None:
        """Close it; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(self._engine.dialect.loaded_dbapi.Error):
                connection.close()

    def _open(self) -> Any:
        # Through the engine, so that whatever it sets up for a connection holds for this one too.
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        if self._engine.dialect.name != "sqlite":
            # SQLite's connections are that already.
            connection.autocommit = True
        return connection

    def _is_stale(self) -> bool:
        """Whether the server has hung up: on a healthy connection nothing is left to read."""
        if self._engine.dialect.name == "sqlite":
            return False
        if self._connection.closed:
            return True
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
