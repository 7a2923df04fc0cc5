"""`bridge postings`: what is put on tickets and orders, and what became of it."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from bridge.cli import output, setup
from bridge.store import deeds, postings_ledger

COLUMNS = ("id", "kind", "connection", "message_id", "ticket", "order_id", "state", "reason", "waiting_for", "due")
_STATES = ["queued", "posting", "posted", "failed", "skipped"]


@click.group()
def postings() -> None:
    """Look at the notes, tags and answers for tickets and orders; retry one."""


@postings.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--state", type=click.Choice(_STATES))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(limit: int, state: str | None, as_json: bool) -> None:
    """The newest postings first."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        rows = postings_ledger.list_(connection, limit=limit, state=state)
    if as_json:
        output.print_json(output.only(COLUMNS, rows))
    else:
        output.print_table(COLUMNS, rows, empty="There are no postings.")


@postings.command()
@click.argument("posting_id", metavar="ID", type=setup.ROW_ID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(posting_id: int, as_json: bool) -> None:
    """One posting: what it says, where it goes, its state and why."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        found = postings_ledger.find(connection, posting_id)
    if found is None:
        _fail(f"there is no posting {posting_id}")
    elif as_json:
        output.print_json({name: value for name, value in found.items() if name not in ("once", "text_hash")})
    else:
        for line in _lines(found):
            click.echo(line)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"Posting {found['id']}, {output.a_posting(found)}"
    about = [f"{what} {found[f'{what}_id']}" for what in ("message", "delivery") if found[f"{what}_id"]]
    yield f"  about    {', '.join(about) or 'nothing that is kept'}, account {found['account']}"
    if found["erased_at"]:
        yield f"  text     {output.erased(found)}"
    if found["text"]:
        yield "  text     " + found["text"].replace("\n", "\n           ")
    if found["media"]:
        yield "  media    " + found["media"].replace("\n", "\n           ")
    yield f"  state    {found['state']} {output.why(found['reason'], found['detail'])}".rstrip()
    yield f"  tries    {found['attempts']}"
    if found["unknown_since"]:
        yield "  doubt    an earlier try may have come through: it is looked for first"
    if found["posted_at"]:
        number = f", where it is {found['remote_id']}" if found["remote_id"] else ""
        yield f"  posted   {found['posted_at']:%Y-%m-%d %H:%M:%S}Z on {found['posted_on'] or 'it'}{number}"
    if found["state"] == "queued":
        words = f" ({found['detail']})" if found["detail"] else ""
        waiting_for = found["waiting_for"] or "a worker"
        yield f"  due      {found['due']:%Y-%m-%d %H:%M:%S}Z, waiting for {waiting_for}{words}"


@postings.command()
@click.argument("posting_id", metavar="ID", type=setup.ROW_ID)
def retry(posting_id: int) -> None:
    """Try again what failed or was skipped. What may be there already is looked for first."""
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        found = postings_ledger.find(connection, posting_id)
        done = found is not None and deeds.retry_posting(
            connection, found, who=setup.who(), now=database.now(connection)
        )
    if found is None:
        _fail(f"there is no posting {posting_id}")
    elif not done:
        _fail(f"posting {posting_id} is {'erased' if found['erased_at'] else found['state']}, and cannot be retried")
    else:
        click.echo(f"Posting {posting_id} is queued.")


def _fail(problem: str) -> None:
    click.echo(f"bridge: {problem}", err=True)
    sys.exit(1)
