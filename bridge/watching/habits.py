"""How often a connection usually sends, and whether it has fallen silent by that. Pure.

The longest silence of the last weeks holds its nights and weekends; one that is half as long again is none of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: Before that a habit says nothing: not every connection sends on a Sunday.
KNOWN_AFTER = timedelta(days=8)
_KNOWN_ARRIVALS = 20
_WINDOW = timedelta(days=14)
_TIMES = 1.5
_AND = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Habit:
    """What is known of a connection. `longest` silence is in seconds, since `window_since` and in the window before."""

    connection: str
    since: datetime
    last_at: datetime
    window_since: datetime
    arrivals: int = 1
    longest: float = 0.0
    longest_before: float = 0.0

    def bearable(self, hours: float) -> timedelta | None:
        """How long it may be silent: so many `hours`, or with 0 by its habit; None as long as that is not known."""
        if hours:
            return timedelta(hours=hours)
        if self.last_at - self.since < KNOWN_AFTER or self.arrivals < _KNOWN_ARRIVALS:
            return None
        return timedelta(seconds=max(self.longest, self.longest_before)) * _TIMES + _AND


def begin(connection: str, seen_at: datetime) -> Habit:
    """The habit of one of whom only one webhook is known."""
    return Habit(connection=connection, since=seen_at, last_at=seen_at, window_since=seen_at)


def learn(habit: Habit, seen_at: datetime) -> Habit:
    """The habit after a webhook at `seen_at`, which is known to the minute."""
    if seen_at <= habit.last_at:
        return habit
    if seen_at - habit.window_since > _WINDOW:
        habit = replace(habit, longest_before=habit.longest, longest=0.0, window_since=seen_at)
    silence = (seen_at - habit.last_at).total_seconds()
    return replace(habit, last_at=seen_at, arrivals=habit.arrivals + 1, longest=max(habit.longest, silence))
