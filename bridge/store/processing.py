"""Stored deliveries on their way through a worker: claimed, finished or given back, and replayed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, and_, bindparam, null, or_, select, update

from bridge.events import Delivery
from bridge.messages import Deferred
from bridge.reasons import Reason
from bridge.store.tables import deliveries, is_stored
from bridge.store.wakeup import notify

#: A delivery that this many workers died over is set aside.
_POISON_AFTER = 3


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether a delivery is due that nobody has."""
    return connection.execute(_HAS_DUE, {"at": now}).first() is not None


def claim(connection: Connection, owner: str, limit: int, now: datetime) -> list[Delivery]:
    """Up to `limit` deliveries that are due, owned by `owner` from now on, the oldest first."""
    claimed = connection.execute(_CLAIM, {"me": owner, "room": limit, "at": now})
    return sorted((_delivery(row._asdict()) for row in claimed), key=lambda one: (one.received_at, one.id))


def finish(
    connection: Connection,
    delivery_id: int,
    owner: str,
    now: datetime,
    *,
    state: str,
    reason: Reason | None,
    events: Sequence[Mapping[str, str]],
) -> bool:
    """Mark a claimed delivery `processed` or `parked`; False if another worker has taken it over."""
    done = connection.execute(
        _FINISH,
        {
            "this": delivery_id,
            "me": owner,
            "state": state,
            "reason": reason.code if reason else None,
            "detail": (reason.detail or None) if reason else None,
            "events": list(events),
            "at": now,
        },
    )
    return done.rowcount == 1


def retell(
    connection: Connection, delivery_id: int, *, reason: Reason | None, events: Sequence[Mapping[str, str]]
) -> None:
    """Correct a finished delivery's story by what its messages met in the outbox."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(reason=reason.code if reason else None, events=list(events))
    )


def defer(connection: Connection, delivery_id: int, owner: str, deferred: Deferred) -> None:
    """Give a claimed delivery back until `deferred.due`."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.owner == owner)
        .values(owner=None, due=deferred.due, waiting_for=deferred.waiting_for, detail=deferred.detail or None)
    )


def release(connection: Connection, owner: str, *, but: Collection[int | None] = ()) -> None:
    """Give back what a worker has claimed and not finished, all `but` these, due as before."""
    held = is_stored & (deliveries.c.owner == owner)
    connection.execute(update(deliveries).where(held, deliveries.c.id.not_in(list(but))).values(owner=None))


def recover(connection: Connection, dead_owner: str) -> int:
    """Give back what a dead worker held; set aside what several workers died over. The number of rows."""
    held = is_stored & (deliveries.c.owner == dead_owner)
    set_aside = connection.execute(
        update(deliveries)
        .where(held, deliveries.c.deaths >= _POISON_AFTER - 1)
        .values(state="parked", reason="crashed", owner=None, deaths=deliveries.c.deaths + 1)
    )
    given_back = connection.execute(update(deliveries).where(held).values(owner=None, deaths=deliveries.c.deaths + 1))
    return set_aside.rowcount + given_back.rowcount


def replay(connection: Connection, delivery_id: int, now: datetime, *, again: bool) -> bool:
    """Process a delivery once more; with `again` even messages that were made before are made. False if unknown."""
    values: dict[str, object] = {
        "state": "stored", "due": now, "attempts": 0, "deaths": 0, "owner": None, "reason": None, "detail": None,
        "waiting_for": None,
    }  # fmt: skip
    if again:
        values["again"] = deliveries.c.again + 1
    done = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, or_(deliveries.c.state != "stored", deliveries.c.owner.is_(None)))
        .values(**values)
    )
    notify(connection)
    return done.rowcount == 1


_DELIVERY_COLUMNS = (
    deliveries.c.id,
    deliveries.c.connection,
    deliveries.c.headers,
    deliveries.c.body,
    deliveries.c.received_at,
    deliveries.c.attempts,
    deliveries.c.again,
)


def _delivery(row: Mapping[str, object]) -> Delivery:
    return Delivery(**{str(name): value for name, value in row.items()})  # type: ignore[arg-type]  # columns are fields


# The statements of every turn are built once: putting one together costs more than running it. Parameters that are
# named like columns set these columns.
_IS_DUE = and_(is_stored, deliveries.c.owner.is_(None), deliveries.c.due <= bindparam("at"))
_HAS_DUE = select(deliveries.c.id).where(_IS_DUE).limit(1)
_PICK = (
    select(deliveries.c.id)
    .where(_IS_DUE)
    .order_by(deliveries.c.due, deliveries.c.id)
    .limit(bindparam("room", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("pick")
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(select(_PICK.c.id)))
    .values(owner=bindparam("me"), claimed_at=bindparam("at"), attempts=deliveries.c.attempts + 1)
    .returning(*_DELIVERY_COLUMNS)
)
_FINISH = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("this"), deliveries.c.owner == bindparam("me"), is_stored)
    .values(
        owner=null(),
        waiting_for=null(),
        processed_at=bindparam("at"),
    )
)
