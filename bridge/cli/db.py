"""`bridge db`: the database's schema, back-ups of it, going on after one was put back, and what it is sealed with."""

import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import click

from bridge.cli import output, setup, spans
from bridge.errors import Misconfigured
from bridge.store import resealing, restorations, status, unlocking
from bridge.store.database import Database

# Others write meanwhile: so much longer than a batch takes it rests.
_REST = 3.0


@click.group()
def db() -> None:
    """The database: migrate it, back it up, go on after a back-up was put back."""


@db.command()
def upgrade() -> None:
    """Create or migrate the tables. Safe to run at every deploy, also by several processes at once."""
    settings = setup.read_settings()
    setup.refuse_fleeting_disk(settings)
    before, after = setup.migrate(settings)
    click.echo(f"The database is at version {after}." if before == after else f"Migrated the database to {after}.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy SQLite's database to FILE while web and worker go on. It never overwrites a file.

    For PostgreSQL use pg_dump: docs/backup.md has the commands.
    """
    from bridge.store.backup import copy

    database = setup.open_database(setup.read_settings())
    if not database.is_sqlite:
        raise Misconfigured(
            ["DATABASE_URL: SQLite only; back a PostgreSQL up with `pg_dump --format=custom`: docs/backup.md"]
        )
    if file.exists():
        raise click.UsageError(f"{file} is there already, and stays as it is: choose another name")
    size = copy(database, file)
    database.dispose()
    click.echo(f"Wrote {file}, {size / 1_000_000:,.1f} MB.")


@db.command()
@click.option(
    "--hold", callback=spans.span, default="24h", metavar="TIME", show_default=True,
    help="How long texts about what happens from now on are held too: 30m, 12h, 7d, or 0.",
)  # fmt: skip
@click.option("--end", is_flag=True, help="End that time: new texts go again.")
def restored(hold: timedelta, end: bool) -> None:
    """Say that the database was put back from a back-up, so that nobody is texted twice. Before the workers start.

    What waits in it may have been sent since the back-up: it is held, as `restored`, until you release or drop it. So
    is each new text about something that happened before now, or within the time of --hold.
    """
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        now = database.now(connection)
        if end:
            was_held = restorations.end(connection, now)
        else:
            done = restorations.restored(connection, now, now + hold)
    database.dispose()
    if end:
        click.echo("New texts go again." if was_held else "New texts were not held any more.")
        return
    click.echo(f"{output.counted(done.messages, 'message is', 'messages are')} held: they may have been sent already.")
    if done.deliveries:
        click.echo(f"{output.counted(done.deliveries, 'webhook', 'webhooks')} will be read, and the texts held too.")
    click.echo(f"Texts about what happened before {done.until:%Y-%m-%d %H:%M}Z will be held.")
    click.echo("Start web and worker, look at `bridge messages list --state held`, then release or drop them:")
    click.echo("  bridge messages release --reason restored")


@db.command()
def reseal() -> None:
    """Seal all personal data with the newest key of DATA_KEYS, in small batches, while everything runs.

    First restart all processes with the new key. It may be broken off and started again. Exit status 1 if there is what
    no key opens.
    """
    settings = setup.read_settings()
    if not settings.data_keys:
        raise Misconfigured(["DATA_KEYS: is not set, so there is nothing to seal with; `bridge keys new` makes a key"])
    database = setup.open_database_to_work(settings)
    rows, unopened = _reseal(database)
    for name, count in sorted(rows.items()):
        click.echo(f"{name}: {output.counted(count, 'row')} sealed")
    if unopened:
        told = ", ".join(f"{count} of {name}" for name, count in sorted(unopened.items()))
        click.echo(f"bridge: no key of DATA_KEYS opens {told}: put the key back that they are sealed with", err=True)
        sys.exit(1)
    click.echo("Everything is sealed with the newest key. If all processes have it, the others can go from DATA_KEYS.")


def _reseal(database: Database) -> tuple[Counter[str], Counter[str]]:
    """How many rows of each table were sealed, and how many could not be opened."""
    rows, unopened = Counter[str](), Counter[str]()
    began = time.monotonic()
    for batch in resealing.reseal(database):
        rows[batch.table] += batch.rows
        unopened[batch.table] += batch.unopened
        time.sleep(_REST * (time.monotonic() - began))
        began = time.monotonic()
    database.clear_journal()
    return +rows, +unopened


@db.command()
def rehash() -> None:
    """Give the hashes of phone numbers a new secret. Stop everything first: it is one long transaction.

    Wanted by a database that is older than DATA_KEYS, or of which a copy was taken before DATA_KEYS was set.
    """
    settings = setup.read_settings()
    database = setup.open_database_to_work(settings)
    with database.read() as connection:
        if status.read(connection, database.now(connection)).workers:
            click.echo("bridge: a worker is running; stop all workers and web processes first", err=True)
            sys.exit(1)
    with database.migrate() as connection:
        count = resealing.rehash(connection)
        unlocking.seal_secrets(connection, settings.data_keys)
    click.echo(f"{output.counted(count, 'row')} hashed with a new secret.")
