"""The database when it does not answer: refused in words and in time, and used again when it is back."""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from conftest import free_port
from sqlalchemy import Connection, text

from bridge.errors import StoreUnavailable
from bridge.store.database import Database
from soaking.postgres import Postgres

_PATIENCE = 2.0
# What a busy machine may add to it.
_SLACK = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = Postgres(Path(directory) / "data")
        yield server
        server.end()


@pytest.fixture
def freezer(server: Postgres) -> Iterator[Postgres]:
    yield server
    server.thaw()


def _url(server: Postgres) -> str:
    return server.url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def frozen(freezer: Postgres) -> Iterator[Database]:
    """A database that has answered once, and has been frozen since."""
    database = Database(_url(freezer), patience=_PATIENCE)
    _ask(database)
    freezer.freeze()
    yield database
    freezer.thaw()
    database.dispose()


def _ask(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@contextmanager
def _refused_within(seconds: float, words: str = "does not answer") -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=words):
        yield
    assert time.monotonic() - began < seconds


def _ask_until_answered(database: Database, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _ask(database)
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_frozen_server_is_given_up_in_time_and_used_again_when_it_thaws(
    frozen: Database, freezer: Postgres, way: str
) -> None:
    opening: AbstractContextManager[Connection] = getattr(frozen, way)()
    with _refused_within(_PATIENCE + _SLACK), opening as connection:
        connection.execute(text("SELECT 1"))
    freezer.thaw()
    _ask_until_answered(frozen, 1 + _SLACK)


def test_a_server_that_freezes_within_a_transaction_is_given_up_at_the_commit(freezer: Postgres) -> None:
    database = Database(_url(freezer), patience=_PATIENCE)
    with _refused_within(_PATIENCE + _SLACK), database.write() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE kept (id integer)"))
        freezer.freeze()
    freezer.thaw()
    _ask_until_answered(database)
    database.dispose()


def test_the_limit_is_for_the_whole_transaction_and_not_for_each_statement(freezer: Postgres) -> None:
    database = Database(_url(freezer), patience=_PATIENCE)
    with _refused_within(_PATIENCE + _SLACK), database.write() as connection:
        for _ in range(10):
            connection.execute(text("SELECT pg_sleep(0.5)"))
    database.dispose()


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        # Twice the same host: two attempts of two seconds each, which must not add up.
        database = Database(f"postgresql+psycopg://bridge@/bridge?host={address}&host={address}", patience=_PATIENCE)
        with _refused_within(_PATIENCE + _SLACK):
            _ask(database)
        database.dispose()


def test_a_server_that_is_not_there_is_told_at_once_and_asked_again_at_once() -> None:
    database = Database(f"postgresql+psycopg://bridge@127.0.0.1:{free_port()}/bridge", patience=_PATIENCE)
    for _ in range(2):
        with _refused_within(_SLACK, "refused"):
            _ask(database)
    database.dispose()


def test_while_a_server_is_frozen_one_caller_waits_and_the_others_are_refused_at_once(frozen: Database) -> None:
    """Each would hold its thread for so long, and the webhooks behind it would be too late."""

    def ask() -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            _ask(frozen)
        return time.monotonic() - began

    with ThreadPoolExecutor(4) as callers:
        waited = list(callers.map(lambda _: ask(), range(100)))
    assert max(waited) < _PATIENCE + _SLACK
    assert sum(took > 0.5 for took in waited) <= 5, "the four that found out, and one that asked again"


def test_a_lock_that_another_process_holds_is_not_waited_for_by_all_one_after_the_other(tmp_path: object) -> None:
    holder = Database(f"sqlite:///{tmp_path}/bridge.db")
    other = Database(f"sqlite:///{tmp_path}/bridge.db")

    def write() -> None:
        with pytest.raises(StoreUnavailable), other.write():
            pytest.fail("the lock is held")

    began = time.monotonic()
    with holder.write():
        threads = [threading.Thread(target=write) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert time.monotonic() - began < 4.5
    _ask_until_answered(other, 1)
    holder.dispose()
    other.dispose()


def test_a_migration_takes_as_long_as_it_needs(freezer: Postgres) -> None:
    database = Database(_url(freezer), patience=0.3)
    with database.migrate() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))
    with pytest.raises(StoreUnavailable), database.write() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))
    database.dispose()


def test_the_options_of_the_address_are_kept(freezer: Postgres) -> None:
    database = Database(f"{_url(freezer)}?options=-c%20search_path%3Delsewhere")
    with database.read() as connection:
        assert connection.execute(text("SHOW search_path")).scalar_one() == "elsewhere"
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "20s"
    database.dispose()
