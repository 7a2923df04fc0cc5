"""`bridge top`: how the bridge fares, live in the terminal."""

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bridge import connection_report
from bridge.cli import output, setup
from bridge.errors import StoreUnavailable
from bridge.settings import Settings
from bridge.store import alerts, figures, glance, status
from bridge.store.database import Database

_LINES = 8
_MINUTE = timedelta(minutes=1)

Shown = dict[str, Any]


@click.command()
@click.option("--once", is_flag=True, help="Show it once and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, once.")
@click.option("--every", type=click.FloatRange(0.5, 60), default=2.0, show_default=True, help="Seconds between looks.")
def top(once: bool, as_json: bool, every: float) -> None:
    """Show queue, rate, accounts, workers, connections, refusals, reasons and what is wrong. Control-C ends it."""
    settings = setup.read_settings()
    database = setup.open_database(settings)
    if as_json:
        output.print_json(read(database, settings))
    elif once:
        output.console().print(_screen(read(database, settings)))
    else:
        _live(database, settings, every)


def _live(database: Database, settings: Settings, every: float) -> None:
    from rich.live import Live

    with Live(console=output.console(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                try:
                    live.update(_screen(read(database, settings)), refresh=True)
                except StoreUnavailable as error:
                    live.update(f"The database does not answer: {escape(str(error))}", refresh=True)
                time.sleep(every)
        except KeyboardInterrupt:
            return


def read(database: Database, settings: Settings) -> Shown:
    """All that is shown, as one document. Nothing personal in it."""
    with database.read() as connection:
        now = database.now(connection)
        found = status.read(connection, now)
        minute = figures.lately(connection, now, span=_MINUTE)
        reports = connection_report.read_all(connection, settings.connections, now)
        return {
            "at": now,
            "wrong": [asdict(one) for one in alerts.read(connection) if alerts.is_shown(one)],
            "queue": {
                "deliveries": found.deliveries_stored,
                "messages": found.messages_queued,
                "sending": found.messages_sending,
                "held": found.messages_held,
                "oldest_seconds": round(found.oldest_seconds, 1),
                "why": found.why_behind,
            },
            "last_minute": {"webhooks": minute.accepted, "messages": dict(minute.messages)},
            "accounts": [_account(found, one.name) for one in found.accounts],
            "workers": glance.list_workers(connection, now),
            "connections": [
                {
                    "name": one.name,
                    "source": one.source,
                    "last_webhook": one.last_webhook,
                    "refused_24h": one.refused_24h,
                    "verification": one.verification,
                }
                for one in reports
            ],
            "programs": [
                {
                    "name": name,
                    "account": account,
                    "state": "waits for a token" if name in settings.callers_without_token else "open",
                }
                for name, account in {one.name: one.account for one in settings.callers}.items()
            ],
            "refusals": glance.last_refusals(connection, limit=_LINES),
            "reasons": glance.newest_reasons(connection, limit=_LINES),
        }


def _account(found: status.Status, name: str) -> Shown:
    health = next(one for one in found.accounts if one.name == name)
    stopped = not found.stopped.lets([name])
    state = "stopped by hand" if stopped else "paused" if health.paused_until else "open"
    return {
        "name": name,
        "state": state,
        "reason": health.pause_reason,
        "oldest_seconds": round(found.account_seconds(name), 1),
        "last_success_at": health.last_success_at,
    }


def _screen(shown: Shown) -> RenderableType:
    queue, minute = shown["queue"], shown["last_minute"]
    made = ", ".join(f"{count} {state}" for state, count in sorted(minute["messages"].items())) or "no messages"
    parts: list[RenderableType] = [
        f"[bold]bridge[/]  {shown['at']:%Y-%m-%d %H:%M:%S}Z",
        f"waiting: {queue['deliveries']} deliveries, {queue['messages']} messages, {queue['sending']} being sent, "
        f"{queue['held']} held; the oldest for {queue['oldest_seconds']:.0f} s",
        f"last minute: {output.counted(minute['webhooks'], 'webhook')}; {made}",
    ]
    parts += [f"[red]wrong:[/] {escape(one['words'])}" for one in shown["wrong"]]
    tables = {
        "accounts": ("name", "state", "reason", "oldest_seconds", "last_success_at"),
        "workers": ("name", "host", "pid", "started_at", "silent_seconds"),
        "connections": ("name", "source", "last_webhook", "refused_24h", "verification"),
        "programs": ("name", "account", "state"),
        "refusals": ("at", "connection", "cause", "count"),
        "reasons": ("id", "created_at", "template", "account", "state", "reason"),
    }
    for name, columns in tables.items():
        parts += ["", _table(name, columns, shown[name])]
    return Group(*parts)


def _table(title: str, columns: tuple[str, ...], rows: list[Shown]) -> RenderableType:
    if not rows:
        return f"[bold]{title}[/]  none"
    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(output.cell(column, row[column]) for column in columns))
    return table
