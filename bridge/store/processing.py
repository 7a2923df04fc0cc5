"""Stored deliveries on their way through a worker: claimed, finished or given back, and replayed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, and_, bindparam, null, or_, select, update

from bridge.events import Delivery
from bridge.messages import Deferred
from bridge.reasons import Reason
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries, is_stored
from bridge.store.wakeup import notify

#: A delivery that this many workers died over is set aside.
_POISON_AFTER = 3


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether a delivery is due that nobody has."""
    return connection.execute(_HAS_DUE, {"at": now}).first() is not None


def claim(connection: Connection, owner: str, limit: int, now: datetime) -> list[Delivery]:
    """Up to `limit` deliveries that are due, owned by `owner` from now on, the oldest first.

    What none of the keys opens is parked.
    """
    claimed = connection.execute(_CLAIM, {"me": owner, "room": limit, "at": now}).all()
    if unopened := [row.id for row in claimed if is_unopened(*row)]:
        connection.execute(_PARK_UNOPENED, {"ids": unopened})
    found = (Delivery(**dict(zip(_FIELDS, row, strict=True))) for row in claimed if not is_unopened(*row))
    return sorted(found, key=lambda one: (one.received_at, one.id))


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a claimed delivery came to: `processed` or `parked`, with the story of its events."""

    delivery_id: int
    state: str
    reason: Reason | None
    events: Sequence[Mapping[str, str]]


def still_held(connection: Connection, owners: Mapping[int, str]) -> set[int]:
    """Which of these deliveries, by id, still belong to the owner they were claimed by; locked until the commit.

    The others have been taken over by another worker.
    """
    rows = connection.execute(_OWNERS, {"ids": list(owners)})
    return {row.id for row in rows if row.state == "stored" and row.owner == owners[row.id]}


def finish(connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
    """Record what claimed deliveries came to. They must be `still_held`."""
    if finished:
        connection.execute(_FINISH, [_values(one, now) for one in finished])


def _values(one: Finished, now: datetime) -> dict[str, object]:
    return {
        "this": one.delivery_id,
        "state": one.state,
        "reason": one.reason.code if one.reason else None,
        "detail": (one.reason.detail or None) if one.reason else None,
        "events": list(one.events),
        "at": now,
    }


def defer(connection: Connection, delivery_id: int, owner: str, deferred: Deferred) -> None:
    """Give a claimed delivery back until `deferred.due`."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.owner == owner, is_stored)
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
    """Process a delivery once more; with `again` even messages that were made before are made.

    False if it is unknown or erased, or somebody has it.
    """
    values: dict[str, object] = {
        "state": "stored", "due": now, "attempts": 0, "deaths": 0, "owner": None, "reason": None, "detail": None,
        "waiting_for": None,
    }  # fmt: skip
    if again:
        values["again"] = deliveries.c.again + 1
    done = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.erased_at.is_(None),
            or_(deliveries.c.state != "stored", deliveries.c.owner.is_(None)),
        )
        .values(**values)
    )
    notify(connection)
    return done.rowcount == 1


_FIELDS = ("id", "connection", "headers", "body", "received_at", "unverified", "attempts", "again")


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
    .returning(*(deliveries.c[name] for name in _FIELDS))
)
_PARK_UNOPENED = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(state="parked", reason="cannot_open", owner=null())
)
# The state is not asked for in the condition: PostgreSQL might walk through all that wait to find these few.
_OWNERS = (
    select(deliveries.c.id, deliveries.c.owner, deliveries.c.state)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_FINISH = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("this"))
    .values(owner=null(), waiting_for=null(), processed_at=bindparam("at"))
)
