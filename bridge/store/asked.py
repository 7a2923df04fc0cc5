"""What programs asked for through the messages API: found again, and what came of it. Only ever the caller's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bridge.store import ledger
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A stored request. `body` is None where it is erased or cannot be opened."""

    id: int
    body: bytes | None


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of a request: its delivery, its newest message if there is one, and that one's attempts."""

    delivery: Mapping[str, Any]
    message: Mapping[str, Any] | None = None
    attempts: Sequence[Mapping[str, Any]] = ()


def find(connection: Connection, caller: str, key: str) -> Kept | None:
    """The request that was stored under this key."""
    query = select(deliveries.c.id, deliveries.c.body, deliveries.c.erased_at)
    row = connection.execute(query.where(deliveries.c.connection == caller, deliveries.c.key == key)).first()
    if row is None:
        return None
    is_readable = row.erased_at is None and not is_unopened(row.body)
    return Kept(id=row.id, body=row.body if is_readable else None)


def fate(connection: Connection, caller: str, delivery_id: int) -> Fate | None:
    """What became of one of the caller's requests; None where it has none of this id."""
    delivery = ledger.find_delivery(connection, delivery_id)
    if delivery is None or delivery["connection"] != caller:
        return None
    listed = ledger.list_messages(connection, limit=1, delivery_id=delivery_id)
    if not listed:
        return Fate(delivery=delivery)
    # The list knows what it waits for, the message itself why.
    found = ledger.find_message(connection, listed[0]["id"]) or {}
    message = {**found, "waiting_for": listed[0]["waiting_for"]}
    return Fate(delivery=delivery, message=message, attempts=ledger.list_attempts(connection, listed[0]["id"]))
