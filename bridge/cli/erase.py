"""`bridge erase` and `bridge export`: what is kept of a person or an order, taken away or told."""

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from bridge import phone
from bridge.cli import output, setup
from bridge.errors import Misconfigured
from bridge.privacy import erasing, exporting
from bridge.privacy.about import About
from bridge.settings import Settings
from bridge.store import deeds

# Rows under way are free again within seconds.
_TRIES, _BETWEEN_SECONDS = 5, 3.0


def _about(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say whose."""

    @click.option("--phone", "number", metavar="NUMBER", help="A person's phone number, as +12125550123.")
    @click.option("--email", metavar="ADDRESS", help="A person's e-mail address.")
    @click.option("--order", metavar="ID", help="An order's id or name.")
    @click.option("--connection", metavar="NAME", help="Only what came through this connection.")
    @functools.wraps(command)
    def wrapped(
        number: str | None, email: str | None, order: str | None, connection: str | None, **others: Any
    ) -> None:
        if sum(one is not None for one in (number, email, order)) != 1:
            raise click.UsageError("say whose: one of --phone, --email and --order")
        read = phone.read(number) if number else None
        if number and not (read and read.e164):
            raise click.UsageError("this is no phone number; write it with its country, as +12125550123")
        if email and "@" not in email:
            raise click.UsageError("this is no e-mail address")
        about = About(phone=read.e164 if read else None, email=email, orders=(order,) if order else ())
        settings = setup.read_settings()
        if connection and connection not in settings.senders:
            known = ", ".join(settings.senders) or "none"
            raise Misconfigured([f"--connection: there is no connection {connection}; there are: {known}"])
        command(settings, about, connection, **others)

    return wrapped


@click.command()
@_about
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(settings: Settings, about: About, connection: str | None, dry_run: bool, yes: bool) -> None:
    """Erase all that is kept of a person or an order. Texts that have not left are not sent.

    What stays says of nobody: that there was a webhook, its key, states and reasons. Exit status 1 if something could
    not be erased.
    """
    database = setup.open_database(settings)
    if dry_run or not yes:
        planned = erasing.plan(database, settings, about, connection)
        click.echo(f"There is: {_told(planned)}.")
        _warn(planned)
        if dry_run:
            return
        click.confirm("Erase it? It cannot be had back.", abort=True)
    for number in range(_TRIES):
        with database.read() as reading:
            now = database.now(reading)
        done = erasing.erase(database, settings, about, connection, now=now, who=setup.who())
        click.echo(f"Erased: {done.words}.")
        if not done.busy:
            break
        if number < _TRIES - 1:
            time.sleep(_BETWEEN_SECONDS)
    _warn(done)
    if done.busy:
        click.echo(f"bridge: {output.counted(done.busy, 'row')} under way just now: run it again", err=True)
    if done.busy or done.unopened:
        sys.exit(1)


def _told(planned: erasing.Erased) -> str:
    known = output.counted(planned.sightings, "order or parcel", "orders and parcels")
    return f"{output.counted(planned.deliveries, 'webhook')}, {output.counted(planned.messages, 'text')}, {known}"


def _warn(done: erasing.Erased) -> None:
    if done.unopened:
        webhooks = output.counted(done.unopened, "webhook")
        click.echo(f"bridge: no key of DATA_KEYS opens {webhooks}: nobody can say whose", err=True)


@click.command()
@_about
def export(settings: Settings, about: About, connection: str | None) -> None:
    """Print all that is kept of a person or an order as one JSON document."""
    database = setup.open_database(settings)
    document = exporting.export(database, settings, about, connection)
    with database.write() as writing:
        deeds.told(writing, "export", about.words, who=setup.who(), now=database.now(writing))
    output.print_json(document)
