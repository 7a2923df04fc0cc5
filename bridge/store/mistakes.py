"""What a person may have got wrong with DATABASE_URL, in a sentence each."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import inspect

from bridge.errors import Misconfigured, StoreUnavailable
from bridge.store import disk, workers
from bridge.store.database import Database

# What PostgreSQL and its driver say to settings that no waiting will mend. In another language than English they are
# told as an outage, with the same words.
_NO_WAITING_MENDS = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|is not permitted to log in|permission denied"
    r"|(database|role|user) \"?\S+\"? does not exist|no such (database|user)"
    r"|Name or service not known|nodename nor servname|No address associated|no host can have"
    r"|does not support SSL|SSL error|certificate|invalid response to SSL negotiation"
    r"|invalid (sslmode|port number|connection option|integer value|\S+ value)|could not match \d+"
)
_PREAMBLE = re.compile(r"^connection (failed|is bad): |(?<=failed: )(FATAL|ERROR): +")
_NO_FILE_FOR_SQLITE = ("SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")

# A worker's heart beats every second.
_WATCH_SECONDS = 3.0


@contextmanager
def told_in_words() -> Iterator[None]:
    """Around the first use of a database: makes Misconfigured of StoreUnavailable where the settings are wrong."""
    try:
        yield
    except StoreUnavailable as error:
        problem = getattr(error.__cause__, "orig", None)
        if problem is None:
            raise
        said = str(problem).partition("\n")[0]
        if isinstance(problem, sqlite3.Error):
            if problem.sqlite_errorname in _NO_FILE_FOR_SQLITE:
                raise Misconfigured([f"DATABASE_URL: SQLite cannot work with this file: {said}"]) from error
            raise
        said = _PREAMBLE.sub("", said)
        if _NO_WAITING_MENDS.search(said):
            raise Misconfigured([f"DATABASE_URL: {said}"]) from error
        raise StoreUnavailable(f"the database does not answer: {said}") from error


def check_place(path: Path, *, setting: str = "DATABASE_URL") -> None:
    """Raise Misconfigured unless SQLite can keep its files at `path`."""
    folder = path.parent
    if not disk.is_folder(folder):
        raise Misconfigured([f"{setting}: there is no folder {folder} that may be entered"])
    if disk.is_folder(path):
        raise Misconfigured([f"{setting}: {path} is a folder; SQLite needs a file"])
    if kind := disk.network_disk(path):
        advice = "where SQLite loses data; use a local disk or PostgreSQL"
        raise Misconfigured([f"{setting}: {path} is on a network disk ({kind}), {advice}"])
    if not disk.is_writable(folder):
        raise Misconfigured([f"{setting}: the folder {folder.resolve()} may not be written into, and SQLite has to"])
    if path.exists() and not disk.is_writable(path):
        raise Misconfigured([f"{setting}: the file {path} may not be written"])


def refuse_second_machine(database: Database) -> None:
    """Raise Misconfigured if a worker on another machine works on the same SQLite file.

    Its heartbeat is watched for, since no clock tells: a row may be left from before this machine was started anew.
    """
    if not database.is_sqlite:
        return
    before = _beats_elsewhere(database)
    deadline = time.monotonic() + _WATCH_SECONDS
    while before and time.monotonic() < deadline:
        time.sleep(0.1)
        for worker, (host, beat) in _beats_elsewhere(database).items():
            if before.get(worker, (host, beat))[1] != beat:
                raise Misconfigured(
                    [
                        f"DATABASE_URL: {database.url.database} is in use on another machine ({host}), and SQLite wants"
                        " all processes on one; use PostgreSQL"
                    ]
                )


def _beats_elsewhere(database: Database) -> dict[str, tuple[str, datetime]]:
    with database.read() as connection:
        return workers.beats_elsewhere(connection) if inspect(connection).has_table("workers") else {}
