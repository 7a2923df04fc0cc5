"""A queue that is full: seen by everyone who looks, and no reason to refuse a webhook."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import senders
from conftest import wait_until
from forked import ForkedStack
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, insert, update

from bridge.messages import AccountHealth
from bridge.store import account_health, status
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages


class Door(ForkedStack):
    """A web process that receives, and no worker behind it."""

    def queue(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ready()["queue"]
        return found

    def ready(self) -> dict[str, Any]:
        answer = requests.get(f"{self.web_url}/health/ready", timeout=10)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        assert found["status"] == "ready"
        return found

    def metrics(self) -> dict[tuple[str, ...], float]:
        answer = requests.get(f"{self.web_url}/metrics", timeout=10)
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@pytest.fixture
def door(tmp_path: Path, database_url: str) -> Iterator[Door]:
    door = Door(tmp_path, database_url)
    door.migrate()
    door.start_sandbox()
    door.start_web()
    yield door
    door.close()


def _put_back(door: Door, **by: float) -> None:
    """Make everything that waits so much older."""
    database = door.open_database()
    with database.write() as connection:
        earlier = database.now(connection) - timedelta(**by)
        for table in (deliveries, messages):
            connection.execute(update(table).values(due=earlier))
    database.dispose()


def test_work_that_nobody_does_is_seen_and_webhooks_are_taken_all_the_while(door: Door) -> None:
    assert senders.order().post(door.web_url).status_code == 200
    assert (door.queue()["deliveries"], door.queue()["behind"], door.queue()["why"]) == (1, False, None)
    _put_back(door, minutes=10)

    queue = door.queue()
    assert queue["behind"] is True
    assert 600 <= queue["oldest_seconds"] < 660
    assert queue["why"].startswith("the longest waiting row has been due for 60")
    assert queue["why"].endswith(" seconds: no worker is alive")
    assert door.metrics()[("bridge_behind",)] == 1
    assert door.metrics()[("bridge_oldest_waiting_seconds",)] >= 600
    assert senders.order().post(door.web_url).json() == {"status": "stored"}

    door.start_worker()
    wait_until(lambda: len(door.texts()) == 2, "the work is done")
    wait_until(lambda: door.queue()["behind"] is False, "nothing is behind any more")
    assert door.metrics()[("bridge_behind",)] == 0


def test_a_dead_worker_is_no_worker(door: Door) -> None:
    worker = door.start_worker()
    wait_until(lambda: door.ready()["workers"] == 1, "the worker is counted")
    worker.kill()
    assert senders.order().post(door.web_url).json() == {"status": "stored"}
    _put_back(door, minutes=2)
    wait_until(lambda: door.ready()["workers"] == 0, "it is not counted any more", 20)
    assert "no worker is alive" in door.queue()["why"]
    assert senders.order().post(door.web_url).json() == {"status": "stored"}


def test_a_paused_account_is_named_and_the_others_are_not_behind(door: Door) -> None:
    door.set_faults(status=401)
    door.start_worker(SHOPIFY_ATTENTIVE_API_TOKEN="another", WORKER_THREADS="1")
    assert senders.order().post(door.web_url).status_code == 200
    wait_until(lambda: door.ready()["accounts"].get("shopify", {}).get("paused"), "the account is paused")
    _put_back(door, minutes=5)

    found = door.ready()
    assert found["queue"]["behind"] is True
    assert found["queue"]["why"].endswith(": shopify is paused")
    assert found["accounts"]["shopify"]["oldest_seconds"] >= 300
    assert found["accounts"]["attentive"]["oldest_seconds"] == 0
    assert door.metrics()[("bridge_account_oldest_waiting_seconds", "shopify")] >= 300
    assert senders.order().post(door.web_url).json() == {"status": "stored"}


def _queue(connection: Connection, account: str, due: datetime, *, count: int = 1, state: str = "queued") -> None:
    delivery = connection.execute(
        insert(deliveries).values(
            connection="shopify", key=f"{account}{due}{state}", headers={}, body=b"", received_at=due,
            state="processed", due=due, attempts=0, deaths=0, again=0,
        )
    ).inserted_primary_key  # fmt: skip
    row = {
        "delivery_id": delivery[0], "account": account, "connection": "shopify", "template": "t", "event_kind": "e",
        "identity": "i", "again": 0, "state": state, "occurred_at": due, "created_at": due, "due": due,
        "expires_at": due, "if_unknown": "hold", "attempts": 0, "deaths": 0, "denials": 0, "released": False,
    }  # fmt: skip
    connection.execute(insert(messages), [row] * count)


def test_the_oldest_message_of_each_account_is_found_and_counting_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "COUNTED_TO", 20)
    with database.write() as connection:
        now = database.now(connection)
        for account, minutes, state in (("b", 3, "queued"), ("a", 2, "queued"), ("d", 1, "queued"), ("c", 9, "sent")):
            _queue(connection, account, now - timedelta(minutes=minutes), state=state)
        _queue(connection, "a", now, count=30)
        _queue(connection, "e", now + timedelta(hours=1))
        account_health.save(connection, [AccountHealth(name="c")])
        found = status.read(connection, now)
    assert found.messages_queued == 20
    assert {name: round(found.account_seconds(name)) for name in "abcde"} == {
        "a": 120,
        "b": 180,
        "c": 0,
        "d": 60,
        "e": 0,
    }
    assert round(found.oldest_seconds) == 180
    assert {account.name for account in found.accounts} == set("abcde")
    assert found.is_behind


def test_an_empty_queue_is_not_behind(database: Database) -> None:
    with database.read() as connection:
        found = status.read(connection, database.now(connection))
    assert (found.oldest_seconds, found.is_behind, found.why_behind, found.accounts) == (0.0, False, None, ())


def test_what_waits_for_an_earlier_text_of_its_thread_is_not_behind(database: Database) -> None:
    with database.write() as connection:
        now = database.now(connection)
        hour = timedelta(hours=1)
        _queue(connection, "a", now + hour)
        for number in range(3):
            _queue(connection, "a", now - hour + timedelta(seconds=number))
        _queue(connection, "b", now - hour)
        # One after the other, as their rows are numbered; the first waits for the morning.
        thread = {"thread": "order 1", "recipient": "r", "occurred_at": now}
        connection.execute(update(messages).where(messages.c.account == "a").values(**thread))
        found = status.read(connection, now)
        assert found.account_seconds("a") == 0
        assert found.account_seconds("b") == 3600
        assert {account.name for account in found.accounts} == {"a", "b"}
        connection.execute(update(messages).where(messages.c.due > now).values(state="sent"))
        found = status.read(connection, now)
    assert found.account_seconds("a") == 3600


def test_of_many_that_wait_for_an_earlier_one_the_first_thousand_are_looked_at(database: Database) -> None:
    with database.write() as connection:
        now = database.now(connection)
        _queue(connection, "a", now + timedelta(hours=1))
        _queue(connection, "a", now - timedelta(hours=1), count=1000)
        thread = {"thread": "order 1", "recipient": "r", "occurred_at": now}
        connection.execute(update(messages).where(messages.c.account == "a").values(**thread))
        assert status.read(connection, now).account_seconds("a") == 0
        _queue(connection, "a", now - timedelta(minutes=30))
        # Nobody has looked whether this one waits, too.
        assert status.read(connection, now).account_seconds("a") == 1800
