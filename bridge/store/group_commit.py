"""One commit for all who wait: threads whose rows arrive together share a transaction and its sync to the disk."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import StatementError

from bridge.errors import RowRefused, StoreUnavailable
from bridge.store.database import Database
from bridge.store.wakeup import notify

# A request waits no longer than this for the threads before it: Shopify hangs up after five seconds.
_WAIT_SECONDS = 4

# One commit for at most so many waiting requests; more would only make the first of them wait longer.
_BATCH = 128

Row = TypeVar("Row")


@dataclass(kw_only=True)
class _Waiting(Generic[Row]):
    """A thread's row, and its answer once there is one."""

    row: Row
    is_new: bool | None = None
    error: Exception | None = None


class GroupCommit(Generic[Row]):
    """Stores rows durably. The first thread to get the lock commits for all who wait: no hand-over to a writer thread.

    `insert` stores one row and tells whether it is new; `order` is the order in which a batch is stored.
    """

    def __init__(
        self, database: Database, insert: Callable[[Connection, Row], bool], *, order: Callable[[Row], str]
    ) -> None:
        self._database = database
        self._insert = insert
        self._order = order
        self._queue: deque[_Waiting[Row]] = deque()
        self._leader = threading.Lock()

    def add(self, row: Row) -> bool:
        """Store a row; when this returns it is on the disk. True if it is new. Raises StoreUnavailable."""
        waiting = _Waiting(row=row)
        self._queue.append(waiting)
        if not self._leader.acquire(timeout=_WAIT_SECONDS):
            # It may still be stored; the sender's repeat is then answered "known".
            raise StoreUnavailable("the requests before this one are not stored yet")
        try:
            while waiting.is_new is None and waiting.error is None:
                self._commit([self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))])
        finally:
            self._leader.release()
        if waiting.error:
            raise waiting.error
        return bool(waiting.is_new)

    def _commit(self, batch: list[_Waiting[Row]]) -> None:
        """Store the rows of `batch` in one transaction; each has its answer afterwards, whatever happens."""
        batch.sort(key=lambda waiting: self._order(waiting.row))
        try:
            with self._database.write() as connection:
                is_new = [self._insert(connection, waiting.row) for waiting in batch]
                notify(connection)
        except (StoreUnavailable, StatementError, UnicodeError) as error:
            if _is_about_a_row(error) and len(batch) > 1:
                # One row the database cannot hold must not refuse its neighbours.
                for waiting in batch:
                    self._commit([waiting])
                return
            words = str(error) if isinstance(error, StoreUnavailable) else f"no such row ({type(error).__name__})"
            for waiting in batch:
                waiting.error = StoreUnavailable(words)
        else:
            for waiting, new in zip(batch, is_new, strict=True):
                waiting.is_new = new
        finally:
            for waiting in batch:
                if waiting.is_new is None and waiting.error is None:
                    waiting.error = StoreUnavailable("the commit broke off")


def _is_about_a_row(error: Exception) -> bool:
    """Whether another row might still be stored, since it is not the database that fails."""
    return not isinstance(error, StoreUnavailable) or isinstance(error, RowRefused)
