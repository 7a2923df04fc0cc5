"""What an HTTP answer says about a message. Pure.

Source: https://docs.attentive.com/pages/api-reference/transactional-messages-api (200, 400, 403); the rest is HTTP.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bridge.messages import Outcome

_STATUS = {
    401: Outcome.DENIED,
    403: Outcome.DENIED,
    404: Outcome.DENIED,
    408: Outcome.NOT_SENT,
    425: Outcome.NOT_SENT,
    429: Outcome.SLOW_DOWN,
    500: Outcome.NOT_SENT,
    503: Outcome.NOT_SENT,
}


def of_status(status: int) -> Outcome:
    """The outcome an HTTP status means. A gateway's 502 and 504 say nothing about what happened behind it."""
    if status in _STATUS:
        return _STATUS[status]
    if 200 <= status < 300:
        return Outcome.SENT
    if 300 <= status < 400:
        return Outcome.DENIED
    if 400 <= status < 500:
        return Outcome.REFUSED
    return Outcome.UNKNOWN


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header, which is seconds or an HTTP date; None if it says nothing usable."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value.lstrip("0")[:9] or 0), 24 * 3600))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), 24 * 3600.0)
