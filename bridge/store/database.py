"""The database: one engine for SQLite and PostgreSQL, with the locks, time-outs and clock both need."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy import func as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import RowRefused, StoreUnavailable
from bridge.sealing import NO_KEYS, Keys
from bridge.store.alone import AloneConnection
from bridge.store.file_lock import FileLock
from bridge.store.sealed import give_keys

#: How long a transaction of the web process may take: Shopify hangs up after five seconds.
WEB_PATIENCE = 3.5
_PATIENCE = 20.0

# Long enough for a checkpoint on a slow disk, short enough for Shopify's five seconds.
_BUSY_SECONDS = 2
# How long a migration waits for another one's end, where the wait must have an end.
_MIGRATION_SECONDS = 600
# A failure that took longer than this is a database that does not answer.
_IN_VAIN_SECONDS = 1.5
# So long nobody asks it then: time for those who waited behind the one that asked.
_REST_SECONDS = 0.5
# Who asks it then may have waited behind the first one, and has only the rest of the sender's time left.
_SHARE_OF_PATIENCE_LEFT = 0.25


class Database:
    """The database at `url`, personal data sealed with `keys`. Make one per process, after a fork.

    Raises StoreUnavailable from `read` and `write` when the database does not answer, after `patience` seconds at most.
    Of PostgreSQL's connections at most so many are open at a time, `alone` or a worker's line among them.
    """

    def __init__(self, url: str, *, keys: Keys = NO_KEYS, patience: float = _PATIENCE, connections: int = 8) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._patience = patience
        self._silence = _Silence()
        self._gate: FileLock | None = None
        self._no_longer_than: Callable[[float], AbstractContextManager[None]] = lambda _seconds: nullcontext()
        if self.is_sqlite:
            self.engine = _sqlite_engine(url)
            self._gate = FileLock(Path(f"{self.url.database}.lock"), _BUSY_SECONDS)
        else:
            # Only where it is needed: the driver costs memory, and may be missing.
            from bridge.store import postgresql

            self.engine = postgresql.make_engine(self.url, patience=patience, pool=connections - 1)
            self._no_longer_than = postgresql.no_longer_than
        give_keys(self.engine, keys)
        self._alone = AloneConnection(self.engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed durably when the block ends.

        SQLite's writers queue on a file lock first: its own busy handler sleeps and polls, and starves
        some of them for seconds.
        """
        with self._answering(), self._gate or nullcontext(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries; nothing is written."""
        with self._answering(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection = connection.execution_options(bridge_begin="BEGIN")
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Any]:
        """A cursor of the driver whose every statement is a transaction of its own, on a connection kept for this.

        For one thread at a time.
        """
        driver = self.engine.dialect.loaded_dbapi
        with self._answering(), self._gate or nullcontext():
            try:
                yield self._alone.cursor()
            except (driver.DataError, driver.IntegrityError) as error:
                raise RowRefused(type(error).__name__) from error
            except driver.Error as error:
                self._alone.close()
                raise StoreUnavailable(_words(error)) from error

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """A connection for migrations, which may take as long as they need.

        On SQLite it is in one transaction, committed when the block ends. On PostgreSQL whoever uses it begins and
        commits: a table that one migration has locked need not be locked during the next ones.
        """
        if self.is_sqlite:
            gate = FileLock(Path(f"{self.url.database}.lock"), _MIGRATION_SECONDS)
            with _as_unavailable(), closing(gate), gate, self.engine.begin() as connection:
                yield connection
        else:
            with _as_unavailable(), self.engine.connect() as connection:
                connection.execute(text("SET statement_timeout = 0"))
                connection.commit()
                try:
                    yield connection
                finally:
                    # What is set for it, and the locks of its session, must not come back to others.
                    if not connection.invalidated:
                        connection.invalidate()

    @contextmanager
    def write_at_length(self) -> Iterator[Connection]:
        """A transaction that writes and may take as long as it needs, committed when the block ends."""
        with self.migrate() as connection:
            yield connection
            if not self.is_sqlite:
                connection.commit()

    def clear_journal(self) -> bool:
        """Have SQLite's journal forget what was overwritten and erased; False if somebody is reading just then.

        PostgreSQL's own journal goes as the server is set up.
        """
        if not self.is_sqlite:
            return True
        with _as_unavailable(), closing(self.engine.raw_connection()) as raw:
            (is_busy, _, _) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Makes StoreUnavailable of whatever the database does wrong, a silence included."""
        with (
            self._silence.watched(self._patience) as patience,
            _as_unavailable(),
            self._no_longer_than(patience),
        ):
            yield

    def now(self, connection: Connection) -> datetime:
        """The database's clock: due times and heartbeats of several hosts must not depend on each host's own."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = connection.execute(select(sql.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def dispose(self) -> None:
        """Close all connections."""
        self._alone.close()
        self.engine.dispose()
        if self._gate:
            self._gate.close()


class _Silence:
    """A database that does not answer is asked by one caller at a time; the others are refused at once.

    Each would hold its thread for the whole of its patience, and the requests behind it would be late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at: float | None = None

    @contextmanager
    def watched(self, patience: float) -> Iterator[float]:
        """A block that talks to the database, and how long it may. Raises StoreUnavailable at once if in vain."""
        began = time.monotonic()
        with self._lock:
            if self._ask_again_at is not None:
                if began < self._ask_again_at:
                    raise StoreUnavailable("the database has not answered lately")
                patience *= _SHARE_OF_PATIENCE_LEFT
                self._ask_again_at = began + patience
        is_silent = False
        try:
            yield patience
        except StoreUnavailable:
            is_silent = time.monotonic() - began > min(_IN_VAIN_SECONDS, 0.9 * patience)
            raise
        finally:
            self._ask_again_at = time.monotonic() + _REST_SECONDS if is_silent else None


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("all database connections are in use") from error
    except (DataError, IntegrityError) as error:
        # The words would quote the row.
        raise RowRefused(type(error.orig).__name__) from error
    except DBAPIError as error:
        raise StoreUnavailable(_words(error.orig)) from error
    except StatementError as error:
        # It did not come as far as the driver: a value that no column takes.
        raise RowRefused(type(error.orig).__name__) from error


def _words(error: BaseException | None) -> str:
    """The driver's first line: it names hosts and files, which the log may have. Those after it may quote a row."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


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
        # What is erased must not be left to read in a page that is free now.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once; a transaction that upgrades later could fail half-way.
        connection.exec_driver_sql(connection.get_execution_options().get("bridge_begin", "BEGIN IMMEDIATE"))

    return engine
