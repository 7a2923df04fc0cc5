"""The database: one engine for SQLite and PostgreSQL, with the locks, time-outs and clock both need."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy import func as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import StoreUnavailable
from bridge.store.file_lock import FileLock

# Long enough for a checkpoint on a slow disk, short enough for Shopify's five seconds.
_BUSY_SECONDS = 2


class Database:
    """The database at `url`. Make one per process, after a fork.

    Raises StoreUnavailable from `read` and `write` when the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._gate = FileLock(Path(f"{self.url.database}.lock"), _BUSY_SECONDS) if self.is_sqlite else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed durably when the block ends.

        SQLite's writers queue on a file lock first: its own busy handler sleeps and polls, and starves
        some of them for seconds.
        """
        with _as_unavailable():
            if self._gate is None:
                with self.engine.begin() as connection:
                    yield connection
            else:
                with self._gate, self.engine.begin() as connection:
                    yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries; nothing is written."""
        with _as_unavailable(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection = connection.execution_options(bridge_begin="BEGIN")
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The database's clock: due times and heartbeats of several hosts must not depend on each host's own."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = connection.execute(select(sql.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._gate:
            self._gate.close()


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("all database connections are in use") from error
    except DBAPIError as error:
        # The driver's first line names hosts and files, which the log may have; the lines after it may quote a row.
        words = str(error.orig).partition("\n")[0]
        raise StoreUnavailable(f"{type(error.orig).__name__}: {words}") from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}, pool_size=16
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling would begin transactions late and commit behind our back.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL would not sync at commit: an acknowledged webhook could be lost in a power failure.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once; a transaction that upgrades later could fail half-way.
        connection.exec_driver_sql(connection.get_execution_options().get("bridge_begin", "BEGIN IMMEDIATE"))

    return engine


def _postgresql_engine(url: str) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=8,
        pool_timeout=_BUSY_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _BUSY_SECONDS, "options": "-c statement_timeout=20s -c lock_timeout=3s"},
    )
