"""The schema's version: migrating it, and telling whether it fits this program."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import OperationalError

from bridge.errors import Misconfigured
from bridge.store.database import Database
from bridge.store.tables import OLDEST_THAT_FITS, SCHEMA_VERSION, compatibility, deliveries, workers

if TYPE_CHECKING:
    # Loaded only to migrate: it costs each process that merely checks the version 7 MB.
    from alembic.config import Config

# One lock for all migrating processes: a release phase and an impatient `serve` may start together.
_MIGRATION_LOCK = 7_203_114
# Less than PostgreSQL's own `deadlock_timeout` of a second: where a migration and a webhook wait for each other, the
# migration gives way.
_LOCK_MILLISECONDS = 500
# Between tries, in seconds: a minute in all.
_PAUSES = (0.5, 0.5, 1, 1, 2, 4, 8, 15, 30)
_LOCK_NOT_AVAILABLE = "55P03"


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema up to date; the versions before and after. A newer one that this program works with is left."""
    with database.migrate() as connection:
        if not database.is_sqlite:
            _wait_for_others(connection)
        before = _version(connection)
        if before == SCHEMA_VERSION:
            return before, before
        if before is not None and before not in _known():
            _refuse_unless_it_fits(connection, before)
            return before, before
        if not database.is_sqlite:
            connection.commit()
        _migrate_patiently(connection)
        _note_who_fits(connection)
        if not database.is_sqlite:
            connection.commit()
    return before, SCHEMA_VERSION


def _wait_for_others(connection: Connection) -> None:
    """Wait until no other process migrates; the lock is this session's."""
    connection.execute(text("SET lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    # Who waits for a table's lock holds up all who come after: the webhooks, which have less than four seconds.
    connection.execute(text(f"SET lock_timeout = {_LOCK_MILLISECONDS}"))
    connection.commit()


def _migrate_patiently(connection: Connection) -> None:
    """Migrate; where a long transaction has a table, let the others go on for a while and try again."""
    for pause in (*_PAUSES, None):
        try:
            return _migrate(connection)
        except OperationalError as error:
            if pause is None or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            connection.rollback()
            time.sleep(pause)
    return None


def _note_who_fits(connection: Connection) -> None:
    """Note which older programs work with this schema: processes of theirs run still, or are put back."""
    connection.execute(delete(compatibility))
    connection.execute(insert(compatibility).values(oldest=OLDEST_THAT_FITS))


def check(connection: Connection) -> None:
    """Raise Misconfigured unless the schema is the one this program was written for."""
    version = _version(connection)
    if version == SCHEMA_VERSION:
        return
    if version is not None and version not in _known():
        _refuse_unless_it_fits(connection, version)
        return
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


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _refuse_unless_it_fits(connection: Connection, newer: str) -> None:
    """Raise Misconfigured unless a newer program has noted that this one works with what it has made."""
    oldest = None
    if inspect(connection).has_table(compatibility.name):
        oldest = connection.execute(select(compatibility.c.oldest)).scalar_one_or_none()
    if oldest is None or oldest > SCHEMA_VERSION:
        raise Misconfigured(
            [f"DATABASE_URL: the database is at version {newer}, which is newer than this program; update the bridge"]
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
