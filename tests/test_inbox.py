"""Deliveries: stored once and exactly, claimed by one worker, given back, set aside, replayed. On both databases."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from bridge.errors import StoreUnavailable
from bridge.events import Delivery
from bridge.messages import Deferred
from bridge.reasons import Reason
from bridge.store import ledger
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.tables import deliveries

RECEIVED = datetime.now(UTC) - timedelta(days=3)
DAY = timedelta(hours=24)


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database)


def delivery(body: bytes = b"{}", connection: str = "shop", received_at: datetime = RECEIVED) -> Delivery:
    return Delivery(connection=connection, headers={}, body=body, received_at=received_at)


def add(
    inbox: Inbox,
    key: str | None,
    body: bytes = b"{}",
    *,
    connection: str = "shop",
    signed: bytes | None = None,
    headers: dict[str, str] | None = None,
    at: datetime = RECEIVED,
) -> bool:
    return inbox.add(delivery(body, connection, at), key=key, signed_bytes=signed, headers=headers or {})


def rows(inbox: Inbox) -> list[Any]:
    with inbox.database.read() as connection:
        return list(connection.execute(select(deliveries).order_by(deliveries.c.id)))


def claim(inbox: Inbox, owner: str = "worker-1", limit: int = 100) -> list[Delivery]:
    with inbox.database.write() as connection:
        return inbox.claim(connection, owner, limit, inbox.database.now(connection))


def finish(inbox: Inbox, delivery_id: int | None, owner: str = "worker-1", state: str = "processed") -> bool:
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        return inbox.finish(connection, delivery_id or 0, owner, now, state=state, reason=None, events=[])


def recover(inbox: Inbox, owner: str) -> int:
    with inbox.database.write() as connection:
        return inbox.recover(connection, owner)


def replay(inbox: Inbox, delivery_id: int | None, *, again: bool = False) -> bool:
    with inbox.database.write() as connection:
        return inbox.replay(connection, delivery_id or 0, inbox.database.now(connection), again=again)


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """What `work` gives in `count` threads that begin at the same moment."""
    start = threading.Barrier(count)

    def wait_and_work(number: int) -> object:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_work, range(count)))


# --- once --------------------------------------------------------------------------------------------------------


def test_a_repeated_key_is_known_whatever_its_body(inbox: Inbox) -> None:
    assert add(inbox, "e1", b"first")
    assert not add(inbox, "e1", b"first")
    assert not add(inbox, "e1", b"other", at=RECEIVED + 30 * DAY)
    assert [row.body for row in rows(inbox)] == [b"first"]


def test_the_same_key_on_another_connection_is_another_delivery(inbox: Inbox) -> None:
    assert add(inbox, "e1", signed=b"s")
    assert add(inbox, "e1", signed=b"s", connection="shop-eu")


def test_the_same_signed_bytes_under_a_new_id_are_known(inbox: Inbox) -> None:
    assert add(inbox, "e1", b"body", signed=b"topic\nbody")
    assert not add(inbox, "e2", b"body", signed=b"topic\nbody", at=RECEIVED + 30 * DAY)
    assert add(inbox, "e3", b"body", signed=b"other topic\nbody")


def test_without_signed_bytes_the_same_body_under_another_id_is_new(inbox: Inbox) -> None:
    assert add(inbox, "e1", b"body")
    assert add(inbox, "e2", b"body")


@pytest.mark.parametrize(
    ("later", "is_new"),
    [(timedelta(0), False), (timedelta(hours=1), False), (DAY, False), (DAY + timedelta(seconds=1), True)],
)
def test_a_body_without_an_id_is_known_for_a_day(inbox: Inbox, later: timedelta, is_new: bool) -> None:
    assert add(inbox, None, b"body")
    assert add(inbox, None, b"body", at=RECEIVED + later) is is_new


def test_a_body_that_came_back_after_a_day_is_known_for_a_day_again(inbox: Inbox) -> None:
    later = RECEIVED + DAY + timedelta(minutes=1)
    assert [add(inbox, None, b"body", at=at) for at in (RECEIVED, later, later + timedelta(hours=1))] == [
        True, True, False,
    ]  # fmt: skip
    assert {row.body for row in rows(inbox)} == {b"body"}
    assert len({row.key for row in rows(inbox)}) == 2


def test_a_senders_id_that_looks_like_a_hash_is_known_for_ever(inbox: Inbox) -> None:
    key = "sha256:" + hashlib.sha256(b"an id too long to keep").hexdigest()
    assert add(inbox, key, b"body")
    assert not add(inbox, key, b"body", at=RECEIVED + 2 * DAY)


def test_many_threads_that_bring_one_key_store_one(inbox: Inbox) -> None:
    assert sorted(together(24, lambda _: add(inbox, "e1"))) == [False] * 23 + [True]
    assert len(rows(inbox)) == 1


def test_many_threads_that_bring_different_keys_store_all(inbox: Inbox) -> None:
    assert together(24, lambda number: add(inbox, f"e{number}", str(number).encode())) == [True] * 24
    assert {(row.key, row.body) for row in rows(inbox)} == {(f"e{n}", str(n).encode()) for n in range(24)}


def test_processes_that_bring_the_same_keys_in_opposite_order_store_each_once(inbox: Inbox) -> None:
    others = [Inbox(Database(inbox.database.url.render_as_string(hide_password=False))) for _ in range(2)]
    keys = [f"e{number}" for number in range(40)]

    def bring(process: int) -> list[bool]:
        mine = keys if process else keys[::-1]
        return together(8, lambda thread: [add(others[process], key) for key in mine[thread::8]])  # type: ignore[return-value]

    together(2, bring)
    assert sorted(row.key for row in rows(inbox)) == sorted(keys)
    for other in others:
        other.database.dispose()


# --- whatever a sender sends can be kept -------------------------------------------------------------------------

STRANGE_KEYS = {
    "a NUL": "e\x001",
    "half a surrogate pair": "e\ud800",
    "longer than its column": "e" * 5000,
    "not ASCII": "é" * 290,
    "emoji": "🎉" * 300,
    "empty": "",
}


@pytest.mark.parametrize("key", STRANGE_KEYS.values(), ids=STRANGE_KEYS)
def test_a_key_the_database_cannot_hold_is_still_a_key(inbox: Inbox, key: str) -> None:
    assert add(inbox, key, b"first")
    assert not add(inbox, key, b"second")
    assert add(inbox, key + "x", b"third")


@pytest.mark.parametrize("value", ["a\x00b", "caf\xe9", "\udce9", "🎉", "x" * 50_000])
def test_a_header_of_any_text_is_kept(inbox: Inbox, value: str) -> None:
    assert add(inbox, "e1", headers={"x-topic": value})
    (claimed,) = claim(inbox)
    assert claimed.headers == {"x-topic": value}


@pytest.mark.parametrize("body", [b"", b"\x00", bytes(range(256)), b'{"name": "caf\xe9"}', b"\xff" * 1_000_000])
def test_the_exact_bytes_come_back(inbox: Inbox, body: bytes) -> None:
    assert add(inbox, None, body)
    (claimed,) = claim(inbox)
    assert claimed.body == body
    assert claimed.received_at == RECEIVED


def test_only_the_headers_given_are_kept(inbox: Inbox) -> None:
    sent = Delivery(connection="shop", headers={"authorization": "Bearer x"}, body=b"{}", received_at=RECEIVED)
    inbox.add(sent, key="e1", signed_bytes=None, headers={"x-topic": "orders/create"})
    (claimed,) = claim(inbox)
    assert claimed.headers == {"x-topic": "orders/create"}


def test_one_row_the_database_cannot_hold_does_not_refuse_its_neighbours(inbox: Inbox) -> None:
    """No source makes such a row; a delivery without a time stands for whatever we did not think of."""
    naive = datetime(2026, 11, 25)  # noqa: DTZ001 - the fault under test

    def bring(number: int) -> object:
        try:
            return add(inbox, f"e{number}", at=naive if number == 5 else RECEIVED)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be the bad one's
            return error

    came = together(12, bring)
    assert [answer for number, answer in enumerate(came) if number != 5] == [True] * 11
    assert isinstance(came[5], StoreUnavailable)


def test_a_request_never_waits_for_ever_behind_a_failed_commit(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bridge.store.group_commit.notify", fail)

    def bring(number: int) -> object:
        try:
            return add(inbox, f"e{number}")
        except (StoreUnavailable, MemoryError) as error:
            return type(error)

    assert set(together(8, bring)) <= {StoreUnavailable, MemoryError}
    monkeypatch.undo()
    assert add(inbox, "e1")


def test_a_commit_that_fails_refuses_all_who_shared_it_and_the_next_is_stored(inbox: Inbox) -> None:
    def fail(connection: Any) -> None:
        raise StoreUnavailable("the disk is full")

    event.listen(inbox.database.engine, "commit", fail)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        add(inbox, "e1")
    event.remove(inbox.database.engine, "commit", fail)
    assert add(inbox, "e1")


# --- claiming ----------------------------------------------------------------------------------------------------


def test_the_oldest_due_are_claimed_first_and_no_more_than_asked_for(inbox: Inbox) -> None:
    for minutes in (3, 1, 2):
        add(inbox, f"e{minutes}", str(minutes).encode(), at=RECEIVED + timedelta(minutes=minutes))
    assert [one.body for one in claim(inbox, limit=2)] == [b"1", b"2"]
    assert [one.body for one in claim(inbox, limit=2)] == [b"3"]
    assert claim(inbox) == []


def test_two_owners_never_get_the_same_delivery(inbox: Inbox) -> None:
    for number in range(40):
        add(inbox, f"e{number}")

    def take(worker: int) -> list[int | None]:
        mine: list[int | None] = []
        while claimed := claim(inbox, f"worker-{worker}", limit=3):
            mine += [one.id for one in claimed]
        return mine

    taken = [one for mine in together(4, take) for one in mine]  # type: ignore[attr-defined]
    assert sorted(taken) == sorted(row.id for row in rows(inbox))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_web_host_whose_clock_is_ahead_delays_nothing(inbox: Inbox) -> None:
    """On PostgreSQL web and worker may be different hosts; with SQLite there is only one clock."""
    add(inbox, "e1", at=datetime.now(UTC) + timedelta(hours=1))
    assert len(claim(inbox)) == 1


def test_a_claim_counts_as_an_attempt(inbox: Inbox) -> None:
    add(inbox, "e1")
    assert [one.attempts for one in claim(inbox)] == [1]


def test_what_is_finished_is_not_claimed_again(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    assert finish(inbox, claimed.id)
    assert claim(inbox) == []
    (row,) = rows(inbox)
    assert (row.state, row.owner) == ("processed", None)
    assert row.processed_at is not None


def test_only_the_owner_can_finish_and_only_once(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    assert not finish(inbox, claimed.id, "worker-2")
    assert finish(inbox, claimed.id)
    assert not finish(inbox, claimed.id)


def test_a_deferred_delivery_waits_until_it_is_due_and_says_for_what(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    soon = datetime.now(UTC) + timedelta(hours=1)
    deferred = Deferred(due=soon, waiting_for="lookup", detail="Zendesk answered 503.")
    with inbox.database.write() as connection:
        inbox.defer(connection, claimed.id or 0, "worker-1", deferred)
    assert claim(inbox) == []
    (row,) = rows(inbox)
    assert (row.state, row.owner, row.waiting_for, row.detail) == ("stored", None, "lookup", "Zendesk answered 503.")
    with inbox.database.write() as connection:
        (again,) = inbox.claim(connection, "worker-1", 1, soon)
    assert again.attempts == 2


def test_another_worker_cannot_defer_what_it_does_not_hold(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    with inbox.database.write() as connection:
        inbox.defer(connection, claimed.id or 0, "worker-2", Deferred(due=RECEIVED, waiting_for="lookup"))
    assert [row.owner for row in rows(inbox)] == ["worker-1"]


def test_what_is_released_is_due_as_before(inbox: Inbox) -> None:
    add(inbox, "e1")
    (before,) = rows(inbox)
    claim(inbox)
    with inbox.database.write() as connection:
        inbox.release(connection, "worker-1")
    (after,) = rows(inbox)
    assert (after.due, after.owner, after.deaths) == (before.due, None, 0)
    assert len(claim(inbox, "worker-2")) == 1


def test_a_dead_workers_deliveries_are_given_back_and_its_finish_comes_too_late(inbox: Inbox) -> None:
    add(inbox, "e1")
    add(inbox, "e2")
    first, second = claim(inbox)
    finish(inbox, first.id)
    assert recover(inbox, "worker-1") == 1
    assert [one.id for one in claim(inbox, "worker-2")] == [second.id]
    assert not finish(inbox, second.id)
    assert finish(inbox, second.id, "worker-2")


def test_a_delivery_that_three_workers_died_over_is_set_aside_and_a_replay_gives_it_three_more(inbox: Inbox) -> None:
    add(inbox, "e1")
    for life in range(2):
        for death in range(3):
            assert len(claim(inbox, f"worker-{life}-{death}")) == 1
            recover(inbox, f"worker-{life}-{death}")
        assert claim(inbox) == []
        (row,) = rows(inbox)
        assert (row.state, row.reason, row.owner) == ("parked", "crashed", None)
        assert replay(inbox, row.id)


# --- replaying ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["processed", "parked"])
def test_a_replayed_delivery_is_as_if_it_had_just_come(inbox: Inbox, state: str) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    with inbox.database.write() as connection:
        reason = Reason(code="crashed", detail="ValueError at shopify.py:1")
        inbox.finish(connection, claimed.id or 0, "worker-1", RECEIVED, state=state, reason=reason, events=[])
    assert replay(inbox, claimed.id)
    (row,) = rows(inbox)
    assert (row.state, row.reason, row.detail, row.waiting_for) == ("stored", None, None, None)
    assert [(one.attempts, one.again) for one in claim(inbox)] == [(1, 0)]


def test_each_replay_again_is_counted(inbox: Inbox) -> None:
    add(inbox, "e1")
    for times in (1, 2):
        (claimed,) = claim(inbox)
        finish(inbox, claimed.id)
        assert replay(inbox, claimed.id, again=True)
        assert [row.again for row in rows(inbox)] == [times]


def test_a_delivery_that_waits_is_due_at_once_when_replayed(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    with inbox.database.write() as connection:
        later = datetime.now(UTC) + timedelta(hours=1)
        inbox.defer(connection, claimed.id or 0, "worker-1", Deferred(due=later, waiting_for="lookup"))
    assert replay(inbox, claimed.id)
    assert len(claim(inbox)) == 1


@pytest.mark.parametrize("again", [False, True])
def test_what_a_worker_holds_or_nobody_knows_cannot_be_replayed(inbox: Inbox, again: bool) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    assert not replay(inbox, claimed.id, again=again)
    assert not replay(inbox, 404, again=again)
    assert [(row.owner, row.again) for row in rows(inbox)] == [("worker-1", 0)]


def test_a_story_is_corrected_in_place(inbox: Inbox) -> None:
    add(inbox, "e1")
    (claimed,) = claim(inbox)
    finish(inbox, claimed.id)
    story = [{"kind": "order.created", "outcome": "already_texted"}]
    with inbox.database.write() as connection:
        inbox.retell(connection, claimed.id or 0, reason=Reason(code="already_texted"), events=story)
    with inbox.database.read() as connection:
        found = ledger.find_delivery(connection, claimed.id or 0)
    assert found is not None
    assert (found["state"], found["reason"], found["events"]) == ("processed", "already_texted", story)


def test_an_error_of_the_database_quotes_no_row(inbox: Inbox) -> None:
    """Its words go to the log."""
    incomplete = deliveries.insert().values(connection="shop", key="e1", body=b"{}", headers={"name": "Olivier"})
    with pytest.raises(StoreUnavailable) as caught, inbox.database.write() as connection:
        connection.execute(incomplete)
    assert "Olivier" not in str(caught.value)
