"""The names of workers: each live one has its own, and one that comes back has at once what it held."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import requests
import senders
from conftest import Process, wait_until
from forked import ForkedStack
from sqlalchemy import select, update

from bridge.store import listening, names, workers
from bridge.store.database import Database
from bridge.store.tables import messages
from bridge.store.tables import workers as table
from soaking.postgres import Postgres


class Office(ForkedStack):
    """A database, the sandbox, a web process, and workers that are called what the test says."""

    def open(self) -> None:
        self.database = self.open_database()
        self.migrate()
        self.start_sandbox()
        self.start_web()

    def close(self) -> None:
        super().close()
        self.database.dispose()

    def start_named(self, name: str) -> Process:
        worker = self.start_worker(WORKER_NAME=name)
        wait_until(lambda: "worker.started" in worker.log, "the worker has started", 10)
        return worker

    def names(self) -> set[str]:
        with self.database.read() as connection:
            return set(connection.execute(select(table.c.name)).scalars())

    def attempts(self) -> int:
        return len(requests.get(f"{self.sandbox_url}/api/attempts", timeout=10).json())

    def begin_to_send(self, **fault: float) -> None:
        """A worker sends a text, and Attentive has this fault."""
        self.set_faults(**fault, count=1)
        senders.order().post(self.web_url).raise_for_status()
        wait_until(lambda: "sending" in self.states(), "the text is on its way")

    def states(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(messages.c.state)).scalars())


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    office = Office(tmp_path, database_url)
    office.open()
    yield office
    office.close()


@pytest.fixture
def office_on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Office]:
    office = Office(tmp_path, postgres_url)
    office.open()
    yield office
    office.close()


@pytest.mark.parametrize("came_back", ["here", "on another host"])
def test_a_worker_that_comes_back_under_its_name_has_at_once_what_it_held(office: Office, came_back: str) -> None:
    killed = office.start_named("packer")
    office.begin_to_send(hang_after_accept=60)
    wait_until(office.attempts, "Attentive has the text")
    killed.kill()
    if came_back != "here":
        with office.database.write() as connection:
            connection.execute(update(table).values(host="a dyno that is gone", pid=1))
    began = time.monotonic()
    again = office.start_named("packer")
    wait_until(lambda: office.attempts() == 2, "the text is sent again", 10)
    # A second, and what a busy machine needs to start a process; by the heartbeat it would be ten.
    assert time.monotonic() - began < 5
    assert "worker.taken_over" in again.log
    assert "worker.renamed" not in again.log
    assert office.names() == {"packer"}


def test_a_second_worker_of_the_same_name_takes_another_and_says_so(office: Office) -> None:
    first = office.start_named("packer")
    office.begin_to_send(latency_ms=4000)
    second, third = office.start_named("packer"), office.start_named("packer")
    assert office.names() == {"packer", "packer-2", "packer-3"}
    for worker, name in ((second, "packer-2"), (third, "packer-3")):
        assert f'"to": "{name}"' in worker.log
        assert "another live worker has the name" in worker.log
    wait_until(lambda: "message.sent" in first.log, "the first worker records its text")
    assert office.attempts() == 1
    for worker in (first, second, third):
        assert "taken" not in worker.log, "nobody is robbed"


def test_a_name_is_free_as_soon_as_its_worker_has_stopped(office: Office) -> None:
    assert office.start_named("packer").terminate() == 0
    assert "worker.renamed" not in office.start_named("packer").log
    assert office.names() == {"packer"}


#: Who holds the names of the database's workers, and who waits for one.
_HOLDERS = (
    "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND datname = current_database() AND {granted}"
)
Session = psycopg.Connection[tuple[int]]


def _holders(server: Session, granted: str = "granted") -> list[int]:
    return [pid for (pid,) in server.execute(_HOLDERS.format(granted=granted)).fetchall()]


def _end_the_workers_session(server: Session) -> int:
    """End the session that holds the worker's name, as a restart of the server does; which one it was."""
    (holder,) = _holders(server)
    server.execute("SELECT pg_terminate_backend(%s)", [holder])
    return holder


def test_a_worker_whose_session_is_lost_takes_its_name_again(office_on_postgres: Office) -> None:
    office = office_on_postgres
    worker = office.start_named("packer")
    with psycopg.connect(office.database_url, autocommit=True) as server:
        lost = _end_the_workers_session(server)
        # It is looked at who holds the name: to try to take it would take it away from the worker.
        wait_until(lambda: any(holder != lost for holder in _holders(server)), "the name is taken again")
    assert "worker.renamed" in office.start_named("packer").log
    assert "worker.renamed" not in worker.log


def test_a_worker_whose_name_was_taken_while_its_session_was_lost_takes_another(office_on_postgres: Office) -> None:
    office = office_on_postgres
    worker = office.start_named("packer")
    with ExitStack() as sessions:
        server, other = (
            sessions.enter_context(psycopg.connect(office.database_url, autocommit=True)) for _ in range(2)
        )
        # Who stands in line for the name has it before the worker can be back.
        in_line = threading.Thread(target=_wait_for_the_name, args=[other, "packer"])
        in_line.start()
        wait_until(lambda: _holders(server, "NOT granted"), "the other waits for the name")
        _end_the_workers_session(server)
        in_line.join(30)
        wait_until(lambda: office.names() == {"packer-2"}, "the worker has another")
    assert '"to": "packer-2"' in worker.log
    senders.order().post(office.web_url).raise_for_status()
    wait_until(office.texts, "it works on")


def _wait_for_the_name(session: Session, name: str) -> None:
    session.execute("SELECT pg_advisory_lock(%s, %s)", [listening._NAMES, names.number(name, 31)])


def _be_impatient() -> None:
    workers.DEAD_AFTER = timedelta(seconds=5)
    Database.__init__.__kwdefaults__["patience"] = 3.0


def test_nobody_is_taken_for_dead_because_the_database_was_away(tmp_path: Path) -> None:
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = Postgres(Path(directory) / "data")
        office = Office(tmp_path, server.url)
        office.migrate()
        office.start_sandbox()
        both = [office.start_prepared(_be_impatient, "worker", WORKER_NAME=name) for name in ("one", "two")]
        try:
            wait_until(lambda: all("worker.started" in worker.log for worker in both), "both have started")
            server.freeze()
            wait_until(
                lambda: all(worker.log.count("database_unavailable") > 1 for worker in both), "both are silent", 60
            )
            server.thaw()
            database = office.open_database()
            before = _last_beats(database)
            wait_until(
                lambda: all(after > before[name] for name, after in _last_beats(database).items()), "both are back"
            )
            database.dispose()
            for worker in both:
                assert "taken" not in worker.log
        finally:
            ForkedStack.close(office)
            server.end()


def _last_beats(database: Database) -> dict[str, object]:
    with database.read() as connection:
        return {row.name: row.seen_at for row in connection.execute(select(table))}
