"""`bridge deliveries`: the webhooks that came in, and what became of them."""

import sys

import click

from bridge.cli import output, setup
from bridge.cli.messages import COLUMNS as MESSAGE_COLUMNS
from bridge.reasons import CAUSES
from bridge.store import deeds, ledger

COLUMNS = ("id", "connection", "key", "state", "reason", "received_at")


@click.group()
def deliveries() -> None:
    """Look at received webhooks, and replay one."""


@deliveries.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--state", type=click.Choice(["stored", "processed", "parked"]))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(limit: int, state: str | None, as_json: bool) -> None:
    """The newest deliveries first."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = ledger.list_deliveries(connection, limit=limit, state=state)
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(
            COLUMNS, rows, empty="No webhook has come in yet. Try `bridge trigger shopify orders_create`."
        )


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=setup.ROW_ID)
@click.option("--body", is_flag=True, help="Print the body too, exactly as received.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(delivery_id: int, body: bool, as_json: bool) -> None:
    """The story of one delivery: its events, which templates answered, and its messages."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        found = ledger.find_delivery(connection, delivery_id)
        messages = ledger.list_messages(connection, limit=1000, delivery_id=delivery_id)
    if found is None:
        click.echo(f"bridge: there is no delivery {delivery_id}", err=True)
        sys.exit(1)
    if as_json:
        shown = {name: value for name, value in found.items() if name != "body" or body}
        output.print_json({**shown, "messages": output.only(MESSAGE_COLUMNS, messages)})
        return
    click.echo(
        f"Delivery {delivery_id} through {found['connection']}, received {found['received_at']:%Y-%m-%d %H:%M:%S}Z"
    )
    click.echo(f"  key    {found['key']}")
    if found["unverified"]:
        why = f"{found['unverified']}: {CAUSES.get(found['unverified'], '')}"
        click.echo(f"  proof  none; its texts are held until somebody releases them. unverified: {why}")
    waiting = f", waiting for {found['waiting_for']} until {found['due']:%H:%M:%S}Z" if found["waiting_for"] else ""
    click.echo(f"  state  {found['state']}{waiting} {output.why(found['reason'], found['detail'])}".rstrip())
    if found["erased_at"]:
        click.echo(f"  body   {output.erased(found)}")
    for line in found["events"] or ():
        template = f" {line['template']}:" if line["template"] else ""
        told = line["outcome"] if line["outcome"] == "composed" else output.why(line["outcome"], line["detail"])
        click.echo(f"  event  {line['kind']}{template} {told}")
    for message in messages:
        click.echo(
            f"  message {message['id']} {message['template']} {message['state']} {message['reason'] or ''}".rstrip()
        )
    if body:
        click.echo(found["body"])


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=setup.ROW_ID)
@click.option("--again", is_flag=True, help="Make even the messages that were made before: a second text, on record.")
def replay(delivery_id: int, again: bool) -> None:
    """Process a delivery once more. Makes only the messages that are missing."""
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        found = ledger.find_delivery(connection, delivery_id)
        done = deeds.replay(connection, delivery_id, again=again, who=setup.who(), now=database.now(connection))
    if found and found["erased_at"]:
        click.echo(f"bridge: delivery {delivery_id} was {output.erased(found)}: nothing can be made of it", err=True)
        sys.exit(1)
    if not done:
        click.echo(f"bridge: there is no delivery {delivery_id}, or it is being processed right now", err=True)
        sys.exit(1)
    click.echo(f"Delivery {delivery_id} is processed again; see `bridge deliveries show {delivery_id}`.")
