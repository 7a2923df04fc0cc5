"""The database's address: what hosting providers write there, as SQLAlchemy wants it, and what may be wrong with it."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bridge.environment import Environment

_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")


def read(environment: Environment, value: str) -> str:
    """The SQLAlchemy form of DATABASE_URL: `postgres://` as hosting providers write it, through psycopg 3."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        problem: str | None = "cannot be read; write sqlite:///bridge.db or postgresql://user:password@host/name"
        url = URL.create("")
    else:
        problem = _problem_of(url)
    if problem:
        environment.problem("DATABASE_URL", problem)
        return ""
    if url.drivername in _POSTGRESQL:
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def _problem_of(url: URL) -> str | None:
    """What is wrong with a database's address. Never with its words: they may be the password's."""
    if url.drivername in _POSTGRESQL:
        if "@" in (url.host or ""):
            return "the password holds an @, which is written %40 there"
        return None
    if url.drivername in _SQLITE:
        if url.host:
            return "SQLite's addresses have three slashes, sqlite:///bridge.db, or four: sqlite:////folder/bridge.db"
        if not url.database or url.database == ":memory:":
            return "SQLite needs a file, because several processes share it"
        return "nothing may follow the file's name of SQLite" if url.query else None
    return f"{url.drivername} is not supported; use sqlite or postgresql"
