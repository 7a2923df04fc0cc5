"""The ring of refused webhooks: of each connection the last few, without anything of their content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from bridge.store.tables import refusals

#: So many are kept of each connection.
KEPT = 50
# What is refused again within so long for the same reason is one row: a flood must not push the others out.
_SAME = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Refused webhooks of one kind: why, what one of them looked like, how many. `was_stored` in report mode."""

    connection: str
    cause: str
    detail: str
    seen: Mapping[str, object]
    count: int
    was_stored: bool


def add(connection: Connection, new: Sequence[Refusal], now: datetime) -> None:
    """Keep these, and of each connection no more than the last `KEPT`."""
    for one in new:
        same = {"whose": one.connection, "why": one.cause, "stored": one.was_stored, "since": now - _SAME}
        row = connection.execute(_LATELY, same).first()
        if row is not None:
            connection.execute(_MORE, {"this": row.id, "more": one.count})
        else:
            values = {"connection": one.connection, "at": now, "cause": one.cause[:50], "detail": one.detail[:300]}
            seen = {"seen": dict(one.seen), "count": one.count, "was_stored": one.was_stored}
            connection.execute(insert(refusals).values(**values, **seen))
    for name in sorted({one.connection for one in new}):
        connection.execute(_PRUNE, {"whose": name})


def read(connection: Connection, name: str, *, limit: int) -> list[Mapping[str, Any]]:
    """The last refusals of a connection, the newest first: at, cause, detail, seen, count, was_stored."""
    query = select(*_COLUMNS).where(refusals.c.connection == name).order_by(refusals.c.id.desc()).limit(limit)
    return [row._asdict() for row in connection.execute(query)]


def counted(connection: Connection, since: datetime) -> dict[str, int]:
    """How many were refused of each connection since then, as far as they are kept."""
    query = select(refusals.c.connection, func.sum(refusals.c.count)).where(refusals.c.at > since)
    return {name: int(count) for name, count in connection.execute(query.group_by(refusals.c.connection))}


_COLUMNS = (
    refusals.c.at,
    refusals.c.cause,
    refusals.c.detail,
    refusals.c.seen,
    refusals.c.count,
    refusals.c.was_stored,
)
_OURS = refusals.c.connection == bindparam("whose")
_LATELY = (
    select(refusals.c.id)
    .where(
        _OURS,
        refusals.c.cause == bindparam("why"),
        refusals.c.was_stored == bindparam("stored"),
        refusals.c.at > bindparam("since", type_=refusals.c.at.type),
    )
    .order_by(refusals.c.id.desc())
    .limit(1)
)
_MORE = (
    update(refusals)
    .where(refusals.c.id == bindparam("this"))
    .values(count=refusals.c.count + bindparam("more", type_=refusals.c.count.type))
)
_FIRST_TOO_OLD = select(refusals.c.id).where(_OURS).order_by(refusals.c.id.desc()).offset(KEPT).limit(1)
_PRUNE = delete(refusals).where(_OURS, refusals.c.id <= _FIRST_TOO_OLD.scalar_subquery())
