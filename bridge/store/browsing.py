"""Lists for people who look: page by page, the newest first, however many rows there are.

A page costs the same with a million rows as with a thousand: it begins at an id, nothing is counted, and a filter that
finds little gives up after a stretch of rows, or after a while, and says where to go on.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Select, Table, and_, or_, select
from sqlalchemy import func as sql

from bridge.store import bisecting, waiting
from bridge.store.tables import deliveries, messages

#: How many rows a page looks at, at most, how many of them at once, and for how long: what a row costs depends on the
#: bodies between them, and on whether the disk is asked.
STRETCH, PIECE, SECONDS = 20_000, 2000, 0.1


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
        *("waiting_for", "created_at", "due", "sent_at", "confirmed_at"),
    ),
    filters={
        **{name: _is(name) for name in ("connection", "template", "state", "reason", "event_kind", "recipient")},
        "about": is_about,
        "confirmed": lambda some, is_so: and_(
            some.c.state == "sent", some.c.confirmed_at.is_not(None) if is_so else some.c.confirmed_at.is_(None)
        ),
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
#: parcel, `unverified` and `confirmed` (of what was sent) true or false.
MESSAGE_FILTERS, DELIVERY_FILTERS = tuple(_MESSAGES.filters), tuple(_DELIVERIES.filters)
_ALSO_ASKED_FOR = {"recipient", "identity", "thread"}


def list_messages(
    connection: Connection, *, limit: int, before: int | None = None, chosen: Chosen | None = None
) -> Page:
    """A page of messages before an id, narrowed by MESSAGE_FILTERS; they wait for what `waiting.told` tells."""
    page = _page(connection, _MESSAGES, limit, before, chosen or Chosen())
    return replace(page, rows=waiting.told(connection, page.rows))


def list_deliveries(
    connection: Connection, *, limit: int, before: int | None = None, chosen: Chosen | None = None
) -> Page:
    """A page of deliveries before an id, narrowed by DELIVERY_FILTERS."""
    return _page(connection, _DELIVERIES, limit, before, chosen or Chosen())


def _page(connection: Connection, of: _List, limit: int, before: int | None, chosen: Chosen) -> Page:
    is_narrowed = bool(chosen.filters or chosen.since or chosen.until)
    room = PIECE if is_narrowed else limit + 1
    low, high = _ends(connection, of, before, chosen)
    rows: list[Mapping[str, Any]] = []
    looked_at, until = 0, time.monotonic() + SECONDS
    while True:
        piece = _between(of.table.c.id, low, high)
        last = connection.execute(piece.offset(room - 1).limit(1)).scalar()
        rows += _like(connection, of, chosen, (low if last is None else last, high), room, limit + 1 - len(rows))
        if len(rows) > limit:
            return Page(rows=rows[:limit], older=rows[limit - 1]["id"])
        if last is None:
            return Page(rows=rows)
        high, looked_at = last, looked_at + room
        if looked_at >= STRETCH or time.monotonic() > until:
            break
    if connection.execute(_between(of.table.c.id, low, last).limit(1)).first() is None:
        return Page(rows=rows)
    moment = connection.execute(select(of.dated).where(of.table.c.id == last)).scalar()
    return Page(rows=rows, older=last, looked_back_to=moment)


def _ends(connection: Connection, of: _List, before: int | None, chosen: Chosen) -> tuple[int, int | None]:
    """The first id that the times allow, and the one behind the last; None for the end of the table."""
    moments = [chosen.since - bisecting.SLACK] if chosen.since else []
    moments += [chosen.until + bisecting.SLACK] if chosen.until else []
    last = bisecting.last_id(connection, of.table) if moments else 0
    found = bisecting.first_ids(connection, of.dated, moments, last)
    low = found[0] if chosen.since else 0
    highs = [end for end in (before, found[-1] if chosen.until else None) if end is not None]
    return low, min(highs, default=None)


def _between(ids: Column[int], low: int, high: int | None) -> Select[int]:
    """The ids of a span, the newest first. With no other column a database reads them from where they are close."""
    query = select(ids).where(ids >= low).order_by(ids.desc())
    return query if high is None else query.where(ids < high)


def _like(
    connection: Connection, of: _List, chosen: Chosen, span: tuple[int, int | None], room: int, limit: int
) -> list[Mapping[str, Any]]:
    """Rows of a span of ids like the chosen. A limit within keeps a database from looking for them anywhere else."""
    table = of.table
    wanted = {*of.shown, *(_ALSO_ASKED_FOR & set(table.c.keys()))}
    some = (
        _between(table.c.id, *span)
        .with_only_columns(*(column for column in table.c if column.name in wanted))
        .limit(room)
        .subquery()
    )
    query = select(*(some.c[name] for name in of.shown)).order_by(some.c.id.desc()).limit(limit)
    for name, value in chosen.filters.items():
        query = query.where(of.filters[name](some, value))
    # The span is wider than the times by a slack.
    if chosen.since:
        query = query.where(some.c[of.dated.name] >= chosen.since)
    if chosen.until:
        query = query.where(some.c[of.dated.name] <= chosen.until)
    return [row._asdict() for row in connection.execute(query)]


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
