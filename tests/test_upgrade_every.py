"""A database of every earlier version, with rows of that age, goes on; and its old programs beside the migration."""

import re
import shutil
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from conftest import Stack, wait_until
from office import Office, Peer
from old_programs import MAYA, OldProgram, make, shipped, versions
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import StoreUnavailable
from bridge.store import ledger, processing, schema
from bridge.store.database import Database
from bridge.store.tables import SCHEMA_VERSION, compatibility

TEMPLATE = "---\nevent: order.shipped\n---\nShipped {{ order.name }}"
# A platform hangs up after five seconds, and so much of that is the web process's.
PATIENCE_SECONDS = 3.5


@pytest.fixture
def old(request: pytest.FixtureRequest, database_url: str) -> Iterator[OldProgram]:
    """An old program and its database, of the version that the test is asked for."""
    database = make(database_url, request.param)
    yield OldProgram(database)
    database.dispose()


every_version = pytest.mark.parametrize("old", versions(), indirect=True)


def test_there_are_earlier_versions() -> None:
    assert versions()[:5] == ["0001", "0002", "0003", "0004", "0005"]


@every_version
def test_a_database_of_each_version_is_listed_shown_sent_and_replayed(
    old: OldProgram, tmp_path: Path, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = old.process(old.store("sent", shipped("1")))
    old.deliver(sent)
    queued = old.process(old.store("queued", shipped("2")))
    held = old.process(old.store("held", shipped("3")), state="held", reason="sending_off")
    skipping = old.store("skipped", shipped("4"))
    skipped = old.process(skipping, state="skipped", reason="missing_value", once=None)
    stored = old.store("stored", shipped("5"))

    _, after = schema.upgrade(old.database)
    assert after == SCHEMA_VERSION
    with old.database.read() as connection:
        listed = {row["id"]: row["state"] for row in ledger.list_messages(connection, limit=50)}
        came_in = {row["id"]: row["state"] for row in ledger.list_deliveries(connection, limit=50)}
        shown = ledger.find_message(connection, sent)
        (attempt,) = ledger.list_attempts(connection, sent)
    assert listed == {sent: "sent", queued: "queued", held: "held", skipped: "skipped"}
    assert came_in[stored] == "stored"
    assert shown is not None
    assert (shown["to"], shown["body"]) == (MAYA, "Shipped 1 by an old program")
    assert (attempt["status"], attempt["words"]) == (200, "Success")

    office = _office(old.database, tmp_path, attentive, monkeypatch)
    try:
        office.start()
        wait_until(lambda: len(attentive.taken) == 3, "what waited leaves")
        with old.database.write() as connection:
            assert processing.replay(connection, skipping, datetime.now(UTC), again=False)
        wait_until(lambda: len(attentive.taken) == 4, "what was skipped is made by a replay")
        wait_until(lambda: set(office.states()) == {"sent", "skipped"}, "all is over")
    finally:
        attentive.is_closing.set()
        office.stop()
    said = sorted(sent["body"] for _, sent in attentive.taken)
    assert said == ["Shipped #4", "Shipped #5", "Shipped 2 by an old program", "Shipped 3 by an old program"]


def _office(database: Database, folder: Path, attentive: Peer, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr("bridge.worker._BEAT_SECONDS", 0.05)
    office = Office(database, folder, monkeypatch)
    office.write_template("shipped", TEMPLATE)
    office.set(
        ATTENTIVE_URL=attentive.url, ATTENTIVE_API_TOKEN="token-a", ZENDESK_SECRETS="z",
        CAP_PER_PERSON_PER_DAY="0", QUIET_HOURS="off",
    )  # fmt: skip
    return office


@every_version
def test_old_programs_go_on_while_the_database_is_migrated_and_after_it(old: OldProgram) -> None:
    """Each works from one webhook to the next until the migration is through, and for a while afterwards."""
    for number in range(20):
        old.deliver(old.process(old.store(f"before {number}")))
    failures: list[Exception] = []
    slowest = [0.0]
    done = [0, 0, 0]
    is_over = threading.Event()

    def work(who: int) -> None:
        while not is_over.is_set():
            began = time.monotonic()
            try:
                delivery = old.store(f"{who} {done[who]}")
                slowest[0] = max(slowest[0], time.monotonic() - began)
                old.deliver(old.process(delivery))
            except (StoreUnavailable, SQLAlchemyError) as error:
                failures.append(error)
                return
            done[who] += 1

    threads = [threading.Thread(target=work, args=(who,)) for who in range(len(done))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: min(done) > 3, "they work")
        schema.upgrade(old.database)
        after = list(done)
        wait_until(lambda: failures or all(now > then + 3 for now, then in zip(done, after, strict=True)), "they go on")
    finally:
        is_over.set()
        for thread in threads:
            thread.join(30)
    assert failures == []
    assert slowest[0] < PATIENCE_SECONDS
    assert set(old.states("messages")) == {"sent"}
    assert len(old.states("deliveries")) == 20 + sum(done)


@pytest.fixture
def newer(stack_on_both: Stack) -> Callable[[str], Stack]:
    """Makes the database as a program of the future leaves it, which notes who it works with."""
    stack = stack_on_both
    assert stack.run("db", "upgrade").returncode == 0

    def note(oldest: str) -> Stack:
        database = Database(stack.database_url.replace("postgresql://", "postgresql+psycopg://", 1))
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            connection.execute(compatibility.update().values(oldest=oldest))
            connection.execute(text("ALTER TABLE deliveries ADD COLUMN of_the_future VARCHAR(10)"))
            connection.execute(text("ALTER TABLE messages ADD COLUMN of_the_future INTEGER NOT NULL DEFAULT 0"))
        database.dispose()
        return stack

    return note


def test_the_program_before_can_be_put_back_after_a_migration_that_only_adds(newer: Callable[[str], Stack]) -> None:
    stack = newer(SCHEMA_VERSION)
    released = stack.run("db", "upgrade")
    assert (released.returncode, released.stdout) == (0, "The database is at version 9999.\n")
    stack.start_sandbox()
    stack.start_web()
    stack.start_worker()
    assert stack.run("trigger", "shopify", "orders_create", "--url", stack.web_url).returncode == 0
    wait_until(lambda: len(stack.texts()) == 1, "a text arrives")


def test_a_program_that_does_not_fit_any_more_says_so(newer: Callable[[str], Stack]) -> None:
    stack = newer("9998")
    words = "the database is at version 9999, which is newer than this program; update the bridge"
    for command in (("db", "upgrade"), ("worker",)):
        done = stack.run(*command)
        assert done.returncode == 2
        assert words in done.stderr


def test_a_migration_waits_for_a_long_transaction_without_holding_up_the_webhooks(postgres_url: str) -> None:
    database = make(postgres_url, "0003")
    program = OldProgram(database)
    address = postgres_url
    with psycopg.connect(address) as somebody:
        # As a report that somebody runs by hand; the migration wants the table for itself.
        somebody.execute("SELECT count(*) FROM deliveries")
        migrating = threading.Thread(target=schema.upgrade, args=(database,))
        migrating.start()
        slowest = 0.0
        deadline = time.monotonic() + 6
        number = 0
        while time.monotonic() < deadline:
            began = time.monotonic()
            program.store(f"meanwhile {number}")
            slowest = max(slowest, time.monotonic() - began)
            number += 1
            time.sleep(0.01)
        assert migrating.is_alive(), "it was to wait for the table"
        somebody.rollback()
    migrating.join(60)
    assert not migrating.is_alive()
    assert 0.5 < slowest < PATIENCE_SECONDS
    assert schema.upgrade(database) == (SCHEMA_VERSION, SCHEMA_VERSION)
    database.dispose()


def test_a_migration_that_never_gets_its_table_gives_up_and_leaves_the_database_as_it_was(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PAUSES", (0.1,))
    monkeypatch.setattr(schema, "_LOCK_MILLISECONDS", 100)
    database = make(postgres_url, "0003")
    with psycopg.connect(postgres_url) as somebody:
        somebody.execute("SELECT count(*) FROM deliveries")
        with pytest.raises(StoreUnavailable, match="LockNotAvailable"):
            schema.upgrade(database)
        somebody.rollback()
    with database.read() as connection:
        assert schema._version(connection) == "0003"
    assert schema.upgrade(database) == ("0003", SCHEMA_VERSION)
    database.dispose()


_INDEX = '''"""An index over a large table."""

from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it without holding anybody up."""
{example}
'''


def test_an_index_over_a_large_table_is_made_as_the_page_says(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[1] / "docs/upgrading.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    example = example.replace("ix_…", "ix_messages_event_kind").replace("[...]", '["event_kind"]')
    database = make(database_url, SCHEMA_VERSION)
    folder = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).parent / "migrations", folder)
    index = _INDEX.format(before=SCHEMA_VERSION, example=textwrap.indent(example, "    "))
    (folder / "versions/9999_an_index.py").write_text(index)
    config = schema._config()
    config.set_main_option("script_location", str(folder))
    monkeypatch.setattr(schema, "_config", lambda: config)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", "9999")
    program = OldProgram(database)
    program.process(program.store("a"))

    assert schema.upgrade(database) == (SCHEMA_VERSION, "9999")

    program.process(program.store("b"))
    with database.read() as connection:
        assert "ix_messages_event_kind" in {one["name"] for one in inspect(connection).get_indexes("messages")}
    database.dispose()
