"""What a person may get wrong with DATABASE_URL: told in one sentence, without a traceback and without the password."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from conftest import Stack, free_port, wait_until
from forked import ForkedStack
from sqlalchemy import text

from bridge.store import disk, workers
from bridge.store.database import Database
from bridge.store.workers import Identity
from soaking.postgres import Postgres

_SECRET = "s3cret-of-the-tests"
_COMMANDS = (
    "web",
    "worker",
    "serve",
    "db upgrade",
    "deliveries list",
    "messages list",
    "preview order_placed --delivery 1",
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server that wants a password of `someone`, and speaks no TLS."""
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        data = Path(directory) / "data"
        server = Postgres(data)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE someone LOGIN PASSWORD 'another'")
            rules = (data / "pg_hba.conf").read_text()
            (data / "pg_hba.conf").write_text(f"host all someone 127.0.0.1/32 scram-sha-256\n{rules}")
            connection.execute("SELECT pg_reload_conf()")
        yield server
        server.end()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ForkedStack]:
    """An empty directory and nothing running."""
    stack = ForkedStack(tmp_path, "")
    yield stack
    stack.close()


def _assert_refused(done: subprocess.CompletedProcess[str], said: str, status: int = 2) -> None:
    told = done.stdout + done.stderr
    assert said in done.stderr, told
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), told
    assert done.stderr.startswith("bridge: ")
    assert "Traceback" not in told
    assert _SECRET not in told


# --- PostgreSQL ----------------------------------------------------------------------------------------------------

# The address, and what is said; `server` is a server's host and port, `nothing` is one where nobody listens.
_MISTAKES = {
    "postgres://someone:{secret}@{server}/postgres": 'password authentication failed for user "someone"',
    "postgres://someone@{server}/postgres": "no password supplied",
    "postgres://nobody:{secret}@{server}/postgres": 'role "nobody" does not exist',
    "postgres://postgres:{secret}@{server}/shop": 'database "shop" does not exist',
    "postgres://postgres:{secret}@{server}/postgres?sslmode=require": "server does not support SSL",
    "postgres://postgres:{secret}@{server}/postgres?sslmode=always": 'invalid sslmode value: "always"',
    "postgres://postgres:{secret}@{server}/postgres?sslmod=require": 'invalid connection option "sslmod"',
    "postgres://postgres:{secret}@{server}/postgres?port=one": "what stands behind the ? is wrong",
    "postgres://postgres:{secret}@database.invalid/postgres": "failed to resolve host 'database.invalid'",
    "postgres://postgres:{secret}@database..invalid/postgres": "no host can have this name",
    "postgres://postgres:{secret}@127.0.0.1:99999/postgres": 'invalid port number: "99999"',
    "postgres://postgres:p@{secret}@{server}/postgres": "the password holds an @, which is written %40 there",
    "postgres://{server},{server}/{secret}": "cannot be read",
    "postgresql+psycopg2://postgres:{secret}@{server}/postgres": "postgresql+psycopg2 is not supported",
    "{secret}": "cannot be read",
}


@pytest.mark.parametrize("command", ["db upgrade", "messages list"])
@pytest.mark.parametrize("address", _MISTAKES)
def test_a_wrong_address_of_postgresql_is_told_in_a_sentence(
    stack: ForkedStack, postgres: Postgres, address: str, command: str
) -> None:
    server = postgres.url.partition("@")[2].partition("/")[0]
    done = stack.run(*command.split(), DATABASE_URL=address.format(secret=_SECRET, server=server))
    _assert_refused(done, _MISTAKES[address])
    assert done.stderr.startswith("bridge: DATABASE_URL: ")


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_tells_a_wrong_password(stack: ForkedStack, postgres: Postgres, command: str) -> None:
    address = postgres.url.replace("postgres@", f"someone:{_SECRET}@")
    _assert_refused(stack.run(*command.split(), DATABASE_URL=address), "password authentication failed")


@pytest.mark.parametrize("command", ["serve", "db upgrade", "deliveries list", "messages list"])
def test_a_server_that_is_away_is_a_problem_and_no_mistake(stack: ForkedStack, command: str) -> None:
    address = f"postgres://postgres:{_SECRET}@127.0.0.1:{free_port()}/postgres"
    _assert_refused(stack.run(*command.split(), DATABASE_URL=address), "the database does not answer", status=1)


def test_a_worker_that_is_started_while_the_server_is_away_waits_for_it(stack: ForkedStack, postgres: Postgres) -> None:
    assert stack.run("db", "upgrade", DATABASE_URL=postgres.url).returncode == 0
    postgres.freeze()
    try:
        worker = stack.start_worker(DATABASE_URL=postgres.url)
        wait_until(lambda: "worker.database_unavailable" in worker.log, "the worker says that it waits")
    finally:
        postgres.thaw()
    wait_until(lambda: "worker.started" in worker.log, "the worker has started")


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_database_without_tables_and_one_of_a_newer_program_are_told_apart(
    stack: ForkedStack, postgres_url: str, command: str
) -> None:
    if command not in ("serve", "db upgrade"):
        empty = stack.run(*command.split(), DATABASE_URL=postgres_url)
        _assert_refused(empty, "the database has no tables yet; run `bridge db upgrade`")
    stack.database_url = postgres_url
    stack.migrate()
    database = stack.open_database()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of tomorrow'"))
        # And no program of today works with it.
        connection.execute(text("UPDATE compatibility SET oldest = 'of tomorrow'"))
    database.dispose()
    _assert_refused(stack.run(*command.split(), DATABASE_URL=postgres_url), "is newer than this program")


def test_without_its_driver_postgresql_is_refused_and_sqlite_works(tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "psycopg"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no pq wrapper available.\\nAttempts made: …')\n")
    # A process of its own from the start: it must find this psycopg first.
    stack = Stack(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    path = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    address = f"postgres://postgres:{_SECRET}@127.0.0.1/postgres"
    for command in (("db", "upgrade"), ("web",), ("messages", "list")):
        done = stack.run(*command, DATABASE_URL=address, PYTHONPATH=path)
        _assert_refused(
            done, "PostgreSQL needs the package psycopg, which does not load here (no pq wrapper available.)"
        )
    for command in (("db", "upgrade"), ("messages", "list")):
        assert stack.run(*command, PYTHONPATH=path).returncode == 0


# --- SQLite --------------------------------------------------------------------------------------------------------

_MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / {folder} rw,relatime shared:1 master:2 - {kind} files:/export rw,vers=4.2
31 22 0:27 / /elsewhere rw - tmpfs tmpfs rw
"""


def _see_a_network_disk() -> None:
    disk._MOUNTS = Path("mounts")


@pytest.mark.parametrize("command", [*_COMMANDS, "demo --once"])
def test_a_network_disk_is_refused(stack: ForkedStack, command: str) -> None:
    # As the kernel would list it: blanks as octal numbers.
    folder = str(stack.directory if "demo" not in command else tempfile.gettempdir()).replace(" ", "\\040")
    (stack.directory / "mounts").write_text(_MOUNTS.format(folder=folder, kind="nfs4"))
    process = stack.start_prepared(_see_a_network_disk, *command.split(), DATABASE_URL="sqlite:///bridge.db")
    assert process.wait() == 2
    (said,) = process.log.splitlines()
    assert "is on a network disk (nfs4), where SQLite loses data; use a local disk or PostgreSQL" in said
    assert said.startswith("bridge: TMPDIR: " if "demo" in command else "bridge: DATABASE_URL: ")


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("1 0 8:1 / / rw - ext4 /dev/sda rw", None),
        ("1 0 0:1 / / rw - overlay overlay rw", None),
        ("1 0 0:1 / / rw - nfs4 host:/ rw", "nfs4"),
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /srv rw - cifs //host/share rw", "cifs"),
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /srv/my\\040data rw - fuse.sshfs host: rw", "fuse.sshfs"),
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /srv/my rw - nfs host:/ rw", None),
        ("1 0 8:1 / / rw - nfs host:/ rw\n2 1 0:2 / /srv/my\\040data rw - ext4 /dev/sdb rw", None),
        ("1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /srv rw - ext4 /dev/sdb rw\n3 1 0:3 / /srv rw - 9p x rw", "9p"),
        ("1 0 0:1 / / rw - fuse.mergerfs a:b rw", None),
        ("1 0 0:1 / / rw - fuseblk /dev/sdc rw", None),
        ("1 0 0:1 / / rw - zfs tank rw", None),
        ("1 0 0:1 / / rw shared:1 master:2 - vboxsf share rw", "vboxsf"),
    ],
)
def test_the_disk_is_that_of_the_last_and_longest_mount(mounts: str, kind: str | None) -> None:
    assert disk.kind_if_of_a_network(Path("/srv/my data/bridge"), mounts) == kind


def _be_nobody() -> None:
    os.setuid(65534)


def test_a_place_that_sqlite_cannot_work_on_is_told(
    stack: ForkedStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (stack.directory / "letter.db").write_text("This is a letter, and no database. " * 100)
    for command in _COMMANDS:
        for address, said in (
            ("sqlite:///letter.db", "SQLite cannot work with this file: file is not a database"),
            ("sqlite:////nowhere/at/all/bridge.db", "there is no folder /nowhere/at/all"),
            (f"sqlite:///{stack.directory}", f"{stack.directory} is a folder; SQLite needs a file"),
            ("sqlite://bridge.db", "three slashes"),
            ("sqlite:///bridge.db?mode=ro", "nothing may follow the file's name"),
        ):
            _assert_refused(stack.run(*command.split(), DATABASE_URL=address), said)


def test_a_folder_and_a_file_that_may_not_be_written_are_told(stack: ForkedStack) -> None:
    # Not in pytest's own folder, which is only for who runs the tests: root may write everywhere, so it is another.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "closed").mkdir()
        (folder / "open").mkdir()
        (folder / "open" / "bridge.db").touch()
        for path, mode in ((folder, 0o755), (folder / "closed", 0o555), (folder / "open", 0o777)):
            path.chmod(mode)
        (folder / "open" / "bridge.db").chmod(0o444)
        stack.directory = folder / "open"
        for address, said in (
            (folder / "closed" / "bridge.db", "closed may not be written into"),
            (folder / "open" / "bridge.db", "bridge.db may not be written"),
        ):
            prepare = _be_nobody if os.geteuid() == 0 else None
            process = stack.start_prepared(prepare, "db", "upgrade", DATABASE_URL=f"sqlite:///{address}")
            assert process.wait() == 2
            (line,) = process.log.splitlines()
            assert line.startswith("bridge: DATABASE_URL: ")
            assert said in line


# --- several machines over one SQLite file --------------------------------------------------------------------------


def _be_another_machine() -> None:
    disk.boot = lambda: "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def working(tmp_path: Path) -> Iterator[ForkedStack]:
    """A worker over SQLite."""
    stack = ForkedStack(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    stack.migrate()
    worker = stack.start_worker()
    wait_until(lambda: "worker.started" in worker.log, "the worker has started")
    yield stack
    stack.close()


@pytest.mark.parametrize("command", ["web", "worker", "serve", "db upgrade"])
def test_a_second_machine_is_refused_while_a_worker_lives_on_the_first(working: ForkedStack, command: str) -> None:
    process = working.start_prepared(_be_another_machine, *command.split())
    assert process.wait() == 2
    (said,) = process.log.splitlines()
    assert said.startswith(f"bridge: DATABASE_URL: {working.directory}/bridge.db is in use on another machine (")


def test_a_row_that_a_machine_has_left_before_it_was_started_anew_is_no_second_machine(stack: ForkedStack) -> None:
    stack.database_url = f"sqlite:///{stack.directory / 'bridge.db'}"
    stack.migrate()
    database = stack.open_database()
    with database.write() as connection:
        workers.register(connection, Identity(name="w", host="box 1-1 pid:[1]"), database.now(connection))
    database.dispose()
    worker = stack.start_worker(DATABASE_URL=stack.database_url)
    wait_until(lambda: "worker.started" in worker.log, "the worker has started")


def test_a_container_beside_us_is_no_other_machine(database: Database) -> None:
    here = Identity(name="here")
    name, boot, _ = here.host.split()
    with database.write() as connection:
        now = database.now(connection)
        for host in (here.host, f"another {boot} pid:[4026532001]", f"{name} another-boot pid:[1]"):
            workers.register(connection, Identity(name="w", host=host), now - timedelta(seconds=1))
        assert [host for host, _ in workers.beats_elsewhere(connection).values()] == [name]
