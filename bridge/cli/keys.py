"""`bridge keys`: keys that personal data is sealed with."""

import click

from bridge import sealing


@click.group()
def keys() -> None:
    """Keys for DATA_KEYS, which personal data is sealed with in the database."""


@keys.command()
def new() -> None:
    """Print a new key. Put it first in DATA_KEYS, and keep a copy where the database's back-ups are not."""
    click.echo(sealing.new_key())
