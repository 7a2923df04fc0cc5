"""`bridge connections`: who may send webhooks here, what was refused lately and why, and which secrets are in use."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from bridge import connection_report
from bridge.cli import output, setup
from bridge.connection_report import Report
from bridge.connections import Connection, setting_prefix
from bridge.settings import Settings
from bridge.store import deeds
from bridge.wording import ago

COLUMNS = ("name", "source", "path", "verification", "until", "last_webhook", "refused_24h")

_SHOWN = 10


@click.group()
def connections() -> None:
    """Look at connections and at what they refuse; have one report for another day."""


@connections.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """Every connection: its address, whether it enforces, its last genuine webhook, and what it refused in 24 hours."""
    settings = setup.read_settings()
    database = setup.open_database(settings)
    with database.read() as connection:
        reports = connection_report.read_all(connection, settings.connections, database.now(connection))
    rows = [{**_row(one), "refused_24h": one.refused_24h} for one in reports]
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, empty="No connection is configured: set for example SHOPIFY_SECRETS.")


def _row(one: Report) -> dict[str, Any]:
    """What is told of a connection. `verification` is what holds: `report` ends by itself."""
    return {
        "name": one.name,
        "source": one.source,
        "path": one.path,
        "verification": one.verification,
        "set_to": one.set_to,
        "until": one.until,
        "last_webhook": one.last_webhook,
    }


@connections.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(name: str, as_json: bool) -> None:
    """One connection: which of its secrets are in use, and the last webhooks it refused, with the probable cause."""
    settings = setup.read_settings()
    found = _find(settings, name)
    database = setup.open_database(settings)
    with database.read() as connection:
        now = database.now(connection)
        (one,) = connection_report.read_all(connection, {name: found}, now)
        refused = connection_report.read_refused(connection, name)
    if as_json:
        output.print_json({**_row(one), "secrets": [asdict(secret) for secret in one.secrets], "refused": refused})
        return
    click.echo(f"Connection {name} ({one.source}) at {(settings.public_url or '').rstrip('/')}{one.path}")
    click.echo(f"  verification  {_verification(one)}")
    for secret in one.secrets:
        click.echo(f"  {one.secret_words(secret)}")
    for line in _refused(refused, now):
        click.echo(f"  {line}")


def _verification(one: Report) -> str:
    renew = f"`bridge connections renew {one.name}`"
    if one.until is None:
        return one.verification_words
    if one.verification == "enforce":
        return f"{one.verification_words}; {renew} begins it anew"
    return f"{one.verification_words}; {renew}"


def _refused(rows: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    if not rows:
        yield "refused       nothing is on record"
        return
    for row in rows[:_SHOWN]:
        times = "" if row["count"] == 1 else f", at least {row['count']} times within a minute"
        kept = "kept, unverified" if row["was_stored"] else "refused"
        words = " ".join(part for part in (row["sentence"], row["detail"]) if part)
        yield f"{kept} {ago(row['at'], now)}{times}: {row['cause']}: {words}"
        yield f"    {connection_report.looks_of(row['seen'])}"
    if (more := len(rows) - _SHOWN) > 0:
        yield f"and {more} more: --json has them all"


@connections.command()
@click.argument("name")
def renew(name: str) -> None:
    """Have a connection report for 24 hours from now: what cannot be verified is kept, and its texts are held."""
    settings = setup.read_settings()
    one = _find(settings, name)
    if one.verification != "report":
        _fail(f"{name} enforces; set {setting_prefix(name)}_VERIFICATION=report, and start the web processes with it")
    database = setup.open_database(settings)
    with database.write() as connection:
        period = deeds.renew_report(connection, name, who=setup.who(), now=database.now(connection))
    click.echo(f"{name} reports until {period.until:%Y-%m-%d %H:%M}Z; web processes know it within seconds.")


def _find(settings: Settings, name: str) -> Connection:
    if name not in settings.connections:
        known = ", ".join(settings.connections) or "none"
        raise click.UsageError(f"there is no connection {name!r}; configured: {known}")
    return settings.connections[name]


def _fail(problem: str) -> None:
    click.echo(f"bridge: {problem}", err=True)
    sys.exit(1)
