"""INBOX: deliveries stored durably before they are acknowledged, and claimed for processing."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Integer, String, and_, bindparam, cast, null, or_, select, update
from sqlalchemy import func as sql

from bridge.events import Delivery
from bridge.messages import Deferred
from bridge.reasons import Reason
from bridge.store.database import Database
from bridge.store.group_commit import GroupCommit
from bridge.store.tables import deliveries, inserts, is_stored
from bridge.store.wakeup import notify

#: A delivery known only by a hash of its body may come again after this time and is then a new one.
BODY_KEY_GOOD_FOR = timedelta(hours=24)

#: A delivery that this many workers died over is set aside.
_POISON_AFTER = 3

# The column's length, less what an old body key is given to retire.
_LONGEST_KEY = 250


@dataclass(frozen=True, kw_only=True)
class _Arrival:
    """A delivery's row on its way to the disk. `by_id` tells the sender's own id from a hash of the body."""

    row: dict[str, object]
    by_id: bool


@dataclass
class Inbox:
    """The deliveries of one database. Safe to share between threads."""

    database: Database

    def __post_init__(self) -> None:
        # Always in the order of their keys: two processes with the same keys would else wait for each other's.
        self._commits = GroupCommit(self.database, _insert, order=lambda arrival: str(arrival.row["key"]))

    def add(
        self, delivery: Delivery, *, key: str | None, signed_bytes: bytes | None, headers: Mapping[str, str]
    ) -> bool:
        """Store a delivery durably; True if it is new, False if it is known.

        `key` is the sender's id, `signed_bytes` what the signature covers where it does not cover the id,
        `headers` those to keep. Raises StoreUnavailable.
        """
        return self._commits.add(_Arrival(row=_row(delivery, key, signed_bytes, headers), by_id=key is not None))

    def has_due(self, connection: Connection, now: datetime) -> bool:
        """Whether a delivery is due that nobody has."""
        return connection.execute(_HAS_DUE, {"at": now}).first() is not None

    def claim(self, connection: Connection, owner: str, limit: int, now: datetime) -> list[Delivery]:
        """Up to `limit` deliveries that are due, owned by `owner` from now on, the oldest first."""
        claimed = connection.execute(_CLAIM, {"me": owner, "room": limit, "at": now})
        return sorted((_delivery(row._asdict()) for row in claimed), key=lambda one: (one.received_at, one.id))

    def finish(
        self,
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
        self, connection: Connection, delivery_id: int, *, reason: Reason | None, events: Sequence[Mapping[str, str]]
    ) -> None:
        """Correct a finished delivery's story by what its messages met in the outbox."""
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(reason=reason.code if reason else None, events=list(events))
        )

    def defer(self, connection: Connection, delivery_id: int, owner: str, deferred: Deferred) -> None:
        """Give a claimed delivery back until `deferred.due`."""
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.owner == owner)
            .values(owner=None, due=deferred.due, waiting_for=deferred.waiting_for, detail=deferred.detail or None)
        )

    def release(self, connection: Connection, owner: str, *, but: Collection[int | None] = ()) -> None:
        """Give back what a worker has claimed and not finished, all `but` these, due as before."""
        held = is_stored & (deliveries.c.owner == owner)
        connection.execute(update(deliveries).where(held, deliveries.c.id.not_in(list(but))).values(owner=None))

    def recover(self, connection: Connection, dead_owner: str) -> int:
        """Give back what a dead worker held; set aside what several workers died over. The number of rows."""
        held = is_stored & (deliveries.c.owner == dead_owner)
        set_aside = connection.execute(
            update(deliveries)
            .where(held, deliveries.c.deaths >= _POISON_AFTER - 1)
            .values(state="parked", reason="crashed", owner=None, deaths=deliveries.c.deaths + 1)
        )
        given_back = connection.execute(
            update(deliveries).where(held).values(owner=None, deaths=deliveries.c.deaths + 1)
        )
        return set_aside.rowcount + given_back.rowcount

    def replay(self, connection: Connection, delivery_id: int, now: datetime, *, again: bool) -> bool:
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


def _row(
    delivery: Delivery, key: str | None, signed_bytes: bytes | None, headers: Mapping[str, str]
) -> dict[str, object]:
    return {
        "connection": delivery.connection,
        "key": _storable(key) if key is not None else "body-sha256:" + hashlib.sha256(delivery.body).hexdigest(),
        "signed_hash": hashlib.sha256(signed_bytes).hexdigest()
        if key is not None and signed_bytes is not None
        else None,
        "headers": dict(headers),
        "body": delivery.body,
        "received_at": delivery.received_at,
        "state": "stored",
        "attempts": 0,
        "deaths": 0,
        "again": 0,
    }


def _storable(key: str) -> str:
    """The sender's id as it is if every database can hold it, else its hash: a genuine webhook is never refused."""
    if len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable():
        return key
    return "id-sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _insert(connection: Connection, arrival: _Arrival) -> bool:
    """Insert one delivery; False if its key or its signed bytes are known."""
    row = arrival.row
    if not arrival.by_id:
        _retire_old_body_key(connection, row)
    return connection.execute(_ADD[connection.dialect.name], row | {"received": row["received_at"]}).first() is not None


def _retire_old_body_key(connection: Connection, row: dict[str, object]) -> None:
    """A body's hash says "the same webhook again" only for a day; after that the older row gives the key up."""
    received_at = row["received_at"]
    assert isinstance(received_at, datetime)  # noqa: S101 - for the type checker; `_row` made it
    connection.execute(
        _RETIRE, {"shop": row["connection"], "old": row["key"], "before": received_at - BODY_KEY_GOOD_FOR}
    )


# The statements of every request and turn are built once: putting one together costs more than running it. Parameters
# that are named like columns set these columns.
_CONFLICT_FREE = {name: made.on_conflict_do_nothing() for name, made in inserts(deliveries).items()}
_RECEIVED = bindparam("received", type_=deliveries.c.due.type)
# RETURNING tells whether there was a conflict: psycopg's row count is not kept for inserts.
# A web host whose clock is ahead of PostgreSQL's must not delay the delivery.
_ADD = {
    "sqlite": _CONFLICT_FREE["sqlite"].values(due=_RECEIVED).returning(deliveries.c.id),
    "postgresql": _CONFLICT_FREE["postgresql"].values(due=sql.least(_RECEIVED, sql.now())).returning(deliveries.c.id),
}
_RETIRE = (
    update(deliveries)
    .where(
        deliveries.c.connection == bindparam("shop"),
        deliveries.c.key == bindparam("old"),
        deliveries.c.received_at < bindparam("before"),
    )
    .values(key=deliveries.c.key + "@" + cast(deliveries.c.id, String))
)
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
