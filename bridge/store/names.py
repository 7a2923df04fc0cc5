"""The names of workers: a lock on each, which is let go when its process is gone, however it ended.

So a name tells who is alive without waiting for a heartbeat, and no two live workers have the same.
"""

import fcntl
import hashlib
import itertools
from collections.abc import Callable
from typing import IO, Any

import psycopg

# The first of PostgreSQL's two numbers for an advisory lock: these are ours and about names.
_NAMES = 7_203_115


def first_free(called: str, wanted: str, take: Callable[[str], bool]) -> str:
    """`called` if `take` gets it, else `wanted`, `wanted-2`, `wanted-3`, …: the first that it gets."""
    numbered = (f"{wanted}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([called, wanted], numbered) if take(name))


def lock_in_session(connection: psycopg.Connection[Any], name: str) -> bool:
    """Take `name` for as long as this session of PostgreSQL lasts; False if another session has it."""
    found = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [_NAMES, _number(name, 4)]).fetchone()
    return found is not None and bool(found[0])


def lock_in_file(file: IO[bytes], name: str) -> bool:
    """Take `name` for as long as this process has the file open; False if another process has it.

    One byte of the file stands for each name: there is nothing to clean up, and containers that share the file see
    each other's locks, though not each other's processes.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _number(name, 8) & (2**62 - 1))
    except (BlockingIOError, PermissionError):
        return False
    return True


def _number(name: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:size], "big", signed=True)
