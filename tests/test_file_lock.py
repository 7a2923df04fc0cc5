"""The lock between SQLite's writers: one at a time, and nobody waits for ever."""

import fcntl
import threading
import time
from pathlib import Path

import pytest

from bridge.errors import StoreUnavailable
from bridge.store.file_lock import FileLock


def test_one_holder_at_a_time_between_threads_and_files(tmp_path: Path) -> None:
    # A lock object of its own stands for another process: flock tells open files apart, not processes.
    locks = [FileLock(tmp_path / "lock", 10) for _ in range(4)]
    inside, most = 0, 0

    def work(lock: FileLock) -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work, args=(lock,)) for lock in locks for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    for lock in locks:
        lock.close()


def test_a_lock_that_another_process_holds_for_too_long_is_refused_and_works_again_later(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path, 0.2)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="another process"), lock:
                pytest.fail("the lock is held")
    with lock, path.open("ab") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.close()


def test_who_gave_up_waiting_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path, 0.05)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable), lock:
            pytest.fail("the lock is held")
    patient = FileLock(path, 10)
    with patient:
        pass
    patient.close()


def test_a_path_that_cannot_be_opened_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file or directory"), FileLock(tmp_path / "no" / "lock", 1):
        pytest.fail("there is no such folder")
