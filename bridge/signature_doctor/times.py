"""What a signed time that cannot be read, or is far off, may have been meant as."""

from datetime import UTC, datetime

from bridge.schemes import read_unix
from bridge.signing import TOLERANCE

_UNITS = {"seconds": 1, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_HALF_HOUR = 1800
_MOST_HALF_HOURS = 28


def other_unit(text: str, now: datetime) -> str:
    """The form in which a time is about now, in words; "" if there is none."""
    for unit, share in _UNITS.items():
        if text.isascii() and text.isdigit() and len(text) <= 20 and _is_now(float(text) / share, now):
            return f"It is now if it is read as {unit}."
    moment = _iso(text)
    if moment is None or not _is_now(moment.timestamp(), now):
        return ""
    return "It is now if it is read as ISO 8601" + (" in UTC: a Z is missing after it." if "Z" not in text else ".")


def zone_remark(text: str, now: datetime) -> str:
    """A remark where a time is off by what time zones are; "" where it is not."""
    try:
        moment = read_unix(text) if text.isdigit() else _iso(text)
    except ValueError:
        return ""
    if moment is None:
        return ""
    off = abs((moment - now).total_seconds())
    half_hours = round(off / _HALF_HOUR)
    if 0 < half_hours <= _MOST_HALF_HOURS and abs(off - half_hours * _HALF_HOUR) < 60:
        return f" That is {half_hours / 2:g} h: a time zone that was left out, or a webhook that was sent again."
    return ""


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text[:64])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_now(seconds: float, now: datetime) -> bool:
    return abs(seconds - now.timestamp()) <= TOLERANCE.total_seconds()
