"""What people did, in the console and in the terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from bridge.store.tables import audit

_LONGEST = 300
_MOST_OF_ONE = 100


def note(connection: Connection, *, who: str, action: str, subject: str, now: datetime, detail: str = "") -> None:
    """Write down an action, in the transaction that does it. No phone number, name or text of a customer's."""
    note_each(connection, [subject], who=who, action=action, now=now, detail=detail)


def note_each(
    connection: Connection, subjects: Sequence[str], *, who: str, action: str, now: datetime, detail: str = ""
) -> None:
    """The same of each of these, a line for each."""
    same = {"at": now, "who": who[:100], "action": action[:50], "detail": detail[:_LONGEST]}
    if subjects:
        connection.execute(insert(audit), [{**same, "subject": subject[:100]} for subject in subjects])


def list_newest(connection: Connection, *, limit: int, before: int | None = None) -> list[Mapping[str, Any]]:
    """Actions: id, at, who, action, subject, detail; those `before` an id, if one is given."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [row._asdict() for row in connection.execute(query)]


def of(connection: Connection, *subjects: str) -> list[Mapping[str, Any]]:
    """What was done with these, the oldest first, as far as there is room to tell it."""
    query = select(audit).where(audit.c.subject.in_(subjects)).order_by(audit.c.id.desc()).limit(_MOST_OF_ONE)
    newest: list[Mapping[str, Any]] = [row._asdict() for row in connection.execute(query)]
    return newest[::-1]
