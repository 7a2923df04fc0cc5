"""`bridge requests`: what people want erased or told, as their shop has passed it on."""

import json
import sys

import click

from bridge.cli import output, setup
from bridge.store import deeds
from bridge.store import requests as store
from bridge.store.sealed import is_unopened

COLUMNS = ("id", "connection", "kind", "asked_at", "done_at", "to_do")


@click.group()
def requests() -> None:
    """Look at what people want erased or told by law, and note what is done."""


@requests.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(limit: int, as_json: bool) -> None:
    """The newest first, with what there is to do."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = [{**row, "to_do": _to_do(row)} for row in store.list_newest(connection, limit=limit)]
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, empty="Nobody has asked for anything.")


def _to_do(row: store.Row) -> str:
    if row["done_at"]:
        return str(row["outcome"])
    if row["kind"] != "export":
        return "The worker does it."
    about = {} if is_unopened(row["about"]) else json.loads(row["about"] or "{}")
    ways = [("--phone", about.get("phone")), ("--email", about.get("email"))]
    ways += [("--order", order) for order in about.get("orders", ())]
    commands = [f"`bridge export {option} {value} --connection {row['connection']}`" for option, value in ways if value]
    return f"Send what is kept to the shop: {', '.join(commands)}. Then `bridge requests done {row['id']}`."


@requests.command()
@click.argument("request_id", metavar="ID", type=setup.ROW_ID)
def done(request_id: int) -> None:
    """Note that this one is done, and forget whose it was."""
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        now = database.now(connection)
        ok = deeds.finish_request(connection, request_id, outcome="Done by hand.", who=setup.who(), now=now)
    if not ok:
        click.echo(f"bridge: there is no request {request_id} to do", err=True)
        sys.exit(1)
    click.echo(f"Request {request_id} is done.")
