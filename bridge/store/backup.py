"""A copy of SQLite's database while others write to it. PostgreSQL has pg_dump for that: docs/backup.md."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from bridge.errors import Misconfigured
from bridge.store import restorations
from bridge.store.database import Database


def copy(database: Database, to: Path) -> int:
    """Write the database as it is at one moment to the new file `to`, for its owner only; how many bytes it has.

    Nobody waits meanwhile. The copy is whole and on the disk before it has its name, and is marked as a back-up.
    Raises Misconfigured where it cannot be written, or is there already.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        # Also keeps a second back-up away that would write to the same file.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Misconfigured([f"{part} is there: another back-up runs, or broke off; then remove it"]) from None
    except OSError as error:
        raise Misconfigured([f"{part}: cannot be written ({error.strerror})"]) from error
    try:
        _copy(database.url.database or "", part)
        _mark(part)
        _sync(part)
        # Unlike a rename, this never takes the place of another file.
        os.link(part, to)
        _sync(to.parent)
    except FileExistsError:
        raise Misconfigured([f"{to} is there already, and stays as it is"]) from None
    except (OSError, sqlite3.Error) as error:
        raise Misconfigured([f"{to}: the back-up failed ({error})"]) from error
    finally:
        for leftover in (part, *(part.with_name(f"{part.name}{end}") for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
    return to.stat().st_size


def _copy(source: str, to: Path) -> None:
    # All pages at once, in one transaction that reads: in steps it would begin again after each write of the others.
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(to)) as written:
        read.backup(written, pages=-1)
        (said,) = written.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(said)


def _mark(path: Path) -> None:
    engine = create_engine(URL.create("sqlite", database=str(path)))
    with engine.begin() as connection:
        restorations.mark(connection, datetime.now(UTC))
    engine.dispose()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
