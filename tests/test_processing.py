"""Stored deliveries: claimed by one worker, finished, given back, set aside, replayed. On both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bridge.events import Delivery
from bridge.messages import Deferred
from bridge.reasons import Reason
from bridge.store import processing
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.tables import deliveries

RECEIVED = datetime.now(UTC) - timedelta(days=3)


def add(database: Database, key: str, body: bytes = b"{}", *, at: datetime = RECEIVED) -> None:
    delivery = Delivery(connection="shop", headers={}, body=body, received_at=at)
    assert Inbox(database).add(delivery, key=key, signed_bytes=None, headers={})


def rows(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(deliveries).order_by(deliveries.c.id)))


def claim(database: Database, owner: str = "worker-1", limit: int = 100) -> list[Delivery]:
    with database.write() as connection:
        return processing.claim(connection, owner, limit, database.now(connection))


def finish(database: Database, delivery_id: int | None, owner: str = "worker-1", state: str = "processed") -> bool:
    """As a worker's turn does it: what it does not hold any more it does not finish."""
    with database.write() as connection:
        held = processing.still_held(connection, {delivery_id or 0: owner})
        finished = [processing.Finished(delivery_id=one, state=state, reason=None, events=[]) for one in held]
        processing.finish(connection, finished, database.now(connection))
    return bool(held)


def recover(database: Database, owner: str) -> int:
    with database.write() as connection:
        return processing.recover(connection, owner)


def replay(database: Database, delivery_id: int | None, *, again: bool = False) -> bool:
    with database.write() as connection:
        return processing.replay(connection, delivery_id or 0, database.now(connection), again=again)


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """What `work` gives in `count` threads that begin at the same moment."""
    start = threading.Barrier(count)

    def wait_and_work(number: int) -> object:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_work, range(count)))


# --- claiming ----------------------------------------------------------------------------------------------------


def test_the_oldest_due_are_claimed_first_and_no_more_than_asked_for(database: Database) -> None:
    for minutes in (3, 1, 2):
        add(database, f"e{minutes}", str(minutes).encode(), at=RECEIVED + timedelta(minutes=minutes))
    assert [one.body for one in claim(database, limit=2)] == [b"1", b"2"]
    assert [one.body for one in claim(database, limit=2)] == [b"3"]
    assert claim(database) == []


def test_two_owners_never_get_the_same_delivery(database: Database) -> None:
    for number in range(40):
        add(database, f"e{number}")

    def take(worker: int) -> list[int | None]:
        mine: list[int | None] = []
        while claimed := claim(database, f"worker-{worker}", limit=3):
            mine += [one.id for one in claimed]
        return mine

    taken = [one for mine in together(4, take) for one in mine]  # type: ignore[attr-defined]
    assert sorted(taken) == sorted(row.id for row in rows(database))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_web_host_whose_clock_is_ahead_delays_nothing(database: Database) -> None:
    """On PostgreSQL web and worker may be different hosts; with SQLite there is only one clock."""
    add(database, "e1", at=datetime.now(UTC) + timedelta(hours=1))
    assert len(claim(database)) == 1


def test_a_claim_counts_as_an_attempt(database: Database) -> None:
    add(database, "e1")
    assert [one.attempts for one in claim(database)] == [1]


def test_what_is_finished_is_not_claimed_again(database: Database) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    assert finish(database, claimed.id)
    assert claim(database) == []
    (row,) = rows(database)
    assert (row.state, row.owner) == ("processed", None)
    assert row.processed_at is not None


def test_only_the_owner_can_finish_and_only_once(database: Database) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    assert not finish(database, claimed.id, "worker-2")
    assert finish(database, claimed.id)
    assert not finish(database, claimed.id)


def test_a_deferred_delivery_waits_until_it_is_due_and_says_for_what(database: Database) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    soon = datetime.now(UTC) + timedelta(hours=1)
    deferred = Deferred(due=soon, waiting_for="lookup", detail="Zendesk answered 503.")
    with database.write() as connection:
        processing.defer(connection, claimed.id or 0, "worker-1", deferred)
    assert claim(database) == []
    (row,) = rows(database)
    assert (row.state, row.owner, row.waiting_for, row.detail) == ("stored", None, "lookup", "Zendesk answered 503.")
    with database.write() as connection:
        (again,) = processing.claim(connection, "worker-1", 1, soon)
    assert again.attempts == 2


def test_another_worker_cannot_defer_what_it_does_not_hold(database: Database) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    with database.write() as connection:
        processing.defer(connection, claimed.id or 0, "worker-2", Deferred(due=RECEIVED, waiting_for="lookup"))
    assert [row.owner for row in rows(database)] == ["worker-1"]


def test_what_is_released_is_due_as_before(database: Database) -> None:
    add(database, "e1")
    (before,) = rows(database)
    claim(database)
    with database.write() as connection:
        processing.release(connection, "worker-1")
    (after,) = rows(database)
    assert (after.due, after.owner, after.deaths) == (before.due, None, 0)
    assert len(claim(database, "worker-2")) == 1


def test_a_dead_workers_deliveries_are_given_back_and_its_finish_comes_too_late(database: Database) -> None:
    add(database, "e1")
    add(database, "e2")
    first, second = claim(database)
    finish(database, first.id)
    assert recover(database, "worker-1") == 1
    assert [one.id for one in claim(database, "worker-2")] == [second.id]
    assert not finish(database, second.id)
    assert finish(database, second.id, "worker-2")


def test_a_delivery_that_three_workers_died_over_is_set_aside_and_a_replay_gives_it_three_more(
    database: Database,
) -> None:
    add(database, "e1")
    for life in range(2):
        for death in range(3):
            assert len(claim(database, f"worker-{life}-{death}")) == 1
            recover(database, f"worker-{life}-{death}")
        assert claim(database) == []
        (row,) = rows(database)
        assert (row.state, row.reason, row.owner) == ("parked", "crashed", None)
        assert replay(database, row.id)


# --- replaying ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["processed", "parked"])
def test_a_replayed_delivery_is_as_if_it_had_just_come(database: Database, state: str) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    with database.write() as connection:
        reason = Reason(code="crashed", detail="ValueError at shopify.py:1")
        done = processing.Finished(delivery_id=claimed.id or 0, state=state, reason=reason, events=[])
        processing.finish(connection, [done], RECEIVED)
    assert replay(database, claimed.id)
    (row,) = rows(database)
    assert (row.state, row.reason, row.detail, row.waiting_for) == ("stored", None, None, None)
    assert [(one.attempts, one.again) for one in claim(database)] == [(1, 0)]


def test_each_replay_again_is_counted(database: Database) -> None:
    add(database, "e1")
    for times in (1, 2):
        (claimed,) = claim(database)
        finish(database, claimed.id)
        assert replay(database, claimed.id, again=True)
        assert [row.again for row in rows(database)] == [times]


def test_a_delivery_that_waits_is_due_at_once_when_replayed(database: Database) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    with database.write() as connection:
        later = datetime.now(UTC) + timedelta(hours=1)
        processing.defer(connection, claimed.id or 0, "worker-1", Deferred(due=later, waiting_for="lookup"))
    assert replay(database, claimed.id)
    assert len(claim(database)) == 1


@pytest.mark.parametrize("again", [False, True])
def test_what_a_worker_holds_or_nobody_knows_cannot_be_replayed(database: Database, again: bool) -> None:
    add(database, "e1")
    (claimed,) = claim(database)
    assert not replay(database, claimed.id, again=again)
    assert not replay(database, 404, again=again)
    assert [(row.owner, row.again) for row in rows(database)] == [("worker-1", 0)]
