"""`bridge db`: the database's schema."""

import click

from bridge.cli import setup


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Create or migrate the tables. Safe to run at every deploy, also by several processes at once."""
    settings = setup.read_settings()
    setup.refuse_fleeting_disk(settings)
    before, after = setup.migrate(settings)
    click.echo(f"The database is at version {after}." if before == after else f"Migrated the database to {after}.")
