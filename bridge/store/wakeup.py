"""Telling an idle worker at once that there is work: a hint only, with polling behind it.

SQLite: another process's commit changes `PRAGMA data_version`, a read of shared memory that costs microseconds.
PostgreSQL: LISTEN and NOTIFY.
"""

import sqlite3
import threading
import time

import psycopg
from sqlalchemy import Connection, text

from bridge.store.database import Database

CHANNEL = "bridge_work"
_LOOK_EVERY = 0.02
_RECONNECT_AFTER = 2.0


def notify(connection: Connection) -> None:
    """Wake the workers when this transaction commits."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


class Wakeup(threading.Thread):
    """Sets `event` whenever another process may have written work. Stops with `stop()`."""

    def __init__(self, database: Database, event: threading.Event) -> None:
        super().__init__(name="wakeup", daemon=True)
        self._database = database
        self._event = event
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread; returns at once."""
        self._stopping.set()

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
        connection = sqlite3.connect(self._database.url.database or "", timeout=1)
        try:
            seen = None
            while not self._stopping.is_set():
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    self._event.set()
                time.sleep(_LOOK_EVERY)
        finally:
            connection.close()

    def _listen(self) -> None:
        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._event.set()
            while not self._stopping.is_set():
                for _notification in connection.notifies(timeout=0.5, stop_after=1):
                    self._event.set()
