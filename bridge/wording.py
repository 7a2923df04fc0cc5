"""Numbers and spans of time in words, the same in the terminal and in the console. Pure."""

from datetime import datetime, timedelta


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 segment`, `2 segments`, `2 deliveries`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def ago(moment: datetime, now: datetime) -> str:
    """`3 minutes ago`; the day where it is long past."""
    past = now - moment
    return f"{span(past)} ago" if past < timedelta(days=2) else f"on {moment:%Y-%m-%d}"


def span(time: timedelta) -> str:
    """`3 minutes`, `5 hours`, `2 days`."""
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(minutes // 1440, "day")
