"""What people stop by hand: an account, a template, all sending. Real workers on both databases."""

import getpass
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import wait_until
from forked import ForkedStack
from office import Office
from sqlalchemy import update

from bridge.settings import Settings
from bridge.sources import names
from bridge.store import audit, ledger, status, switches
from bridge.store.database import Database
from bridge.store.setting_aside import AT_ONCE
from bridge.store.switches import Kind
from bridge.store.tables import messages
from bridge.web import create_app


def pause(database: Database, kind: Kind, name: str = "") -> bool:
    with database.write() as connection:
        return switches.pause(connection, kind, name, who="Dana", now=database.now(connection))


def resume(database: Database, kind: Kind, name: str = "") -> bool:
    with database.write() as connection:
        return switches.resume(connection, kind, name)


def waits_for(database: Database) -> list[str | None]:
    """What each waiting message is told to wait for, the oldest first."""
    with database.read() as connection:
        rows = ledger.list_messages(connection, limit=1000, state="queued")
    return [row["waiting_for"] for row in reversed(rows)]


def give_a_worker_time(office: Office) -> None:
    """Several beats and turns of it."""
    office.wait_for_delivery(state="processed")
    time.sleep(0.5)


@pytest.mark.parametrize(("kind", "name"), [("account", "attentive"), ("template", "placed"), ("all", "")])
def test_what_is_stopped_waits_and_goes_when_it_may_go_on(office: Office, kind: Kind, name: str) -> None:
    pause(office.database, kind, name)
    office.start()
    office.receive("shopify", "orders_create")
    give_a_worker_time(office)
    assert office.states() == ["queued"]
    assert office.messages()[0]["attempts"] == 0
    assert waits_for(office.database) == ["paused_by_hand"]
    until = office.messages()[0]["expires_at"]
    resume(office.database, kind, name)
    office.wait_for_states("sent")
    assert office.messages()[0]["expires_at"] == until


@pytest.mark.parametrize(("kind", "name"), [("account", "another"), ("template", "another")])
def test_a_pause_stops_nothing_else(office: Office, kind: Kind, name: str) -> None:
    pause(office.database, kind, name)
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")


def test_while_a_template_is_paused_the_others_are_sent(office: Office) -> None:
    pause(office.database, "template", "placed")
    office.start()
    office.tell("order.created", "09:00")
    office.tell("ticket.created", "09:01")
    wait_until(lambda: sorted(office.outcomes()) == [("placed", "queued", None), ("received", "sent", None)], "one is")
    resume(office.database, "template", "placed")
    office.wait_for_states("sent", "sent")


def test_a_running_worker_obeys_within_seconds(office: Office) -> None:
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    pause(office.database, "all")
    office.tell("ticket.created", "09:01")
    give_a_worker_time(office)
    assert office.states() == ["sent", "queued"]
    resume(office.database, "all")
    office.wait_for_states("sent", "sent")


def test_what_expires_meanwhile_is_not_sent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    pause(office.database, "template", "placed")
    office.start()
    office.receive("shopify", "orders_create")
    give_a_worker_time(office)
    office.stop()
    ago = datetime.now(UTC) - timedelta(minutes=1)
    with office.database.write() as connection:
        connection.execute(update(messages).values(expires_at=ago, due=ago))
    resume(office.database, "template", "placed")
    office.start()
    office.wait_for_states("expired")


def test_more_than_one_round_of_messages_is_set_aside_and_taken_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AT_ONCE > 2
    monkeypatch.setattr("bridge.store.setting_aside.AT_ONCE", 2)
    pause(office.database, "template", "placed")
    office.start()
    for minute in range(5):
        office.tell("order.created", f"09:0{minute}", order=str(minute))
    wait_until(lambda: [row["waiting_for"] for row in office.messages()] == ["paused_by_hand"] * 5, "all wait")
    resume(office.database, "template", "placed")
    office.wait_for_states(*["sent"] * 5)


def test_what_a_worker_that_died_left_aside_another_takes_back(office: Office) -> None:
    pause(office.database, "template", "placed")
    office.start()
    office.receive("shopify", "orders_create")
    wait_until(lambda: [row["waiting_for"] for row in office.messages()] == ["paused_by_hand"], "it is set aside")
    office.stop()
    resume(office.database, "template", "placed")
    office.start()
    office.wait_for_states("sent")


def test_a_later_moment_outlasts_a_pause(office: Office) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    office.set(ATTENTIVE_API_TOKEN=None)
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("queued")
    office.stop()
    with office.database.write() as connection:
        connection.execute(update(messages).values(due=later, waiting_for="retry"))
    pause(office.database, "template", "placed")
    office.set(ATTENTIVE_API_TOKEN="token-a")
    office.start()
    time.sleep(0.3)
    resume(office.database, "template", "placed")
    time.sleep(0.3)
    assert [(row["due"], row["waiting_for"]) for row in office.messages()] == [(later, "retry")]


def test_a_second_pause_and_a_second_resume_change_nothing(database: Database) -> None:
    assert pause(database, "account", "attentive")
    assert not pause(database, "account", "attentive")
    assert resume(database, "account", "attentive")
    assert not resume(database, "account", "attentive")


def test_health_and_metrics_tell_what_is_stopped(office: Office) -> None:
    pause(office.database, "account", "attentive")
    pause(office.database, "template", "placed")
    office.start()
    office.receive("shopify", "orders_create")
    give_a_worker_time(office)
    client = create_app(Settings.from_env(names()), office.database).test_client()
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    told = {"all": False, "accounts": ["attentive"], "templates": ["placed"]}
    assert json.loads(ready.text)["paused_by_hand"] == told
    assert 'bridge_account_paused{account="attentive"} 1.0' in client.get("/metrics").text
    with office.database.read() as connection:
        found = status.read(connection, datetime.now(UTC) + timedelta(minutes=5))
    assert "account attentive is paused by hand" in (found.why_behind or "")


def test_a_text_behind_a_paused_one_of_its_thread_waits_too(office: Office) -> None:
    office.write_template("placed", '---\nevent: order.created\nthread: "order {{ order.id }}"\n---\nThanks')
    office.write_template("shipped", '---\nevent: order.shipped\nthread: "order {{ order.id }}"\n---\nShipped')
    pause(office.database, "template", "placed")
    office.start()
    office.tell("order.created", "09:00")
    office.tell("order.shipped", "09:30")
    give_a_worker_time(office)
    assert waits_for(office.database) == ["paused_by_hand", "thread"]
    resume(office.database, "template", "placed")
    office.wait_for_states("sent", "sent")


@pytest.fixture
def terminal(tmp_path: Path, database_url: str) -> Iterator[ForkedStack]:
    """A migrated database and the commands."""
    stack = ForkedStack(tmp_path, database_url)
    stack.migrate()
    yield stack
    stack.close()


def test_the_terminal_stops_and_lets_go_on_too(terminal: ForkedStack) -> None:
    for options, what in (
        (["--account", "attentive"], "account attentive"),
        (["--template", "placed"], "template placed"),
        (["--all"], "all sending"),
    ):
        for command, said in (
            ("pause", "is stopped; workers know it within seconds"),
            ("pause", "was stopped already"),
            ("resume", "goes on; workers know it within seconds"),
            ("resume", "was not stopped"),
        ):
            done = terminal.run(command, *options)
            assert (done.returncode, done.stdout) == (0, f"{what} {said}.\n"), done.stderr
    database = terminal.open_database()
    with database.read() as connection:
        assert [row["who"] for row in audit.list_newest(connection, limit=9)] == [f"terminal: {getpass.getuser()}"] * 6
    database.dispose()


def test_a_mistyped_template_is_stopped_and_doubted(terminal: ForkedStack) -> None:
    mistyped = terminal.run("pause", "--template", "order_shiped")
    assert (mistyped.returncode, "is stopped" in mistyped.stdout) == (0, True)
    assert "no template 'order_shiped'; there are: agent_replied, " in mistyped.stderr
    assert "`bridge resume --template order_shiped`" in mistyped.stderr
    assert terminal.run("pause", "--template", "order_shipped").stderr == ""


def test_the_terminal_says_what_it_needs_to_know(terminal: ForkedStack) -> None:
    for options in ([], ["--all", "--template", "x"], ["--account", "nobody"], ["--template", ""], ["--account", ""]):
        assert terminal.run("pause", *options).returncode == 2, options
