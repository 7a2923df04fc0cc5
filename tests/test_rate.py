"""The rate limit: even moments, no bursts, whoever sends; and what it does to the messages that wait for it."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests
import senders
from conftest import Stack, wait_until
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bridge.attentive import rate
from bridge.attentive.pace import Pace
from bridge.store import ledger
from bridge.store.database import Database
from bridge.store.tables import attempts

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("next_at", "a_second", "most", "expected"),
    [
        (None, 20, 3, [0.0, 0.05, 0.1]),
        (None, 10, 2, [0.0, 0.1]),
        (None, 10, 0, []),
        # No further ahead than 0.15 seconds.
        (None, 10, 9, [0.0, 0.1]),
        (None, 1, 9, [0.0]),
        (0.05, 10, 9, [0.05, 0.15]),
        (0.1, 10, 9, [0.1]),
        (0.2, 10, 9, []),
        # What nobody used is not made up for.
        (-60.0, 10, 9, [0.0, 0.1]),
    ],
)
def test_moments_are_even_and_soon(next_at: float | None, a_second: float, most: int, expected: list[float]) -> None:
    first = None if next_at is None else NOW + timedelta(seconds=next_at)
    found = rate.slots(first, now=NOW, rate=a_second, most=most)
    assert found == [NOW + timedelta(seconds=seconds) for seconds in expected]


@given(
    a_second=st.floats(0.5, 1000),
    turns=st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 40)), min_size=1, max_size=60),
)
def test_no_two_moments_are_closer_than_the_rate_allows_whenever_workers_ask(
    a_second: float, turns: list[tuple[float, int]]
) -> None:
    now, next_at, taken = NOW, None, list[datetime]()
    for later, most in turns:
        now += timedelta(seconds=later)
        found = rate.slots(next_at, now=now, rate=a_second, most=most)
        assert all(now <= moment <= now + rate.AHEAD for moment in found)
        if found:
            next_at = rate.after(found[-1], rate=a_second)
        taken += found
    shortest = timedelta(seconds=1 / a_second)
    assert all(later - earlier >= shortest for earlier, later in pairwise(taken))


def test_a_worker_that_asks_in_time_loses_no_moment() -> None:
    now, next_at, taken = NOW, None, 0
    while now < NOW + 60 * SECOND:
        found = rate.slots(next_at, now=now, rate=150, most=16)
        if found:
            next_at, taken = rate.after(found[-1], rate=150), taken + len(found)
        now += timedelta(seconds=0.1)
    assert 8990 <= taken <= 9000 + 150 * rate.AHEAD.total_seconds()


def test_late_requests_of_one_worker_do_not_leave_in_a_bunch() -> None:
    pace = Pace(requests_per_second=50)
    left: list[float] = []
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: (pace.wait(-1.0), left.append(time.monotonic())))
    # The first may be taken for one that only the machine was slow with.
    assert max(left) - min(left) > 5.9 / 50


# --- real workers ------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(stack_on_both: Stack) -> Iterator[Stack]:
    """Web and two workers, for 20 requests a second; nothing leaves yet."""
    stack_on_both.settings["ATTENTIVE_RATE"] = "20"
    assert stack_on_both.run("db", "upgrade").returncode == 0
    stack_on_both.start_sandbox()
    stack_on_both.start_web()
    return stack_on_both


def _attempts(stack: Stack) -> list[dict[str, str]]:
    found: list[dict[str, str]] = requests.get(f"{stack.sandbox_url}/api/attempts", timeout=10).json()
    return found


def test_two_workers_together_keep_to_the_rate_and_no_message_loses_an_attempt(limited: Stack) -> None:
    count, a_second = 60, 20.0
    for _ in range(count):
        senders.order().post_until_acknowledged(limited.web_url)
    limited.start_worker(WORKER_NAME="one")
    limited.start_worker(WORKER_NAME="two")
    wait_until(lambda: [message["state"] for message in _messages(limited)] == ["sent"] * count, "all are sent")

    messages, times = _messages(limited), _starts(limited)
    assert len(times) == count
    for start in times:
        # On a machine that is busy with other things a worker's requests may all be late, by what it may reserve ahead.
        late = a_second * rate.AHEAD.total_seconds()
        assert sum(start <= moment < start + SECOND for moment in times) <= a_second + late + 1
    # The limit is used: a worker that starts late or waits too long would make it slower.
    assert (times[-1] - times[0]).total_seconds() < (count - 1) / a_second * 1.5
    assert {(message["state"], message["attempts"]) for message in messages} == {("sent", 1)}


def _messages(stack: Stack) -> list[Mapping[str, Any]]:
    with _reading(stack) as connection:
        ids = [row["id"] for row in ledger.list_messages(connection, limit=1000)]
        found = [ledger.find_message(connection, message) for message in ids]
    return [message for message in found if message]


def _starts(stack: Stack) -> list[datetime]:
    """When the attempts began, by the database's clock."""
    with _reading(stack) as connection:
        return sorted(connection.execute(select(attempts.c.started_at)).scalars())


@contextmanager
def _reading(stack: Stack) -> Iterator[Connection]:
    database = Database(stack.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with database.read() as connection:
        yield connection
    database.dispose()


def test_one_slow_down_slows_the_account_and_not_one_message(limited: Stack) -> None:
    """429 with a Retry-After of two seconds, once: everything waits, then everything goes."""
    limited.set_faults(status=429, retry_after=2, count=1)
    limited.start_worker()
    senders.order().post_until_acknowledged(limited.web_url)
    wait_until(lambda: _attempts(limited), "the first attempt")
    answered_at = time.monotonic()
    for _ in range(3):
        senders.order().post_until_acknowledged(limited.web_url)
    wait_until(lambda: len(limited.texts()) == 4, "all are sent")
    assert time.monotonic() - answered_at > 1.5
    first, *others = sorted(datetime.fromisoformat(attempt["received_at"]) for attempt in _attempts(limited))
    assert all(moment - first >= 1.9 * SECOND for moment in others)
