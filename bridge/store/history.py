"""What came in and what became of it, read in batches from the oldest on: for backtests. Only reads."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bridge.events import Delivery
from bridge.store import bisecting
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages


@dataclass(frozen=True, kw_only=True)
class PastMessage:
    """A message that was made. `again` counts how often a person asked for it once more."""

    id: int
    delivery_id: int
    account: str
    template: str
    event_kind: str
    identity: str
    again: int
    to: str | None
    body: str | None
    link: str | None
    media_url: str | None
    quiet_hours: str | None
    media_reason: str | None
    media_checked_at: datetime | None
    state: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Past:
    """A delivery with what became of it. `story` is the record of its events, empty while it waits."""

    delivery: Delivery
    state: str
    reason: str | None
    story: Sequence[Mapping[str, str]]
    messages: tuple[PastMessage, ...]
    erased_at: datetime | None = None


def count_about(database: Database, moment: datetime) -> int:
    """About how many deliveries were received from `moment` until now: none is counted."""
    with database.read() as connection:
        after, last = _span(connection, moment)
    return last - after


def since(database: Database, moment: datetime, *, batch: int, most: int | None = None) -> Iterator[list[Past]]:
    """What was received from `moment` until now, the oldest first, in batches that are read one at a time.

    With `most`, only the newest about so many.
    """
    with database.read() as connection:
        after, last = _span(connection, moment)
    if most is not None:
        after = max(after, last - most)
    while after < last:
        with database.read() as connection:
            rows = connection.execute(_DELIVERIES, {"after": after, "last": last, "room": batch}).all()
            if not rows:
                return
            after = rows[-1].id
            chosen = [row for row in rows if row.received_at >= moment]
            made = _messages_of(connection, [row.id for row in chosen])
        yield [_past(row, made[row.id]) for row in chosen]


def _span(connection: Connection, moment: datetime) -> tuple[int, int]:
    """The id before the first that was received at `moment` or later, and the last."""
    last = bisecting.last_id(connection, deliveries)
    return bisecting.first_id(connection, deliveries.c.received_at, moment - bisecting.SLACK, last) - 1, last


def of(connection: Connection, delivery_id: int) -> Past | None:
    """One delivery and what became of it; None if there is none."""
    before = {"after": delivery_id - 1, "last": delivery_id, "room": 1}
    row = connection.execute(_DELIVERIES, before).first()
    return _past(row, _messages_of(connection, [row.id])[row.id]) if row else None


def _past(row: Row[Any], made: Sequence[PastMessage]) -> Past:
    return Past(
        delivery=Delivery(
            id=row.id,
            connection=row.connection,
            headers=row.headers,
            body=row.body,
            received_at=row.received_at,
            unverified=row.unverified,
        ),
        state=row.state,
        reason=row.reason,
        story=row.events or (),
        messages=tuple(made),
        erased_at=row.erased_at,
    )


def _messages_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[PastMessage]]:
    made: dict[int, list[PastMessage]] = defaultdict(list)
    for row in connection.execute(_MESSAGES, {"ids": ids}):
        made[row.delivery_id].append(PastMessage(**row._asdict()))
    return made


_DELIVERIES = (
    select(*(deliveries.c[name] for name in ("id", "connection", "headers", "body", "received_at", "unverified")))
    .add_columns(deliveries.c.state, deliveries.c.reason, deliveries.c.events, deliveries.c.erased_at)
    .where(deliveries.c.id > bindparam("after"), deliveries.c.id <= bindparam("last"))
    .order_by(deliveries.c.id)
    .limit(bindparam("room"))
)
_MESSAGES = (
    select(*(messages.c[name] for name in PastMessage.__dataclass_fields__))
    .where(messages.c.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(messages.c.id)
)
