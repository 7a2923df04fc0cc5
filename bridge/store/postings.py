"""Postings put down with what they follow from, in its transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bridge.postings import NewPosting, essence
from bridge.store.hashing import hashes
from bridge.store.tables import inserts, postings


def add(connection: Connection, new: Sequence[NewPosting], now: datetime) -> list[int]:
    """Put postings down, each once; the ids of those that are new."""
    if not new:
        return []
    hash_of = hashes(connection).of
    rows: list[dict[str, Any]] = [
        {
            "kind": one.kind,
            "connection": one.connection,
            "account": one.account,
            "once": hash_of(one.once),
            "message_id": one.message_id,
            "delivery_id": one.delivery_id,
            "ticket": one.ticket,
            "order_id": one.order_id,
            "recipient": hash_of(one.phone) if one.phone else None,
            "phone": one.phone,
            "subject": one.subject,
            "text": one.text,
            "text_hash": hash_of(essence(one.text)),
            "media": "\n".join(one.media) or None,
            "state": "queued",
            "occurred_at": one.occurred_at,
            "created_at": now,
            "due": now,
            "expires_at": one.expires_at,
            "attempts": 0,
            "deaths": 0,
        }
        for one in new
    ]
    return list(connection.execute(_ADD[connection.dialect.name], rows).scalars())


_ADD = {name: made.on_conflict_do_nothing().returning(postings.c.id) for name, made in inserts(postings).items()}
