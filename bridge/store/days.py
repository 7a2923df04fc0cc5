"""Days as the index of people's messages counts them."""

from datetime import datetime


def day_of(moment: datetime) -> int:
    """The day of a moment, in UTC, counted from 1 January 1970."""
    return int(moment.timestamp() // 86_400)


def days_until(now: datetime, count: int) -> list[int]:
    """Today and the days before it, `count` in all."""
    return [day_of(now) - back for back in range(count)]
