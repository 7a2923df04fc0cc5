"""One commit for all who wait: threads whose rows arrive together share a transaction and its sync to the disk."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bridge.errors import RowRefused, StoreUnavailable
from bridge.store.database import Database

# A request waits no longer than this for the threads before it: Shopify hangs up after five seconds.
_WAIT_SECONDS = 4

# One commit for at most so many waiting requests; more would only make the first of them wait longer.
_BATCH = 128

Row = TypeVar("Row")


@dataclass(kw_only=True)
class _Waiting(Generic[Row]):
    """A thread's row, and its answer once there is one. The thread sleeps on `asleep` until it is released."""

    row: Row
    asleep: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    is_new: bool | None = None
    error: StoreUnavailable | None = None


class GroupCommit(Generic[Row]):
    """Stores rows durably. One of the waiting threads commits for all: no hand-over to a writer thread.

    `store` stores rows with a cursor of the driver, each statement a transaction, and tells of each whether it is new.
    """

    def __init__(
        self, database: Database, store: Callable[[Any, Sequence[Row]], Sequence[bool]], *, order: Callable[[Row], str]
    ) -> None:
        self._database = database
        self._store = store
        self._order = order
        self._lock = threading.Lock()
        self._queue: deque[_Waiting[Row]] = deque()
        self._is_led = False

    def add(self, row: Row) -> bool:
        """Store a row; when this returns it is on the disk. True if it is new. Raises StoreUnavailable."""
        waiting = _Waiting(row=row)
        waiting.asleep.acquire()
        with self._lock:
            self._queue.append(waiting)
            waiting.leads, self._is_led = not self._is_led, True
        if not waiting.leads:
            self._sleep(waiting)
        if waiting.leads:
            self._lead()
        if waiting.error:
            raise waiting.error
        return bool(waiting.is_new)

    def _sleep(self, waiting: _Waiting[Row]) -> None:
        """Wait until the row has its answer, or is the first in the queue and its thread is to lead."""
        if waiting.asleep.acquire(timeout=_WAIT_SECONDS):
            return
        with self._lock:
            if waiting.asleep.acquire(blocking=False):
                return
            if waiting in self._queue:
                self._queue.remove(waiting)
        # It may still be stored; the sender's repeat is then answered "known".
        raise StoreUnavailable("the requests before this one are not stored yet")

    def _lead(self) -> None:
        """Commit for all who wait, and leave those who came meanwhile to the first of them."""
        batch: list[_Waiting[Row]] = []
        try:
            self._commit(batch)
        finally:
            with self._lock:
                self._is_led = bool(self._queue)
                if self._queue:
                    self._queue[0].leads = True
                    self._queue[0].asleep.release()
            for waiting in batch:
                if waiting.is_new is None and waiting.error is None:
                    waiting.error = StoreUnavailable("the commit broke off")
                waiting.asleep.release()

    def _commit(self, batch: list[_Waiting[Row]]) -> None:
        """Move the queue to `batch` and give each its answer."""
        try:
            with self._database.alone() as cursor:
                # Not before the lock is ours: who came while we waited for it goes along.
                self._move_queue(batch)
                answers = self._store(cursor, [waiting.row for waiting in batch])
        except RowRefused:
            # One row the database cannot hold must not refuse its neighbours.
            for waiting in batch:
                self._commit_one(waiting)
        except StoreUnavailable as error:
            self._move_queue(batch)
            for waiting in batch:
                # Each thread raises its own.
                waiting.error = StoreUnavailable(str(error))
        else:
            for waiting, is_new in zip(batch, answers, strict=True):
                waiting.is_new = is_new

    def _commit_one(self, waiting: _Waiting[Row]) -> None:
        try:
            with self._database.alone() as cursor:
                (waiting.is_new,) = self._store(cursor, [waiting.row])
        except StoreUnavailable as error:
            waiting.error = error

    def _move_queue(self, batch: list[_Waiting[Row]]) -> None:
        with self._lock:
            while self._queue and len(batch) < _BATCH:
                batch.append(self._queue.popleft())
        batch.sort(key=lambda waiting: self._order(waiting.row))
