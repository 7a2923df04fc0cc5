"""PostgreSQL's line to a worker: one session that listens, and holds the lock on the worker's name."""

import time

import psycopg
from sqlalchemy import Engine

from bridge.errors import StoreUnavailable
from bridge.store import names, postgresql

# The first of the two numbers of an advisory lock: those with this one are ours and about names.
_NAMES = 7_203_115
_LISTEN_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
# A connection that carries nothing for long is cut by some routers, and neither side is told.
_SAY_SOMETHING_EVERY = 30.0


class SessionLine:
    """LISTEN, and an advisory lock of the session: the server lets go of it when the session ends, however it ends."""

    def __init__(self, engine: Engine, wanted: str, channel: str) -> None:
        self.called = wanted
        self._wanted = wanted
        self._engine = engine
        self._channel = channel
        self._session: postgresql.PatientConnection | None = None
        self._said_something = 0.0

    def take_name(self) -> None:
        """Connect, and take the name."""
        try:
            with postgresql.no_longer_than(_PATIENCE_SECONDS):
                self._session = session = postgresql.connect_alone(self._engine)
                self.called = names.first_free(self.called, self._wanted, lambda name: _lock(session, name))
                session.execute(f"LISTEN {self._channel}")
        except psycopg.Error as error:
            self.close()
            raise StoreUnavailable(postgresql.words(error)) from error
        self._said_something = time.monotonic()

    def look(self) -> bool:
        """Wait for a notification; a new session is one, since nobody knows what the old one has missed."""
        if self._session is None:
            self.take_name()
            return True
        try:
            if time.monotonic() - self._said_something > _SAY_SOMETHING_EVERY:
                with postgresql.no_longer_than(_PATIENCE_SECONDS):
                    self._session.execute("SELECT 1")
                self._said_something = time.monotonic()
            return bool(list(self._session.notifies(timeout=_LISTEN_SECONDS, stop_after=1)))
        except psycopg.Error as error:
            self.close()
            raise StoreUnavailable(postgresql.words(error)) from error

    def close(self) -> None:
        """End the session, and with it the lock."""
        if self._session is not None:
            self._session.close()
        self._session = None


def _lock(session: postgresql.PatientConnection, name: str) -> bool:
    """Take `name` for as long as the session lasts; False if another session has it."""
    # The server's numbers of 32 bits have a sign.
    parameters = [_NAMES, names.number(name, 31)]
    found = session.execute("SELECT pg_try_advisory_lock(%s, %s)", parameters).fetchone()
    return found is not None and bool(found[0])
