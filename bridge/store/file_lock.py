"""The lock that SQLite's writers queue on: first come, first served, between threads and processes; with a time-out."""

import fcntl
import threading
import time
from pathlib import Path
from typing import IO

from bridge.errors import StoreUnavailable


class FileLock:
    """An exclusive lock on the file at `path`, for as long as the `with` block lasts.

    Raises StoreUnavailable if it is not to be had within `seconds`.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._between_threads = threading.Lock()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> None:
        deadline = time.monotonic() + self._seconds
        if not self._between_threads.acquire(timeout=self._seconds):
            raise StoreUnavailable("another thread has held the database for too long")
        try:
            self._lock(deadline)
        except OSError as error:
            self._between_threads.release()
            raise StoreUnavailable(f"cannot lock {self._path}: {error.strerror}") from error
        except BaseException:
            self._between_threads.release()
            raise

    def __exit__(self, *exc: object) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._between_threads.release()

    def close(self) -> None:
        """Close the lock's file; the next use opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lock(self, deadline: float) -> None:
        if self._file is None:
            self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            self._file = _Waiter(self._path).wait(deadline - time.monotonic())


class _Waiter:
    """Waits for the lock in a thread of its own: a blocking lock is served in turn, but knows no time-out."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._decided = threading.Lock()
        self._has_it = threading.Event()
        self._gave_up = False

    def wait(self, seconds: float) -> IO[bytes]:
        """The file, locked. Raises StoreUnavailable after `seconds`; the lock is then let go as soon as it comes."""
        threading.Thread(target=self._block, name="file lock", daemon=True).start()
        self._has_it.wait(seconds)
        with self._decided:
            if not self._has_it.is_set():
                self._gave_up = True
                raise StoreUnavailable("another process has held the database for too long")
        return self._file

    def _block(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._decided:
            if self._gave_up:
                self._file.close()
            else:
                self._has_it.set()
