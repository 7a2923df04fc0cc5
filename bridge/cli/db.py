"""`bridge db`: the database's schema, back-ups of it, and going on after one was put back."""

from datetime import timedelta
from pathlib import Path

import click

from bridge.cli import output, sealing, setup, spans
from bridge.errors import Misconfigured
from bridge.store import deeds


@click.group()
def db() -> None:
    """The database: migrate it, back it up, go on after a back-up was put back, seal it anew."""


for command in (sealing.reseal, sealing.rehash):
    db.add_command(command)


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
    with database.write() as connection:
        deeds.backed_up(connection, who=setup.who(), now=database.now(connection))
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
            was_held = deeds.end_restored(connection, who=setup.who(), now=now)
        else:
            done = deeds.restored(connection, until=now + hold, who=setup.who(), now=now)
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
