"""A database of the version before goes on: what waits in it is sent, and processes of the old program still write."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from conftest import wait_until
from office import Office, Peer
from sqlalchemy import Connection, inspect, text

from bridge.store import schema
from bridge.store.database import Database
from bridge.store.hashing import search_hash

BEFORE = "0002"
MAYA = "+12125550123"

# As the program of that version wrote them: it knew no other columns.
_DELIVERY = """
    INSERT INTO deliveries (connection, key, headers, body, received_at, state, due, attempts, deaths, again)
    VALUES ('zendesk', :key, '{}', '', :at, 'processed', :at, 1, 0, 0)
"""
_MESSAGE = """
    INSERT INTO messages (delivery_id, account, connection, template, event_kind, identity, once, again, recipient,
        "to", body, media_url, state, reason, thread, occurred_at, created_at, due, expires_at, if_unknown, attempts,
        deaths, denials, released, unknown_since, sent_at)
    VALUES (:delivery, 'attentive', 'zendesk', 'shipped', 'order.shipped', :body, :body, 0, :recipient, :to,
        :sealed_body, NULL, :state, :reason, :thread, :occurred, :at, :at, :expires, 'hold', :attempts,
        0, 0, :released, :unknown, :sent)
"""


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """A database of the version before, without rows."""
    database = Database(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with database.migrate() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    yield database
    database.dispose()


def _insert(connection: Connection, body: str, state: str, *, age: timedelta, **values: Any) -> None:
    """A message that was made so long ago."""
    now = datetime.now(UTC)
    moments = {
        "at": now - age,
        "occurred": now - age,
        "expires": now + timedelta(hours=5),
        "unknown": None,
        "sent": None,
    }
    moments |= {name: values.pop(name) for name in list(values) if name in moments}
    if connection.dialect.name == "sqlite":
        # Naive UTC, as text.
        moments = {name: at and at.strftime("%Y-%m-%d %H:%M:%S.%f") for name, at in moments.items()}
    connection.execute(text(_DELIVERY), {"key": body, "at": moments["at"]})
    delivery = connection.execute(text("SELECT max(id) FROM deliveries")).scalar_one()
    row = {
        "delivery": delivery, "body": body, "sealed_body": body.encode(), "to": MAYA.encode(),
        "recipient": search_hash(MAYA), "state": state, "reason": None, "thread": None, "attempts": 0,
        "released": False, **moments, **values,
    }  # fmt: skip
    connection.execute(text(_MESSAGE), row)


def test_what_an_older_version_left_is_sent_in_order_and_counts_towards_the_cap(
    old: Database, tmp_path: Any, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = timedelta(hours=1)
    with old.write() as connection:
        _insert(connection, "first", "queued", age=hour, thread="order 1")
        _insert(connection, "second", "queued", age=hour / 2, thread="order 1")
        _insert(connection, "held", "held", age=hour, reason="sending_off", thread="order 2")
        _insert(connection, "decided", "held", age=hour, reason="unheard_of", thread="order 2")
        _insert(connection, "told", "sent", age=hour, thread="order 2", sent=datetime.now(UTC) - hour, attempts=1)
        _insert(connection, "long ago", "sent", age=50 * hour, sent=datetime.now(UTC) - 50 * hour, attempts=1)
        _insert(connection, "doubtful", "unknown", age=hour, reason="outcome_unknown", unknown=datetime.now(UTC) - hour)
        _insert(connection, "under way", "queued", age=hour, unknown=datetime.now(UTC) - hour, attempts=1)
    assert schema.upgrade(old) == (BEFORE, schema.SCHEMA_VERSION)
    with old.write() as connection:
        # A process of the old program that has not stopped yet.
        _insert(connection, "late", "queued", age=timedelta(0), thread="order 1")

    office = _office(old, tmp_path, attentive, monkeypatch)
    try:
        office.start()
        wait_until(lambda: not {"queued", "sending"} & set(office.states()), f"all is over {office.outcomes()}")
        said = [sent["body"] for _, sent in attentive.taken]
        assert sorted(said) == ["first", "held", "late", "second"]
        assert [body for body in said if body != "held"] == ["first", "second", "late"]
        by_body = {row["body"]: (row["state"], row["reason"]) for row in office.messages()}
        assert by_body["decided"] == ("held", "unheard_of")
        assert by_body["doubtful"] == by_body["under way"] == ("unknown", "outcome_unknown")
        # Sent or in doubt today are six, and one that nobody counted; a seventh text is one too many.
        office.write_template("shipped", "---\nevent: order.shipped\n---\nShipped")
        office.restart(CAP_PER_PERSON_PER_DAY="6")
        office.tell("order.shipped", "09:00")
        wait_until(lambda: office.outcomes()[-1][0] == "shipped" and office.states()[-1] == "held", "it is held")
        assert office.outcomes()[-1] == ("shipped", "held", "cap_per_person")
    finally:
        attentive.is_closing.set()
        office.stop()


def _office(database: Database, folder: Any, attentive: Peer, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr("bridge.worker._BEAT_SECONDS", 0.05)
    office = Office(database, folder, monkeypatch)
    office.set(
        ATTENTIVE_URL=attentive.url, ATTENTIVE_API_TOKEN="token-a", SHOPIFY_SECRETS="s", ZENDESK_SECRETS="z",
        CAP_PER_PERSON_PER_DAY="0", QUIET_HOURS="off",
    )  # fmt: skip
    return office


def test_each_column_that_came_later_has_a_default(old: Database) -> None:
    with old.read() as connection:
        known = {column["name"] for column in inspect(connection).get_columns("messages")}
    schema.upgrade(old)
    with old.read() as connection:
        new = [column for column in inspect(connection).get_columns("messages") if column["name"] not in known]
    assert new
    assert [column["name"] for column in new if not column["nullable"] and column["default"] is None] == []


def test_what_the_version_before_verified_is_verified(
    database_url: str, tmp_path: Any, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Database(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with old.migrate() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    with old.write() as connection:
        _insert(connection, "held", "held", age=timedelta(minutes=5), reason="sending_off")
    schema.upgrade(old)
    with old.write() as connection:
        # A web process of the old program that has not stopped yet stores what it has verified.
        _insert(connection, "late", "queued", age=timedelta(0))
        assert connection.execute(text("SELECT count(*) FROM deliveries WHERE unverified IS NULL")).scalar_one() == 2
    office = _office(old, tmp_path, attentive, monkeypatch)
    try:
        office.start()
        wait_until(lambda: office.states() == ["sent", "sent"], "both leave")
    finally:
        attentive.is_closing.set()
        office.stop()
        old.dispose()
