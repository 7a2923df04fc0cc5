"""What an HTTP answer says about a message. Pure.

Sources: https://docs.attentive.com/pages/api-reference/transactional-messages-api (200, 400, 403) and
https://docs.attentive.com/pages/api-rate-limits (429 and its headers); the rest is HTTP.
"""

from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from bridge.messages import Outcome

#: A rate of more digits is none.
_DIGITS = 10

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


def of_text_status(status: int) -> Outcome:
    """The outcome for the newer API. After a 500 the text may be on its way, and nothing says that a repeat of it would
    be dropped; a 503 says that the request was not served.
    """
    return Outcome.UNKNOWN if status == 500 else of_status(status)


def read_wait(status: int, headers: Message, now: datetime) -> float | None:
    """Seconds to wait before the next request, where an answer says so.

    The newer API has no Retry-After: its limit is one of requests a second, so a second later there is room again.
    """
    said = read_retry_after(headers.get("Retry-After"), now)
    return 1.0 if said is None and read_rate_limit(status, headers) else said


def read_rate_limit(status: int, headers: Message) -> int | None:
    """The requests a second that Attentive allows, where an answer says that they were more (429)."""
    said = (headers.get("x-ratelimit-limit") or "").strip()
    is_rate = status == 429 and said.isascii() and said.isdigit() and len(said) < _DIGITS
    return int(said) or None if is_rate else None


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
