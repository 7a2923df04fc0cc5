"""What an HTTP answer means for a message: every status, and every way to say "wait"."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.attentive.outcomes import of_status, of_text_status, read_retry_after
from bridge.messages import Outcome

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
DAY = 24 * 3600.0

TABLE = {
    Outcome.SENT: {200, 201, 202, 204, 299},
    Outcome.REFUSED: {400, 402, 405, 406, 409, 410, 413, 415, 422, 451, 499},
    Outcome.DENIED: {300, 301, 302, 303, 304, 307, 308, 401, 403, 404},
    Outcome.SLOW_DOWN: {429},
    Outcome.NOT_SENT: {408, 425, 500, 503},
    Outcome.UNKNOWN: {100, 101, 199, 501, 502, 504, 505, 520, 522, 524, 599, 600, 999},
}


@pytest.mark.parametrize(
    ("status", "outcome"), [(status, outcome) for outcome, statuses in TABLE.items() for status in sorted(statuses)]
)
def test_a_status_means(status: int, outcome: Outcome) -> None:
    assert of_status(status) is outcome


def test_the_newer_api_differs_in_one_status_because_nothing_says_that_it_drops_a_repeat() -> None:
    assert [status for status in range(100, 1000) if of_text_status(status) is not of_status(status)] == [500]
    assert of_text_status(500) is Outcome.UNKNOWN


def test_only_a_success_is_taken_for_sent() -> None:
    assert [status for status in range(100, 1000) if of_status(status) is Outcome.SENT] == [*range(200, 300)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("1", 1.0), ("120", 120.0), (" 7 ", 7.0), ("0005", 5.0),
        ("86401", DAY), ("99999999999999999999", DAY), ("0000000000000000030", 30.0),
        ("Wed, 25 Nov 2026 18:00:30 GMT", 30.0),
        ("Wed, 25 Nov 2026 19:00:30 +0100", 30.0),
        ("Wednesday, 25-Nov-26 18:00:30 GMT", 30.0),
        ("Wed Nov 25 18:00:30 2026", 30.0),
        ("Wed, 25 Nov 2026 17:00:00 GMT", 0.0),
        ("Fri, 25 Dec 2026 18:00:00 GMT", DAY),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    assert read_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "soon", "-5", "1.5", "1e3", "٣", "²", "5 seconds", "Wed, 99 Nov 2026 18:00:30 GMT",
        "Wed, 25 Nov 99999 18:00:30 GMT", "Wed, 25 Nov 2026 18:00:30 +9999", "\x00", "Wed,", "2026-11-25T18:00:30Z",
    ],
)  # fmt: skip
def test_garbage_says_nothing(value: str | None) -> None:
    assert read_retry_after(value, NOW) is None


@given(st.text(max_size=60))
def test_no_header_can_do_harm(value: str) -> None:
    seconds = read_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= DAY


@given(st.timedeltas(min_value=timedelta(days=-700), max_value=timedelta(days=700)))
def test_any_date_is_within_bounds(away: timedelta) -> None:
    seconds = read_retry_after(format_datetime(NOW + away, usegmt=True), NOW)
    assert seconds is not None
    assert 0 <= seconds <= DAY
