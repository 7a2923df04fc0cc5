"""Telling an idle worker at once that there is work: a hint only, with polling behind it.

What listens for as long as a worker lives also holds the worker's name: a `Line` to the database.
"""

import fcntl
import sqlite3
import threading
import time
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, text

from bridge.errors import StoreUnavailable
from bridge.store import names
from bridge.store.database import Database

CHANNEL = "bridge_work"
_LOOK_EVERY = 0.02
# Soon: until then the name is free for another.
_RECONNECT_AFTER = 0.5


def notify(connection: Connection) -> None:
    """Wake the workers when this transaction commits."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


class Line(Protocol):
    """A worker's line to the database: word of work, and the lock on the worker's name.

    `called` is the name: the wanted one, or with a number behind it if another live worker has that.
    """

    called: str

    def take_name(self) -> None:
        """Take the name from all others. Raises StoreUnavailable."""

    def look(self) -> bool:
        """Wait a moment; True if there may be work. Raises StoreUnavailable when the line is broken."""

    def close(self) -> None:
        """Let go of the name."""


class Wakeup(threading.Thread):
    """Sets `event` whenever another process may have written work. Stops with `stop()`."""

    def __init__(self, database: Database, event: threading.Event, wanted: str) -> None:
        super().__init__(name="wakeup", daemon=True)
        self._line = _line(database, wanted)
        self._event = event
        self._stopping = threading.Event()

    @property
    def called(self) -> str:
        """The worker's name. It changes when the line was broken and another worker took the name meanwhile."""
        return self._line.called

    def take_name(self) -> str:
        """The worker's name, which no other live worker has from now on. Before `start()`. Raises StoreUnavailable."""
        self._line.close()
        self._line.take_name()
        return self.called

    def stop(self) -> None:
        """End the thread, and let go of the name."""
        self._stopping.set()
        if self.is_alive():
            self.join(1.0)
        self._line.close()

    def run(self) -> None:
        """Watch until stopped; an unreachable database is the worker loop's business, here only a pause."""
        while not self._stopping.is_set():
            try:
                if self._line.look():
                    self._event.set()
            except StoreUnavailable:
                self._stopping.wait(_RECONNECT_AFTER)


def _line(database: Database, wanted: str) -> Line:
    if database.is_sqlite:
        return _FileLine(database.url.database or "", wanted)
    # Only where it is needed: the driver costs memory, and may be missing.
    from bridge.store.listening import SessionLine

    return SessionLine(database.engine, wanted, CHANNEL)


class _FileLine:
    """SQLite: another process's commit changes `PRAGMA data_version`, a read of shared memory that takes microseconds.

    The name is a byte of a file beside the database: there is nothing to clean up, and containers that share the file
    see each other's locks, though not each other's processes.
    """

    def __init__(self, database: str, wanted: str) -> None:
        self.called = wanted
        self._wanted = wanted
        self._database = database
        self._names: IO[bytes] | None = None
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    def take_name(self) -> None:
        try:
            self._names = file = Path(f"{self._database}.workers").open("ab")  # noqa: SIM115 - held until the end
            self.called = names.first_free(self.called, self._wanted, lambda name: _lock(file, name))
        except OSError as error:
            raise StoreUnavailable(f"cannot lock {self._database}.workers: {error.strerror}") from error

    def look(self) -> bool:
        time.sleep(_LOOK_EVERY)
        try:
            if self._connection is None:
                # Of its own: the pragma counts what others changed since this connection last looked.
                self._connection = sqlite3.connect(self._database, timeout=1, check_same_thread=False)
            before, (self._seen,) = self._seen, self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error
        return self._seen != before

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._names is not None:
            self._names.close()
        self._connection = self._names = None


def _lock(file: IO[bytes], name: str) -> bool:
    """Take `name` for as long as this process has the file open; False if another process has it."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, names.number(name, 62))
    except (BlockingIOError, PermissionError):
        return False
    return True
