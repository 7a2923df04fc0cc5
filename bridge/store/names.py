"""The names of workers: a lock on each, which is let go when its process is gone, however it ended.

So a name tells who is alive without waiting for a heartbeat, and no two live workers have the same.
"""

import hashlib
import itertools
from collections.abc import Callable


def first_free(called: str, wanted: str, take: Callable[[str], bool]) -> str:
    """`called` if `take` gets it, else `wanted`, `wanted-2`, `wanted-3`, …: the first that it gets."""
    numbered = (f"{wanted}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([called, wanted], numbered) if take(name))


def number(name: str, bits: int) -> int:
    """The number that stands for `name` where a lock wants one: of so many bits, and not negative."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (1 << bits)
