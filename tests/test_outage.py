"""What a sender gets while pieces die under the web process, and how soon all is well again."""

import http.client
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import senders
from conftest import Stack, wait_until
from forked import ForkedStack
from senders import Webhook
from sqlalchemy import text

from bridge.errors import StoreUnavailable
from bridge.store import ledger
from bridge.store.database import Database
from soaking.postgres import Postgres

#: Shopify hangs up after so long.
_SHOPIFY_SECONDS = 5


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that may be frozen and killed: no other test's."""
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = Postgres(Path(directory) / "data")
        yield server
        server.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[ForkedStack]:
    """Web and worker over that PostgreSQL."""
    stack = ForkedStack(tmp_path_factory.mktemp("outage"), postgres.url)
    stack.start_all()
    yield stack
    stack.close()


@pytest.fixture
def working(running: ForkedStack) -> ForkedStack:
    """The same, after a text has gone all the way."""
    running.set_faults()
    _assert_texted_once(running, [_acknowledged(running)])
    return running


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ForkedStack]:
    """For a web process over SQLite."""
    stack = ForkedStack(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    yield stack
    stack.close()


def _acknowledged(stack: Stack) -> Webhook:
    hook = senders.order()
    assert hook.post_until_acknowledged(stack.web_url) in ("stored", "known")
    return hook


def _assert_texted_once(stack: Stack, hooks: list[Webhook]) -> None:
    def seen() -> Counter[str]:
        return Counter(hook.text for hook in hooks for text in stack.texts() if hook.text in text["text"])

    once = Counter(hook.text for hook in hooks)
    wait_until(lambda: set(seen()) == set(once), "each is texted")
    assert seen() == once


@pytest.mark.parametrize("at_once", [1, 24])
def test_while_postgresql_is_frozen_webhooks_are_refused_in_time_and_afterwards_stored(
    working: ForkedStack, postgres: Postgres, at_once: int
) -> None:
    hooks = [senders.order() for _ in range(at_once)]
    before = _acknowledged(working)

    def post(hook: Webhook) -> tuple[int, str | None, float]:
        began = time.monotonic()
        answer = hook.post(working.web_url)
        return answer.status_code, answer.headers.get("Retry-After"), time.monotonic() - began

    postgres.freeze()
    try:
        # More than once: the first find out, and the next must not wait behind them.
        for _ in range(3):
            with ThreadPoolExecutor(at_once) as several:
                for status, retry_after, took in several.map(post, hooks):
                    assert (status, retry_after) == (503, "10")
                    assert took < _SHOPIFY_SECONDS
        assert requests.get(f"{working.web_url}/health/live", timeout=_SHOPIFY_SECONDS).status_code == 200
        assert requests.get(f"{working.web_url}/health/ready", timeout=_SHOPIFY_SECONDS).status_code == 503
    finally:
        postgres.thaw()

    for hook in hooks:
        hook.post_until_acknowledged(working.web_url, 10)
    _assert_texted_once(working, [before, *hooks])


def test_a_database_that_was_silent_is_asked_again_with_less_patience(postgres: Postgres) -> None:
    # Who asks then may have waited for a thread while the first one waited in vain.
    database = Database(postgres.url.replace("postgresql://", "postgresql+psycopg://", 1), patience=4)
    _ask(database)

    postgres.freeze()
    try:
        waited = []
        # Between two that ask, all others are refused at once.
        while len(waited) < 3:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                _ask(database)
            if (took := time.monotonic() - began) > 0.3:
                waited.append(took)
            time.sleep(0.05)
    finally:
        postgres.thaw()
        database.dispose()

    assert waited[0] >= 4
    assert max(waited[1:]) < 1.8


def _ask(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("SELECT 1"))


def test_a_process_that_is_stopped_within_a_transaction_keeps_its_locks_for_seconds_only(postgres: Postgres) -> None:
    url = postgres.url.replace("postgresql://", "postgresql+psycopg://", 1)
    stopped, other = Database(url), Database(url)

    def lock(database: Database) -> bool:
        try:
            with database.write() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
        except StoreUnavailable:
            return False
        return True

    def keep_the_lock() -> None:
        with stopped.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
            # The other waits three seconds each time it tries.
            wait_until(lambda: lock(other), "the lock is free", 12)

    with pytest.raises(StoreUnavailable):
        keep_the_lock()
    stopped.dispose()
    other.dispose()


@pytest.mark.parametrize("ending", [signal.SIGQUIT, signal.SIGKILL], ids=["stopped at once", "killed"])
def test_web_and_worker_go_on_by_themselves_when_postgresql_is_back(
    working: ForkedStack, postgres: Postgres, ending: signal.Signals
) -> None:
    # Under way while it happens: the worker learns what became of it when nobody can write that down.
    working.set_faults(latency_ms=1000)
    hooks = [_acknowledged(working)]
    wait_until(lambda: _is_under_way(working), "the message is under way")

    postgres.die(ending)
    postgres.start()
    hooks.append(_acknowledged(working))
    working.set_faults()

    _assert_texted_once(working, hooks)
    assert all(process.is_running for process in working._processes)


def _is_under_way(stack: ForkedStack) -> bool:
    database = stack.open_database()
    with database.read() as connection:
        found = ledger.list_messages(connection, limit=1, state="sending")
    database.dispose()
    return bool(found)


def test_a_web_process_whose_parent_was_killed_leaves_its_port_to_the_next(alone: ForkedStack) -> None:
    alone.migrate()
    web = alone.start_web()
    sender = http.client.HTTPConnection("127.0.0.1", alone.web_port, timeout=5)
    assert _answers(sender)
    sender.auto_open = 0

    os.kill(web.pid, signal.SIGKILL)
    # A busy sender keeps its connection, and so kept the orphan alive, which answered nobody else.
    wait_until(lambda: not _answers(sender), "the orphan closes the connection", 10)
    alone.start_web()

    hook = senders.order()
    assert hook.post(alone.web_url).json() == {"status": "stored"}


def _answers(sender: http.client.HTTPConnection) -> bool:
    try:
        sender.request("GET", "/health/live")
        return sender.getresponse().read() != b""
    except (OSError, http.client.HTTPException):
        return False
