"""What most commands begin with: settings, the database, the templates."""

import contextlib
import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import ArgumentError

from bridge import sources
from bridge.errors import Misconfigured, StoreUnavailable
from bridge.settings import Settings
from bridge.store import mistakes, restorations, schema, unlocking
from bridge.store.database import Database

if TYPE_CHECKING:
    from bridge.compose import Template, TemplateFolder

#: A row's number, as far as the databases count.
ROW_ID = click.IntRange(1, 2**63 - 1)


def read_settings() -> Settings:
    """The settings; harmless oddities are printed. Raises Misconfigured."""
    settings = Settings.from_env(sources.names())
    for warning in (*settings.warnings, *_without_address(settings)):
        click.echo(f"bridge: warning: {warning}", err=True)
    return settings


def _without_address(settings: Settings) -> list[str]:
    """Warnings of connections that sign the address they call, where nobody has told what that is."""
    if settings.public_url:
        return []
    signing = [one for one in settings.connections.values() if sources.find(one.source).scheme.signs_url]
    return [
        f"PUBLIC_URL: {sources.find(one.source).title} signs the address it calls; set it to the bridge's own, as it is"
        f" entered there without /hooks/{one.name}, or behind a proxy webhooks may be refused"
        for one in signing
    ]


def require_shared_database(settings: Settings) -> None:
    """Raise Misconfigured unless `web` and `worker` can share the database, and it lasts."""
    if not settings.database_url_is_explicit:
        raise Misconfigured(
            [
                "DATABASE_URL: is not set; web and worker must share one database. Set it (for example to"
                " postgresql://user:password@host/name), or run both together with `bridge serve`"
            ]
        )
    refuse_fleeting_disk(settings)


def refuse_fleeting_disk(settings: Settings) -> None:
    """Raise Misconfigured for SQLite where the disk is thrown away with every restart."""
    if settings.dyno and settings.database_url.startswith("sqlite"):
        raise Misconfigured(
            [
                "DATABASE_URL: SQLite on a Heroku dyno is lost at every restart, and acknowledged webhooks with it;"
                " add a PostgreSQL database (heroku addons:create heroku-postgresql)"
            ]
        )


def who() -> str:
    """How the audit list calls whoever runs the command: `terminal: dana`, by their login on this machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user without a name.
        name = f"user {os.getuid()}"
    return f"terminal: {name}"


def open_database(settings: Settings) -> Database:
    """The database, migrated as this program needs it. Raises Misconfigured, StoreUnavailable."""
    database = _database(settings)
    path = Path(database.url.database or "")
    if database.is_sqlite and not path.exists():
        raise Misconfigured([f"DATABASE_URL: there is no {path} yet; run `bridge db upgrade` or `bridge serve`"])
    with mistakes.told_in_words(), database.read() as connection:
        schema.check(connection)
        unlocking.check(connection, settings.data_keys)
    return database


def refuse_wrong_keys(settings: Settings) -> None:
    """Raise Misconfigured if DATA_KEYS does not open the database, as far as there is one to ask now."""
    database = _database(settings)
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return
    with contextlib.suppress(StoreUnavailable), database.read() as connection:
        if schema.is_current(connection):
            unlocking.check(connection, settings.data_keys)
    database.dispose()


def open_database_to_work(settings: Settings) -> Database:
    """The same for `web` and `worker`, which keep it open: refused where SQLite cannot be shared."""
    database = open_database(settings)
    mistakes.refuse_second_machine(database)
    with database.write() as connection:
        unlocking.seal_secrets(connection, settings.data_keys)
    return database


def refuse_unconfirmed_backup(database: Database) -> None:
    """Raise Misconfigured where what waits may have been sent already: nobody has said that this is a back-up."""
    with database.read() as connection:
        restorations.refuse_unconfirmed(connection)


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Create or migrate the database; the versions before and after. Raises Misconfigured, StoreUnavailable.

    Also where DATA_KEYS does not open it: a release that fails keeps the old processes, while new ones would not start.
    """
    database = _database(settings)
    with mistakes.told_in_words():
        mistakes.refuse_second_machine(database)
        versions = schema.upgrade(database)
        with database.read() as connection:
            unlocking.check(connection, settings.data_keys)
    database.dispose()
    return versions


def _database(settings: Settings) -> Database:
    try:
        database = Database(settings.database_url, keys=settings.data_keys, connections=settings.database_connections)
    except ArgumentError as error:
        # What only the driver's part of SQLAlchemy looks at. Its words may be the password's.
        raise Misconfigured(["DATABASE_URL: cannot be read; what stands behind the ? is wrong"]) from error
    except ImportError as error:
        raise Misconfigured(
            [
                f"DATABASE_URL: PostgreSQL needs the package psycopg, which does not load here ({_first_line(error)});"
                " pip install 'psycopg[binary]'"
            ]
        ) from error
    if database.is_sqlite:
        mistakes.check_place(Path(database.url.database or ""))
    return database


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def open_templates(settings: Settings) -> "TemplateFolder":
    """The message templates. Raises Misconfigured with every problem of every file."""
    # Not at the top: most commands, and the web process, need none.
    from bridge.compose import TemplateFolder

    return TemplateFolder(templates_folder(settings.templates_dir))


def templates_folder(setting: str | None) -> Path:
    """Where the templates are. Raises Misconfigured, which names TEMPLATES_DIR, if that is no folder."""
    from bridge.compose import default_folder

    if setting and not Path(setting).is_dir():
        raise Misconfigured([f"TEMPLATES_DIR: there is no folder {setting}; make it, or correct the setting"])
    return default_folder(setting)


def find_template(templates: Sequence["Template"], name: str) -> "Template":
    """The template of this name. Raises UsageError that names those there are."""
    found = next((one for one in templates if one.name == name), None)
    if found is None:
        raise click.UsageError(_no_template(name, [one.name for one in templates]))
    return found


def missing_template(settings: Settings, name: str) -> str | None:
    """What to say if no file of the templates has this name, good or broken. Raises Misconfigured."""
    files = templates_folder(settings.templates_dir).glob("[!_.]*.txt")
    names = sorted({file.name.partition(".")[0] for file in files})
    return None if name in names else _no_template(name, names)


def _no_template(name: str, names: Sequence[str]) -> str:
    return f"there is no template {name!r}; there are: {', '.join(names)}"
