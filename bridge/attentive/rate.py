"""The rate limit: at which moments an account's next requests may leave. Pure; the account's row carries it on.

Requests leave one by one, a fixed time apart, whichever workers send them: an even stream has no bursts, and no limit
that counts by the second or by the minute can be exceeded by it.
"""

from datetime import datetime, timedelta

#: How far ahead a worker may reserve: long enough to be there when a moment comes, short enough that a message which
#: waits for its moment keeps no sender thread from others.
AHEAD = timedelta(seconds=0.15)


def slots(next_at: datetime | None, *, now: datetime, rate: float, most: int) -> list[datetime]:
    """The next moments, `most` at most, at which a request may leave; `rate` is in requests a second.

    `next_at` is the first that nobody has reserved. Moments that have passed unused are gone: they are not made up for.
    """
    gap = timedelta(seconds=1 / rate)
    first = max(now, next_at or now)
    last = now + AHEAD
    free = 0 if first > last else (last - first) // gap + 1
    return [first + number * gap for number in range(min(most, free))]


def after(slot: datetime, *, rate: float) -> datetime:
    """The moment that follows a reserved one."""
    return slot + timedelta(seconds=1 / rate)
