"""The database: is it there, migrated, writable, with room to grow, and does its clock agree with ours?"""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text

from bridge.doctor.finding import Finding
from bridge.errors import BridgeError
from bridge.settings import Settings
from bridge.store import schema
from bridge.store.database import Database
from bridge.store.tables import SCHEMA_VERSION

_MIB = 1024 * 1024
_LITTLE_ROOM, _NO_ROOM = 1024 * _MIB, 100 * _MIB
# Signed times may be five minutes off; a message's moments are the database's.
_ODD_SECONDS, _WRONG_SECONDS = 2.0, 60.0


def examine(database: Database, connection: Connection, given: Settings, here: datetime) -> Iterator[Finding]:
    """What can be told of a database that answers and is migrated. `here` is this machine's time."""
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    yield Finding(about="database", state="ok", says=f"{kind} answers, at version {SCHEMA_VERSION}")
    if database.is_sqlite:
        yield _room(Path(database.url.database or ""))
        if not given.database_url_is_explicit:
            says = "DATABASE_URL is not set: only `bridge serve` keeps its messages in bridge.db"
            yield Finding(about="database", state="warning", says=says, todo="set DATABASE_URL for web and worker")
    else:
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        says = f"holds {size // _MIB} MiB; how much more there is room for, its server does not tell"
        yield Finding(about="disk", state="ok", says=says)
        yield clock_finding((database.now(connection) - here).total_seconds(), "the database's")


def examine_writing(database: Database) -> Iterator[Finding]:
    """Whether a webhook could be stored now."""
    try:
        with database.write() as connection:
            schema.check_writable(connection)
    except BridgeError as error:
        todo = "look at the disk's room, and at what its role may do"
        yield Finding(about="database", state="problem", says=f"takes no row now: {error}", todo=todo)
    else:
        yield Finding(about="database", state="ok", says="takes rows")


def clock_finding(seconds: float, whose: str) -> Finding:
    """What is said of a clock that is so many seconds ahead of ours."""
    off = abs(seconds)
    if off < _ODD_SECONDS:
        return Finding(about="clock", state="ok", says=f"agrees with {whose}")
    says = f"is {off:.0f} seconds {'behind' if seconds > 0 else 'ahead of'} {whose}"
    todo = "let both keep their time by NTP: webhooks whose signed time is five minutes off are refused"
    return Finding(about="clock", state="problem" if off > _WRONG_SECONDS else "warning", says=says, todo=todo)


def _room(path: Path) -> Finding:
    free = shutil.disk_usage(path.resolve().parent).free
    says = f"{free // _MIB} MiB are free where {path.name} is"
    if free >= _LITTLE_ROOM:
        return Finding(about="disk", state="ok", says=says)
    todo = "make room: on a full disk webhooks are answered 503"
    return Finding(about="disk", state="problem" if free < _NO_ROOM else "warning", says=says, todo=todo)
