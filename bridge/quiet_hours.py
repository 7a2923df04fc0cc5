"""Quiet hours: which moments they hold in a time zone, and the first moment that is free in all of a person's zones.

Hours are the clock's on the wall. An hour that the clock skips is never quiet, and one that it repeats is quiet twice.
"""

import re
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY = timedelta(days=1)
#: A year has every season: zones that are never awake together within it never are.
_FURTHEST = timedelta(days=366)


@dataclass(frozen=True)
class QuietHours:
    """From `start` until just before `end` by the clock on the wall, over midnight where `end` is the earlier."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def is_quiet(self, moment: datetime, zone: str) -> bool:
        """Whether this moment (aware) is within the quiet hours of that IANA zone."""
        wall = _wall(moment, zone)
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


def parse(text: str) -> QuietHours:
    """The quiet hours written as `21:00-08:00`.

    Raises ValueError, which says what to write.
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("takes two times of 24 hours with a hyphen between, HH:MM-HH:MM, such as 21:00-08:00")
    hours = QuietHours(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
    if hours.start == hours.end:
        raise ValueError("begins and ends at the same time: write two different ones, HH:MM-HH:MM, such as 21:00-08:00")
    return hours


def next_moment(quiet: QuietHours, zones: Collection[str], after: datetime, before: datetime) -> datetime | None:
    """The first moment (UTC) from `after` on that is quiet in none of the zones; None if there is none before `before`.

    It looks a year ahead at most, from one end of quiet hours to the next.
    """
    moment = after.astimezone(UTC)
    horizon = min(before, moment + _FURTHEST)
    while moment < horizon:
        chance = max((_next_chance(quiet, moment, zone) for zone in zones), default=moment)
        if chance == moment:
            return moment
        moment = chance
    return None


def _next_chance(quiet: QuietHours, moment: datetime, zone: str) -> datetime:
    """This moment if it is free in one zone, else the first that can be: the end, or a change of the clock before."""
    if not quiet.is_quiet(moment, zone):
        return moment
    end = moment + (_since_midnight(quiet.end) - _since_midnight(_wall(moment, zone))) % _DAY
    return _change_of_clock(moment, end, zone) or end


def _change_of_clock(moment: datetime, end: datetime, zone: str) -> datetime | None:
    """When the zone's clock is changed between two moments, to the second; None if it runs through.

    They are less than a day apart, so it is changed once at most.
    """
    offset = _offset(moment, zone)
    if _offset(end, zone) == offset:
        return None
    start = moment.replace(microsecond=0)
    seconds = range(int((end - start).total_seconds()))
    changed = bisect_left(seconds, True, key=lambda at: _offset(start + timedelta(seconds=at), zone) != offset)
    return start + timedelta(seconds=changed)


def _wall(moment: datetime, zone: str) -> time:
    return moment.astimezone(ZoneInfo(zone)).time()


def _offset(moment: datetime, zone: str) -> timedelta | None:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
