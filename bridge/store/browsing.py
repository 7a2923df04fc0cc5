"""Lists for people who look: page by page, the newest first, however many rows there are.

A page costs the same with a million rows as with a thousand: it begins at an id (no offset), nothing is counted, and a
filter that finds little gives up after a stretch of rows and says where to go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Select, Table, or_, select
from sqlalchemy import func as sql

from bridge.store import bisecting
from bridge.store.tables import deliveries, messages

#: How many rows a page looks at, at most.
STRETCH = 20_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows, the newest first. `older` is the id before which the next page begins; None at the end.

    `looked_back_to` is the time of the oldest row that was looked at, where a filter found less than a page.
    """

    rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    older: int | None = None
    looked_back_to: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a list is narrowed by: `filters` (each to one value), and the time from `since` until `until`."""

    filters: Mapping[str, object] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None


_Condition = Callable[[FromClause, Any], ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True)
class _List:
    """A table as it is listed: the columns shown, when a row came, and what it may be narrowed by."""

    table: Table
    dated: Column[Any]
    shown: tuple[str, ...]
    filters: Mapping[str, _Condition]


def _is(name: str) -> _Condition:
    return lambda some, value: some.c[name] == value


def is_about(some: FromClause, value: str) -> ColumnElement[bool]:
    """Whether an order's, ticket's or parcel's id, as identities and threads have it, is this one."""
    identity = some.c.identity
    return or_(
        *(identity.endswith(f":{value}", autoescape=True), identity.contains(f":{value}:", autoescape=True)),
        *(some.c.thread == value, some.c.thread.endswith(f" {value}", autoescape=True)),
    )


_MESSAGES = _List(
    table=messages,
    dated=messages.c.created_at,
    shown=(
        *("id", "delivery_id", "connection", "account", "template", "event_kind", "to", "state", "reason"),
        *("waiting_for", "created_at", "due", "sent_at"),
    ),
    filters={
        **{name: _is(name) for name in ("connection", "template", "state", "reason", "event_kind", "recipient")},
        "about": is_about,
    },
)
_DELIVERIES = _List(
    table=deliveries,
    dated=deliveries.c.received_at,
    shown=("id", "connection", "state", "reason", "unverified", "waiting_for", "received_at", "due", "again"),
    filters={
        **{name: _is(name) for name in ("connection", "state", "reason")},
        "unverified": lambda some, is_so: some.c.unverified.is_not(None) if is_so else some.c.unverified.is_(None),
    },
)
#: What a list may be narrowed by. `recipient` is a number's search hash, `about` an id of an order, a ticket or a
#: parcel, `unverified` true or false.
MESSAGE_FILTERS, DELIVERY_FILTERS = tuple(_MESSAGES.filters), tuple(_DELIVERIES.filters)
_ALSO_ASKED_FOR = {"recipient", "identity", "thread"}


def list_messages(
    connection: Connection, *, limit: int, before: int | None = None, chosen: Chosen | None = None
) -> Page:
    """A page of messages before an id, narrowed by MESSAGE_FILTERS."""
    return _page(connection, _MESSAGES, limit, before, chosen or Chosen())


def list_deliveries(
    connection: Connection, *, limit: int, before: int | None = None, chosen: Chosen | None = None
) -> Page:
    """A page of deliveries before an id, narrowed by DELIVERY_FILTERS."""
    return _page(connection, _DELIVERIES, limit, before, chosen or Chosen())


def _page(connection: Connection, of: _List, limit: int, before: int | None, chosen: Chosen) -> Page:
    is_narrowed = bool(chosen.filters or chosen.since or chosen.until)
    room = STRETCH if is_narrowed else limit + 1
    some = _stretch(connection, of, before, chosen).limit(room).subquery()
    query = select(*(some.c[name] for name in of.shown)).order_by(some.c.id.desc()).limit(limit + 1)
    for name, value in chosen.filters.items():
        query = query.where(of.filters[name](some, value))
    if chosen.since:
        query = query.where(some.c[of.dated.name] >= chosen.since)
    if chosen.until:
        query = query.where(some.c[of.dated.name] <= chosen.until)
    rows = [row._asdict() for row in connection.execute(query)]
    if len(rows) > limit:
        return Page(rows=rows[:limit], older=rows[limit - 1]["id"])
    end = select(sql.min(some.c.id), sql.min(some.c[of.dated.name]), sql.count())
    oldest, moment, count = connection.execute(end).one()
    is_end = count < room or connection.execute(_stretch(connection, of, oldest, chosen).limit(1)).first() is None
    return Page(rows=rows, older=None if is_end else oldest, looked_back_to=None if is_end else moment)


def _stretch(connection: Connection, of: _List, before: int | None, chosen: Chosen) -> Select[Any]:
    """The rows that the page looks at: a limit within keeps a database from looking for them anywhere else."""
    table = of.table
    wanted = {*of.shown, *(_ALSO_ASKED_FOR & set(table.c.keys()))}
    stretch = select(*(column for column in table.c if column.name in wanted)).order_by(table.c.id.desc())
    if before is not None:
        stretch = stretch.where(table.c.id < before)
    last = bisecting.last_id(connection, table) if chosen.since or chosen.until else 0
    if chosen.since:
        first = bisecting.first_id(connection, of.dated, chosen.since - bisecting.SLACK, last)
        stretch = stretch.where(table.c.id >= first)
    if chosen.until:
        behind = bisecting.first_id(connection, of.dated, chosen.until + bisecting.SLACK, last)
        stretch = stretch.where(table.c.id < behind)
    return stretch


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
