"""Telling an idle worker at once that there is work: a hint only, with polling behind it.

SQLite: another process's commit changes `PRAGMA data_version`, a read of shared memory that costs microseconds.
PostgreSQL: LISTEN and NOTIFY.

What listens for as long as a worker lives also holds the worker's name.
"""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy import Connection, text

from bridge.errors import StoreUnavailable
from bridge.store import names, postgresql
from bridge.store.database import Database

CHANNEL = "bridge_work"
_LOOK_EVERY = 0.02
_LISTEN_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
# A connection that carries nothing for long is cut by some routers, and neither side is told.
_SAY_SOMETHING_EVERY = 30.0
# Soon: until then the name is free for another.
_RECONNECT_AFTER = 0.5


def notify(connection: Connection) -> None:
    """Wake the workers when this transaction commits."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


class Wakeup(threading.Thread):
    """Sets `event` whenever another process may have written work. Stops with `stop()`.

    `called` is the worker's name: `wanted`, or with a number behind it if another live worker has that. It changes
    when the connection was lost and another worker took the name meanwhile.
    """

    def __init__(self, database: Database, event: threading.Event, wanted: str) -> None:
        super().__init__(name="wakeup", daemon=True)
        self.called = wanted
        self._wanted = wanted
        self._database = database
        self._event = event
        self._stopping = threading.Event()
        self._session: psycopg.Connection[object] | None = None
        self._file: IO[bytes] | None = None

    def take_name(self) -> str:
        """The worker's name, which no other live worker has from now on. Before `start()`. Raises StoreUnavailable."""
        self._let_go()
        try:
            if self._database.is_sqlite:
                self._file = file = Path(f"{self._database.url.database}.workers").open("ab")  # noqa: SIM115 - until the end
                self.called = names.first_free(self.called, self._wanted, lambda name: names.lock_in_file(file, name))
            else:
                self._session = self._connect()
        except (OSError, psycopg.Error) as error:
            raise StoreUnavailable(f"cannot take the worker's name: {error}") from error
        return self.called

    def stop(self) -> None:
        """End the thread, and let go of the name."""
        self._stopping.set()
        if self.is_alive():
            self.join(1.0)
        self._let_go()

    def run(self) -> None:
        """Watch until stopped; an unreachable database is the worker loop's business, here only a pause."""
        watch = self._watch_sqlite if self._database.is_sqlite else self._listen
        while not self._stopping.is_set():
            try:
                watch()
            except (sqlite3.Error, psycopg.Error):
                self._stopping.wait(_RECONNECT_AFTER)

    def _watch_sqlite(self) -> None:
        # A connection of its own: the pragma counts what others changed since this connection last looked.
        with closing(sqlite3.connect(self._database.url.database or "", timeout=1)) as connection:
            seen = None
            while not self._stopping.is_set():
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    self._event.set()
                time.sleep(_LOOK_EVERY)

    def _listen(self) -> None:
        session, self._session = self._session or self._connect(), None
        with closing(session):
            self._event.set()
            said_something = time.monotonic()
            while not self._stopping.is_set():
                for _notification in session.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                    self._event.set()
                if time.monotonic() - said_something > _SAY_SOMETHING_EVERY:
                    with postgresql.no_longer_than(_PATIENCE_SECONDS):
                        session.execute("SELECT 1")
                    said_something = time.monotonic()

    def _connect(self) -> psycopg.Connection[object]:
        with postgresql.no_longer_than(_PATIENCE_SECONDS):
            session = postgresql.connect_alone(self._database.engine)
            try:
                self.called = names.first_free(
                    self.called, self._wanted, lambda name: names.lock_in_session(session, name)
                )
                session.execute(f"LISTEN {CHANNEL}")
            except psycopg.Error:
                session.close()
                raise
        return session

    def _let_go(self) -> None:
        for held in (self._session, self._file):
            if held is not None:
                held.close()
        self._session = self._file = None
