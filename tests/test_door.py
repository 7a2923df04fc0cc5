"""What a web process remembers of refused webhooks and of secrets in use: little, in time, nothing of the content."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bridge import sources
from bridge.errors import BadSignature, StoreUnavailable
from bridge.events import Delivery
from bridge.route import routes
from bridge.settings import Settings
from bridge.signature_doctor import Diagnosis
from bridge.store import refusals, reporting, secret_use, tables
from bridge.store.database import Database
from bridge.store.refusals import Refusal
from bridge.web import door as doors
from bridge.web import finding_out, reports
from bridge.web.door import Door

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OTHER_SECRET = BadSignature("the signature does not match")
NO_HEADER = BadSignature("the signature header is missing", cause="missing_header")


@pytest.fixture(autouse=True)
def _doctor_with_nothing_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_out, "diagnose", lambda *_, **__: Diagnosis(cause="verifies"))


def make_door(database: Database, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Door:
    for name, value in {"SHOPIFY_SECRETS": "new,old", "ZENDESK_SECRETS": "z", **settings}.items():
        monkeypatch.setenv(name, value)
    return Door(database, routes(Settings.from_env(sources.discover()), looks_up=False))


@pytest.fixture
def door(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    door = make_door(database, monkeypatch)
    door.turn()
    return door


def forged(connection: str = "shopify", body: bytes = b"{}", **headers: str) -> Delivery:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(connection=connection, headers=named, body=body, received_at=datetime.now(UTC))


def rows(database: Database, table: Any = tables.refusals) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [row._asdict() for row in connection.execute(select(table))]


def kinds(database: Database) -> list[tuple[str, str, int]]:
    return sorted((row["connection"], row["cause"], row["count"]) for row in rows(database))


# --- the ring ----------------------------------------------------------------------------------------------------


def test_two_thousand_refused_webhooks_are_a_row_for_each_connection_and_cause(database: Database, door: Door) -> None:
    signed = {"x_shopify_hmac_sha256": "bm8=", "x_zendesk_webhook_signature": "bm8="}
    for number in range(500):
        for name in ("shopify", "zendesk"):
            door.refused(forged(name, b"%d" % number, **signed), OTHER_SECRET)
            door.refused(forged(name, b"%d" % number), NO_HEADER)
    door.turn()

    assert [(name, count) for name, _, count in kinds(database)] == [("shopify", 500)] * 2 + [("zendesk", 500)] * 2


def test_a_flood_that_lasts_is_counted_up_and_pushes_nothing_out(database: Database, door: Door) -> None:
    door.refused(forged("shopify"), NO_HEADER)
    door.turn()
    for _ in range(60):
        door.refused(forged("shopify", b"x", x_shopify_hmac_sha256="bm8="), OTHER_SECRET)
        door.refused(forged("shopify", b"x", x_shopify_hmac_sha256="bm8="), OTHER_SECRET)
        door.turn()

    assert kinds(database) == [("shopify", "missing_header", 1), ("shopify", "other_secret", 120)]


def test_of_each_connection_the_newest_fifty_are_kept(database: Database) -> None:
    with database.write() as connection:
        for minute in range(60):
            for name in ("shop", "desk"):
                new = Refusal(connection=name, cause="other_secret", detail="", seen={}, count=1, was_stored=False)
                refusals.add(connection, [new], NOW + timedelta(minutes=2 * minute))

    for name in ("shop", "desk"):
        with database.read() as connection:
            kept = refusals.read(connection, name, limit=1000)
        assert [row["at"] for row in kept] == [NOW + timedelta(minutes=2 * minute) for minute in range(59, 9, -1)]


def test_what_happens_between_two_turns_takes_no_room(door: Door) -> None:
    for _ in range(1000):
        door.refused(forged("shopify", bytes(200_000)), OTHER_SECRET)
        door.refused(forged("shopify", bytes(5_000_000)), NO_HEADER)

    assert len(door._refused) == 2
    assert [len(kept.delivery.body) for kept in door._kept.values()] == [200_000]


def test_one_turn_writes_few_rows_and_the_rest_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_ROWS_AT_ONCE", 3)
    door = make_door(database, monkeypatch)
    for cause in ("a", "b", "c", "d", "e"):
        door.refused(forged(), BadSignature("no", cause=cause))
    door.turn()
    assert len(kinds(database)) == 3
    door.turn()
    assert [(cause, count) for _, cause, count in kinds(database)] == [(one, 1) for one in "abcde"]


def test_nothing_of_a_requests_content_is_kept(database: Database, door: Door) -> None:
    secret = "Canary-0123456789"
    headers = {f"x-{number}": secret for number in range(100)}
    headers |= {"x-shopify-hmac-sha256": secret, "authorization": secret, "cookie": secret, "x-bridge-token": secret}
    headers |= {
        "user-agent": "Shopify\x00\n-Captain-Hook" + "k" * 100,
        "content-type": "text/é\tplain",
        "x é": secret,
        "y" * 99: "1",
    }
    url = f"https://bridge.example.com/hooks/shopify?token={secret}"
    door.refused(
        Delivery(connection="shopify", headers=headers, body=secret.encode(), received_at=NOW, url=url), OTHER_SECRET
    )
    door.turn()

    (row,) = rows(database)
    assert secret not in repr(row)
    assert row["seen"]["bytes"] == len(secret)
    assert len(row["seen"]["headers"]) == 40
    assert row["seen"]["user_agent"].startswith("Shopify-Captain-Hookkk")
    assert len(row["seen"]["user_agent"]) <= 80
    assert row["seen"]["content_type"] == "text/plain"


def test_a_database_that_is_away_loses_no_count(
    database: Database, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise StoreUnavailable("away")

    door.refused(forged(), NO_HEADER)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        door.turn()
        door.refused(forged(), NO_HEADER)
        door.turn()
    assert rows(database) == []
    door.turn()
    assert kinds(database) == [("shopify", "missing_header", 2)]


def test_what_is_refused_is_told_in_sentences(database: Database, door: Door) -> None:
    door.refused(forged("shopify"), OTHER_SECRET)
    door.refused(forged("zendesk"), NO_HEADER)
    door.turn()

    told = sorted(row["detail"] for row in rows(database))
    assert told == ["The signature does not match.", "The signature header is missing."]


def test_one_request_of_a_connection_is_diagnosed_and_a_doctor_that_fails_hides_none(
    database: Database, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def doctor(delivery: Delivery, *_: Any, others: Any, **__: Any) -> Diagnosis:
        asked.append(delivery.connection)
        if delivery.connection == "zendesk":
            raise ValueError("what a stranger wrote")
        assert others == {"zendesk": ("z",)}
        return Diagnosis(cause="body_changed", detail="A trailing newline.")

    monkeypatch.setattr(finding_out, "diagnose", doctor)
    for _ in range(50):
        door.refused(forged("shopify"), OTHER_SECRET)
        door.refused(forged("zendesk"), OTHER_SECRET)
    door.turn()

    assert sorted(asked) == ["shopify", "zendesk"]
    assert kinds(database) == [("shopify", "body_changed", 50), ("zendesk", "other_secret", 50)]


def test_strangers_have_the_doctor_take_a_small_share_of_the_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"shop{number}" for number in range(10)]
    connections = {f"{name.upper()}_SECRETS": "s" for name in names}
    door = make_door(database, monkeypatch, CONNECTIONS=",".join(f"{name}=shopify" for name in names), **connections)
    looked: list[str] = []
    monkeypatch.setattr(finding_out.time, "thread_time", lambda: 0.4 * len(looked))

    def slow(delivery: Delivery, *_: Any, **__: Any) -> Diagnosis:
        looked.append(delivery.connection)
        return Diagnosis(cause="body_changed")

    monkeypatch.setattr(finding_out, "diagnose", slow)
    began = time.monotonic()
    # Half an hour of a flood at all of them.
    for number in range(600):
        monkeypatch.setattr(doors.time, "monotonic", lambda at=began + 3 * number: at)
        for name in names:
            door.refused(forged(name), OTHER_SECRET)
        door.turn()

    assert 0.4 * len(looked) <= 1.4 + 0.05 * 1800
    assert set(looked) == set(names)
    counted = dict.fromkeys(names, 0)
    for name, _, count in kinds(database):
        counted[name] += count
    assert set(counted.values()) == {600}


# --- secrets -----------------------------------------------------------------------------------------------------


def test_the_use_of_a_secret_is_noted_once_a_minute(
    database: Database, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = []
    monkeypatch.setattr(secret_use, "note", lambda _connection, used: wrote.append(set(used)))
    for _ in range(100):
        door.used("shopify", 1)
        door.turn()
    assert [names for names in wrote if names] == [{door._prints["shopify", 1]}]
    monkeypatch.setattr(doors, "_USE_SECONDS", 0.0)
    door.used("shopify", 1)
    door.used("zendesk", 0)
    door.turn()
    assert wrote[-1] == {door._prints["shopify", 1], door._prints["zendesk", 0]}


def test_first_and_last_use_are_kept_whoever_tells_them_first(database: Database) -> None:
    key = ("shop", "ab12")
    with database.write() as connection:
        for at in (NOW, NOW + HOUR, NOW + HOUR / 2):
            secret_use.note(connection, {key: at})
        assert secret_use.read(connection) == {key: secret_use.Use(first=NOW, last=NOW + HOUR)}


# --- report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def reporting_door(database: Database, monkeypatch: pytest.MonkeyPatch) -> Door:
    door = make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report")
    door.turn()
    return door


def _end(database: Database, name: str = "shopify", ago: timedelta = timedelta(seconds=1)) -> None:
    with database.write() as connection:
        ended = database.now(connection) - ago
        values = {"since": ended - reporting.LASTS, "until": ended}
        connection.execute(update(tables.reporting).where(tables.reporting.c.connection == name).values(**values))


def test_only_what_is_set_to_report_keeps(reporting_door: Door) -> None:
    assert reporting_door.keeps(forged("shopify"))
    assert not reporting_door.keeps(forged("zendesk"))


def test_before_the_database_has_said_so_a_connection_enforces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report").keeps(forged())


def test_what_begins_in_a_transaction_that_fails_begins_in_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise StoreUnavailable("away")

    door = make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report")
    with monkeypatch.context() as patch:
        patch.setattr(secret_use, "note", away)
        door.turn()
    assert rows(database, tables.reporting) == []
    door.turn()
    assert [row["connection"] for row in rows(database, tables.reporting)] == ["shopify"]
    door.turn()
    assert door.keeps(forged())


def test_report_ends_after_a_day_and_no_restart_renews_it(
    database: Database, reporting_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = rows(database, tables.reporting)
    assert row["until"] - row["since"] == timedelta(hours=24)
    _end(database)
    reporting_door.turn()
    assert not reporting_door.keeps(forged())

    restarted = make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report")
    restarted.turn()
    assert not restarted.keeps(forged())


def test_a_restart_in_the_middle_of_the_day_changes_nothing(
    database: Database, reporting_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(database, tables.reporting)
    restarted = make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report")
    restarted.turn()
    assert rows(database, tables.reporting) == before
    assert restarted.keeps(forged())


def test_a_renewal_is_noticed_without_a_restart(database: Database, reporting_door: Door) -> None:
    _end(database)
    reporting_door.turn()
    with database.write() as connection:
        now = database.now(connection)
        period = reporting.renew(connection, "shopify", now)
    assert period == reporting.Period(since=now, until=now + timedelta(hours=24))
    reporting_door.turn()
    assert reporting_door.keeps(forged())


def test_a_renewal_before_the_end_keeps_the_beginning(database: Database) -> None:
    with database.write() as connection:
        reporting.settle(connection, reports=["shop"], enforces=[], now=NOW)
        assert reporting.renew(connection, "shop", NOW + HOUR) == reporting.Period(since=NOW, until=NOW + 25 * HOUR)


def test_a_process_that_starts_with_enforce_ends_it_so_that_it_can_begin_anew(
    database: Database, reporting_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    _end(database)
    make_door(database, monkeypatch, SHOPIFY_VERIFICATION="enforce").turn()
    assert rows(database, tables.reporting) == []
    # One of the old setting that has not stopped yet begins nothing.
    reporting_door.turn()
    assert not reporting_door.keeps(forged())
    assert rows(database, tables.reporting) == []

    door = make_door(database, monkeypatch, SHOPIFY_VERIFICATION="report")
    door.turn()
    assert door.keeps(forged())


def test_whoever_cannot_ask_the_database_enforces(reporting_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reporting_door.keeps(forged())
    later = time.monotonic() + reports._GOOD_FOR_SECONDS + 0.1
    monkeypatch.setattr(reports.time, "monotonic", lambda: later)
    assert not reporting_door.keeps(forged())
    reporting_door.turn()
    assert reporting_door.keeps(forged())


def test_the_end_within_the_next_seconds_needs_no_look(
    database: Database, reporting_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    _end(database, ago=timedelta(seconds=-5))
    reporting_door.turn()
    assert reporting_door.keeps(forged())
    later = time.monotonic() + 5
    monkeypatch.setattr(reports.time, "monotonic", lambda: later)
    assert not reporting_door.keeps(forged())


def test_a_stranger_cannot_fill_the_database_in_report_mode(reporting_door: Door) -> None:
    assert not reporting_door.keeps(forged(body=bytes(256 * 1024 + 1)))
    kept = sum(reporting_door.keeps(forged(body=bytes(1000))) for _ in range(2000))
    assert 60 <= kept <= 65
    reporting_door.reports._allowances["shopify"] = allowance = reports._Allowance(room=1500)
    assert [reporting_door.keeps(forged(body=bytes(1000))) for _ in range(2)] == [True, False]
    assert allowance.room == 500


def test_the_thread_writes_by_itself_and_ends_with_the_process(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "_EVERY_SECONDS", 0.01)
    door = make_door(database, monkeypatch)
    turns, turn = [], door.turn

    def counted() -> None:
        turns.append(turn())

    monkeypatch.setattr(door, "turn", counted)
    door.open()
    (thread,) = [one for one in threading.enumerate() if one.name == "door"]
    assert thread.daemon
    door.refused(forged(), NO_HEADER)
    deadline = time.monotonic() + 10
    while not rows(database) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert kinds(database) == [("shopify", "missing_header", 1)]
    # With nothing to do it sleeps, and asks nobody.
    time.sleep(0.1)
    idle = len(turns)
    time.sleep(0.2)
    assert len(turns) == idle
    door.close()
    thread.join(5)
    assert not thread.is_alive()


def test_the_ring_is_asked_for_by_an_index(database: Database) -> None:
    query = "SELECT id FROM refusals WHERE connection = 'x' ORDER BY id DESC LIMIT 1"
    with database.read() as connection:
        explain = "EXPLAIN QUERY PLAN "
        if not database.is_sqlite:
            explain = "EXPLAIN "
            # An empty table is read as it stands otherwise.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        told = str(connection.exec_driver_sql(explain + query).all())
    assert "ix_refusals_connection_id" in told


def test_a_lone_row_of_another_program_version_is_read(database: Database) -> None:
    values = {"connection": "shop", "at": NOW, "cause": "c", "detail": "", "seen": {}, "count": 3, "was_stored": False}
    with database.write() as connection:
        connection.execute(insert(tables.refusals).values(**values))
        assert refusals.counted(connection, NOW - HOUR) == {"shop": 3}
        assert refusals.counted(connection, NOW) == {}
