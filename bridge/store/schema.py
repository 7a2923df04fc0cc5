"""The schema's version: migrating it, and telling whether it fits this program."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select, text

from bridge.errors import Misconfigured
from bridge.store.database import Database
from bridge.store.tables import SCHEMA_VERSION, deliveries, workers

if TYPE_CHECKING:
    # Loaded only to migrate: it costs each process that merely checks the version 7 MB.
    from alembic.config import Config

# One lock for all migrating processes: a release phase and an impatient `serve` may start together.
_MIGRATION_LOCK = 7_203_114


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema up to date; the versions before and after."""
    with database.migrate() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            # Who waits for a table's lock holds up all who come after: the webhooks.
            connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
        before = _version(connection)
        if before != SCHEMA_VERSION:
            _refuse_newer(before)
            _migrate(connection)
    return before, SCHEMA_VERSION


def check(connection: Connection) -> None:
    """Raise Misconfigured unless the schema is the one this program was written for."""
    version = _version(connection)
    if version == SCHEMA_VERSION:
        return
    _refuse_newer(version)
    state = "has no tables yet" if version is None else f"is at version {version}, this program needs {SCHEMA_VERSION}"
    raise Misconfigured([f"DATABASE_URL: the database {state}; run `bridge db upgrade`"])


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one this program was written for."""
    return _version(connection) == SCHEMA_VERSION


def check_writable(connection: Connection) -> None:
    """Raise StoreUnavailable unless this database has its tables and takes a row now; leaves none behind."""
    # Not with an insert: every probe would use a delivery's number up.
    connection.execute(select(deliveries.c.id).limit(1))
    with connection.begin_nested() as probe:
        now = datetime.now(UTC)
        connection.execute(
            insert(workers).values(id="readiness", name="readiness", host="", pid=0, started_at=now, seen_at=now)
        )
        probe.rollback()


def _migrate(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(version: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version is not None and version not in known:
        raise Misconfigured(
            [f"DATABASE_URL: the database is at version {version}, which is newer than this program; update the bridge"]
        )


def _version(connection: Connection) -> str | None:
    """The version that alembic noted, or None in a database without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return version


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
