"""`bridge db reseal` and `bridge db rehash`: old rows brought up to date with the keys of DATA_KEYS."""

import sys
import time
from collections import Counter

import click

from bridge.cli import output, setup
from bridge.errors import Misconfigured
from bridge.store import deeds, resealing, status, unlocking
from bridge.store.database import Database

# Others write meanwhile: so much longer than a batch takes it rests.
_REST = 3.0


@click.command()
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
    with database.write() as connection:
        deeds.resealed(connection, rows.total(), who=setup.who(), now=database.now(connection))
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


@click.command()
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
    with database.write_at_length() as connection:
        count = deeds.rehash(connection, who=setup.who(), now=database.now(connection))
        unlocking.seal_secrets(connection, settings.data_keys)
    click.echo(f"{output.counted(count, 'row')} hashed with a new secret.")
