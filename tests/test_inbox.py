"""Deliveries are stored once, exactly and durably, whatever a sender sends. On both databases."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from bridge.errors import StoreUnavailable
from bridge.events import Delivery
from bridge.store import processing
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.inbox_statements import InboxStatements
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


def kept(inbox: Inbox) -> Delivery:
    """The one delivery there is, as a worker gets it."""
    with inbox.database.write() as connection:
        (claimed,) = processing.claim(connection, "worker", 100, inbox.database.now(connection))
    return claimed


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


@pytest.mark.parametrize("window", [timedelta(), timedelta(seconds=60), DAY])
def test_a_key_that_is_good_for_a_while_is_known_for_so_long(inbox: Inbox, window: timedelta) -> None:
    def come(at: datetime) -> bool:
        return inbox.add(delivery(received_at=at), key="k", signed_bytes=None, headers={}, good_for=window)

    instant = timedelta(milliseconds=1)
    assert come(RECEIVED)
    assert not come(RECEIVED + window)
    assert come(RECEIVED + window + instant)
    assert not come(RECEIVED + 2 * window + instant)
    assert [row.key.partition("@")[0] for row in rows(inbox)] == ["k", "k"]


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
    assert kept(inbox).headers == {"x-topic": value}


@pytest.mark.parametrize("body", [b"", b"\x00", bytes(range(256)), b'{"name": "caf\xe9"}', b"\xff" * 1_000_000])
def test_the_exact_bytes_come_back(inbox: Inbox, body: bytes) -> None:
    assert add(inbox, None, body)
    claimed = kept(inbox)
    assert claimed.body == body
    assert claimed.received_at == RECEIVED


def test_only_the_headers_given_are_kept(inbox: Inbox) -> None:
    sent = Delivery(connection="shop", headers={"authorization": "Bearer x"}, body=b"{}", received_at=RECEIVED)
    inbox.add(sent, key="e1", signed_bytes=None, headers={"x-topic": "orders/create"})
    assert kept(inbox).headers == {"x-topic": "orders/create"}


# No source makes such rows; they stand for whatever we did not think of.
STRANGE_ROWS: dict[str, dict[str, Any]] = {
    "that no driver takes": {"at": datetime(2026, 11, 25)},  # noqa: DTZ001 - the fault under test
    "that no database takes": {"connection": None},
}


@pytest.mark.parametrize("strange", STRANGE_ROWS.values(), ids=STRANGE_ROWS)
def test_one_row_that_cannot_be_held_does_not_refuse_its_neighbours(inbox: Inbox, strange: dict[str, Any]) -> None:
    def bring(number: int) -> object:
        try:
            return add(inbox, f"e{number}", **(strange if number == 5 else {}))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be the bad one's
            return error

    came = together(12, bring)
    assert [answer for number, answer in enumerate(came) if number != 5] == [True] * 11
    assert isinstance(came[5], StoreUnavailable)


def test_a_request_never_waits_for_ever_behind_a_failed_commit(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(InboxStatements, "inserted_ids", fail)

    def bring(number: int) -> object:
        try:
            return add(inbox, f"e{number}")
        except (StoreUnavailable, MemoryError) as error:
            return type(error)

    assert set(together(8, bring)) <= {StoreUnavailable, MemoryError}
    monkeypatch.undo()
    assert add(inbox, "e-after")


def test_a_commit_that_fails_refuses_all_who_shared_it_and_the_next_is_stored(inbox: Inbox) -> None:
    _rename(inbox, "deliveries", "elsewhere")

    def bring(number: int) -> object:
        try:
            return add(inbox, f"e{number}")
        except StoreUnavailable as error:
            return type(error)

    assert together(8, bring) == [StoreUnavailable] * 8
    _rename(inbox, "elsewhere", "deliveries")
    assert add(inbox, "e1")


def _rename(inbox: Inbox, table: str, to: str) -> None:
    with inbox.database.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


def test_an_error_of_the_database_quotes_no_row(inbox: Inbox) -> None:
    """Its words go to the log."""
    incomplete = deliveries.insert().values(connection="shop", key="e1", body=b"{}", headers={"name": "Olivier"})
    with pytest.raises(StoreUnavailable) as caught, inbox.database.write() as connection:
        connection.execute(incomplete)
    assert "Olivier" not in str(caught.value)
