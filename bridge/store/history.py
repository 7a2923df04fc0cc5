"""What came in and what became of it, read in batches from the oldest on: for backtests. Only reads."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from bridge.events import Delivery
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages

#: How much later than its neighbours a delivery of a smaller id may have been received: commits overtake each other.
_SLACK = timedelta(minutes=5)


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
        yield [
            Past(
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
                messages=tuple(made[row.id]),
            )
            for row in chosen
        ]


def _span(connection: Connection, moment: datetime) -> tuple[int, int]:
    """The id before the first that was received at `moment` or later, and the last."""
    last = connection.execute(select(func.max(deliveries.c.id))).scalar_one() or 0
    return _first_id(connection, moment - _SLACK, last) - 1, last


def _first_id(connection: Connection, moment: datetime, last: int) -> int:
    """The first id that was received at `moment` or later, found without an index of the times: ids grow with them."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(_NEXT, {"from": middle}).first()
        if found is not None and found.received_at < moment:
            low = found.id + 1
        else:
            high = middle
    return low


def _messages_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[PastMessage]]:
    made: dict[int, list[PastMessage]] = defaultdict(list)
    for row in connection.execute(_MESSAGES, {"ids": ids}):
        made[row.delivery_id].append(PastMessage(**row._asdict()))
    return made


_NEXT = (
    select(deliveries.c.id, deliveries.c.received_at)
    .where(deliveries.c.id >= bindparam("from"))
    .order_by(deliveries.c.id)
    .limit(1)
)
_DELIVERIES = (
    select(*(deliveries.c[name] for name in ("id", "connection", "headers", "body", "received_at", "unverified")))
    .add_columns(deliveries.c.state, deliveries.c.reason, deliveries.c.events)
    .where(deliveries.c.id > bindparam("after"), deliveries.c.id <= bindparam("last"))
    .order_by(deliveries.c.id)
    .limit(bindparam("room"))
)
_MESSAGES = (
    select(*(messages.c[name] for name in PastMessage.__dataclass_fields__))
    .where(messages.c.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(messages.c.id)
)
