"""How commands print: one JSON document for programs, tables and colours (on a terminal only) for people."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bridge.reasons import REASONS
from bridge.wording import counted as counted

_COLOURS = {
    "sent": "green",
    "posted": "green",
    "processed": "green",
    "queued": "cyan",
    "stored": "cyan",
    "sending": "cyan",
    "posting": "cyan",
    "held": "yellow",
    "skipped": "yellow",
    "expired": "yellow",
    "superseded": "yellow",
    "refused": "red",
    "failed": "red",
    "unknown": "red",
    "parked": "red",
}


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(as_json(document))


def as_json(document: object) -> str:
    """`document` as JSON; moments as ISO 8601 in UTC."""
    return json.dumps(document, default=_plain, ensure_ascii=False, indent=2)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def only(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with these columns and no others."""
    return [{name: row[name] for name in columns} for row in rows]


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """A table of these columns; `empty` is said instead of an empty one."""
    rows = list(rows)
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(column, row.get(column)) for column in columns))
    console().print(table)


def console() -> Console:
    """A console that colours on a terminal only, and does not break the lines of a file."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200)


def cell(column: str, value: object) -> str:
    """A value as a table shows it; states in their colours."""
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    text = escape(str(value))
    if column == "state" and text in _COLOURS:
        return f"[{_COLOURS[text]}]{text}[/]"
    return text


def a_posting(row: Mapping[str, Any]) -> str:
    """What a posting is and where it goes."""
    where = f"ticket {row['ticket']}" if row["ticket"] else f"order {row['order_id']}" if row["order_id"] else None
    return f"{row['kind']} for {where or 'a new ticket'} of {row['connection']}"


def erased(row: Mapping[str, Any]) -> str:
    """When the content of a row was erased, in words."""
    return f"erased on {row['erased_at']:%Y-%m-%d}"


def why(reason: str | None, detail: str | None) -> str:
    """A reason as a person reads it: code, sentence, detail."""
    if reason is None:
        return ""
    return " ".join(part for part in (f"{reason}:", REASONS.get(reason, ""), detail or "") if part)
