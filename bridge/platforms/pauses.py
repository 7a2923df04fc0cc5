"""Not asking for a while: after refused credentials, or when a platform says "wait"."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bridge.errors import LookupFailed

_UNSAID_SECONDS = 10.0
_LONGEST_SECONDS = 600.0


class Pauses:
    """What to raise until when, instead of asking. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0
        self._error: LookupFailed | None = None

    def start(self, error: LookupFailed, seconds: float) -> LookupFailed:
        """`error`, which is from now on raised by `check` for so many seconds."""
        with self._lock:
            self._until, self._error = self._clock() + seconds, error
        return error

    def check(self) -> None:
        """Nothing, or raises the error of a pause that lasts."""
        with self._lock:
            left = self._until - self._clock()
            error = self._error if left > 0 else None
        if error is not None:
            # A new one each time: raising one object in many threads would mix up their tracebacks.
            raise type(error)(*error.args, after=left)


def read_reset(text: str | None, reset_in: str, *, now: datetime | None = None) -> float:
    """The seconds until more requests are allowed, within bounds; `reset_in` says what the number counts (`Limit`)."""
    try:
        number = float(text or "")
    except ValueError:
        return _UNSAID_SECONDS
    if reset_in == "milliseconds":
        number /= 1000
    elif reset_in == "unix":
        number -= (now or datetime.now(UTC)).timestamp()
    # What is not a number at all compares as false.
    return min(max(number, 1.0), _LONGEST_SECONDS) if number == number else _UNSAID_SECONDS


def read_retry_after(text: str | None, *, now: datetime | None = None) -> float:
    """The seconds that a Retry-After header asks for, as a number or a date, within bounds; 10 for none or garbage.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    try:
        text = (text or "").strip()
        if text.isascii() and text.replace(".", "", 1).isdigit():
            seconds = float(text)
        else:
            moment = parsedate_to_datetime(text)
            seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError):
        return _UNSAID_SECONDS
    return min(max(seconds, 1.0), _LONGEST_SECONDS)
