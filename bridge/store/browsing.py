"""Lists for people who look: page by page, the newest first, however many rows there are.

A page costs the same with a million rows as with a thousand: it begins at an id (no offset), nothing is counted, and a
filter that finds little gives up after a stretch of rows and says where to go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import func as sql

from bridge.store.tables import deliveries, messages

#: How many rows a page looks at, at most.
STRETCH = 20_000

_LISTED = (
    "id",
    "delivery_id",
    "connection",
    "account",
    "template",
    "event_kind",
    "to",
    "state",
    "reason",
    "waiting_for",
    "created_at",
    "due",
    "sent_at",
)
#: What a list of messages may be narrowed by, each to one value.
MESSAGE_FILTERS = ("connection", "template", "state", "reason", "event_kind", "recipient", "delivery_id")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows, the newest first. `older` is the id before which the next page begins; None at the end.

    `looked_back_to` is the time of the oldest row that was looked at, where a filter found less than a page.
    """

    rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    older: int | None = None
    looked_back_to: datetime | None = None


def list_messages(
    connection: Connection, *, limit: int, before: int | None = None, filters: Mapping[str, object] | None = None
) -> Page:
    """A page of messages before an id, narrowed by `filters` (MESSAGE_FILTERS)."""
    given = filters or {}
    stretch = select(messages).order_by(messages.c.id.desc()).limit(STRETCH)
    if before is not None:
        stretch = stretch.where(messages.c.id < before)
    some = stretch.subquery()
    query = select(*(some.c[name] for name in _LISTED)).order_by(some.c.id.desc()).limit(limit + 1)
    for name, value in given.items():
        if name not in MESSAGE_FILTERS:
            raise KeyError(name)
        query = query.where(some.c[name] == value)
    rows = [row._asdict() for row in connection.execute(query)]
    if len(rows) > limit:
        return Page(rows=rows[:limit], older=rows[limit - 1]["id"])
    end = select(sql.min(some.c.id), sql.min(some.c.created_at), sql.count())
    oldest, moment, count = connection.execute(end).one()
    is_end = count < STRETCH
    return Page(rows=rows, older=None if is_end else oldest, looked_back_to=None if is_end else moment)


def template_names(connection: Connection) -> list[str]:
    """The templates that ever made a message, by stepping from name to name in the index."""
    first = select(sql.min(messages.c.template).label("name")).cte("step", recursive=True)
    following = select(sql.min(messages.c.template)).where(messages.c.template > first.c.name)
    step = first.union_all(select(following.scalar_subquery()).where(first.c.name.is_not(None)))
    return list(connection.execute(select(step.c.name).where(step.c.name.is_not(None))).scalars())


def has_deliveries(connection: Connection, name: str) -> bool:
    """Whether a webhook of this connection was ever kept."""
    found = select(deliveries.c.id).where(deliveries.c.connection == name).limit(1)
    return connection.execute(found).first() is not None
