"""`bridge alerts`: what is wrong at present, and whether alerts would reach anybody."""

import sys
from dataclasses import asdict

import click

from bridge.cli import output, setup
from bridge.store import alerts as store
from bridge.watching import telling

COLUMNS = ("kind", "subject", "words", "since", "told")


@click.group()
def alerts() -> None:
    """What is wrong at present, and a trial of the ways to be told."""


@alerts.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """What is wrong at present."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = [asdict(one) for one in store.read(connection) if store.is_shown(one)]
    if as_json:
        output.print_json([{name: row[name] for name in COLUMNS} for row in rows])
    else:
        output.print_table(COLUMNS, rows, empty="Nothing is wrong.")


@alerts.command()
def test() -> None:
    """Send a trial alert every way that is set; exit status 1 if one fails or none is set."""
    settings = setup.read_settings()
    text = "[bridge] This is a trial of the alerts. Nothing is wrong."
    told = telling.tell("[bridge] trial", text, settings.alerting)
    if not told:
        click.echo("bridge: no way to be told is set: set ALERT_WEBHOOK_URL, or ALERT_EMAIL and SMTP_URL", err=True)
    for one in told:
        click.echo(f"{one.way}: {f'failed ({one.problem})' if one.problem else 'taken'}")
    sys.exit(0 if told and not any(one.problem for one in told) else 1)
