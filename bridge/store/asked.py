"""What programs asked for through the messages API: found again, and what came of it. Only ever the caller's own."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, and_, cast, literal, or_, select, update

from bridge.store import ledger
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries

#: For so long a request with the same Idempotency-Key is known.
KEY_GOOD_FOR = timedelta(hours=24)

# How the keys of requests begin: with the caller's own, and made of what is asked for.
_GIVEN, _MADE = "idempotency-sha256:", "request-sha256:"


def given_key(text: str) -> str:
    """What a request with this Idempotency-Key is stored under."""
    return _GIVEN + _hash(text)


def made_key(request: str) -> str:
    """What a request without one is stored under: it is known by what it asks for."""
    return _MADE + _hash(request)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def forget_keys(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """Forget the keys of requests that have been erased: whoever guesses number and text could find them by these.

    The caller's own stay while they are good: a repeat would text a person who was erased.
    """
    is_over = and_(deliveries.c.key.startswith(_GIVEN), deliveries.c.received_at <= now - KEY_GOOD_FOR)
    concerned = deliveries.c.id.in_(ids), deliveries.c.erased_at.is_not(None)
    connection.execute(
        update(deliveries)
        .where(*concerned, or_(deliveries.c.key.startswith(_MADE), is_over))
        .values(key=literal("erased:").concat(cast(deliveries.c.id, String)))
    )


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
