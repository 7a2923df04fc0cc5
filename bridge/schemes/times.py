"""Signed times: where they stand, and how they are written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.signing import read_timestamp

#: Seconds since 1970 do not get this far for three thousand years: from here on it is milliseconds.
SECONDS_BEFORE = 1e11


@dataclass(frozen=True, kw_only=True)
class Timestamp:
    """A signed time: the `header` it stands in (None: in the signature's own), and how it is written."""

    header: str | None
    read: Callable[[str], datetime]
    write: Callable[[datetime], str]


def _write_iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_unix(text: str) -> datetime:
    """The moment that a number of seconds or milliseconds since 1970 names. Raises ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise ValueError("not a number of seconds or milliseconds")
    number = float(text)
    try:
        return datetime.fromtimestamp(number if number < SECONDS_BEFORE else number / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a time out of range") from error


def iso(header: str) -> Timestamp:
    """A time like 2026-11-23T10:00:00Z in `header`."""
    return Timestamp(header=header, read=read_timestamp, write=_write_iso)


def seconds(header: str | None) -> Timestamp:
    """Seconds since 1970 in `header`."""
    return Timestamp(header=header, read=read_unix, write=lambda moment: str(int(moment.timestamp())))


def milliseconds(header: str) -> Timestamp:
    """Milliseconds since 1970 in `header`. Seconds are understood too: they cannot be meant otherwise."""
    return Timestamp(header=header, read=read_unix, write=lambda moment: str(int(moment.timestamp() * 1000)))
