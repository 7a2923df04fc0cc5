"""`bridge people`: who cannot be reached or wants no texts, and trying them again."""

import sys

import click

from bridge import phone
from bridge.cli import output, setup
from bridge.store import deeds, opt_outs
from bridge.store import people as store

COLUMNS = ("to", "account", "refusals", "refused_at", "unreachable_until")
OPTED_OUT = ("to", "account", "at")


@click.group()
def people() -> None:
    """Look at people whom Attentive refuses or who want no texts, and have one tried again."""


@people.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """Who is not tried at present, and until when."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = store.list_unreachable(connection, database.now(connection))
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, empty="Nobody is unreachable.")


@people.command("opted-out")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def opted_out(as_json: bool) -> None:
    """Who wants no texts, as Attentive's webhooks tell it; without the number where it was erased."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = opt_outs.list_out(connection)
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(OPTED_OUT, rows, empty="Nobody has opted out.")


@people.command()
@click.argument("number")
def clear(number: str) -> None:
    """Try the person with this NUMBER (as +12125550123) again from now on.

    What is known of their opting out is forgotten too: only for somebody who has come back and whose
    webhook was lost.
    """
    read = phone.read(number)
    if read.e164 is None:
        raise click.UsageError(f"this is no phone number: {read.reason.sentence if read.reason else ''} Write +1212...")
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        count = deeds.clear_person(connection, read.e164, who=setup.who(), now=database.now(connection))
    if not count:
        click.echo("bridge: nothing is on record against this number", err=True)
        sys.exit(1)
    click.echo("This person is tried again with the next text. Those that were skipped: `bridge messages retry ID`.")
