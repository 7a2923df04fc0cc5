"""INBOX: deliveries stored durably before they are acknowledged."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, String, bindparam, cast, update
from sqlalchemy import func as sql

from bridge.events import Delivery
from bridge.store.database import Database
from bridge.store.group_commit import GroupCommit
from bridge.store.tables import deliveries, inserts

#: A delivery known only by a hash of its body may come again after this time and is then a new one.
BODY_KEY_GOOD_FOR = timedelta(hours=24)

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


# The statements of every request are built once: putting one together costs more than running it. Parameters
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
