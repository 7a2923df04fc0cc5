"""What became of postings: read for people, and counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import func as sql

from bridge.store.tables import is_not_posted, is_posting, is_to_post, postings

_LIST = (
    *("id", "kind", "connection", "message_id", "delivery_id", "ticket", "order_id", "state", "reason"),
    *("waiting_for", "due"),
)
# Those that wait are few among many that are over, and have indices of their own.
_FEW = {"queued": is_to_post, "posting": is_posting, "failed": is_not_posted}


def list_(connection: Connection, *, limit: int, state: str | None = None) -> list[Mapping[str, Any]]:
    """The newest postings: id, kind, connection, message_id, delivery_id, ticket, order_id, state, reason,
    waiting_for, due."""
    query = select(*(postings.c[name] for name in _LIST)).order_by(postings.c.id.desc()).limit(limit)
    if state:
        query = query.where(_FEW.get(state, postings.c.state == state))
    return [row._asdict() for row in connection.execute(query)]


def find(connection: Connection, posting_id: int) -> Mapping[str, Any] | None:
    """Everything about one posting."""
    row = connection.execute(select(postings).where(postings.c.id == posting_id)).first()
    return row._asdict() if row else None


def of_message(connection: Connection, message_id: int) -> list[Mapping[str, Any]]:
    """Everything about what tells of a message, or answers it; the oldest first."""
    query = select(postings).where(postings.c.message_id == message_id).order_by(postings.c.id)
    return [row._asdict() for row in connection.execute(query)]


def failed_since(connection: Connection, since: datetime) -> dict[str, int]:
    """How many were tried last after this moment and have failed, of each connection."""
    query = select(postings.c.connection, sql.count()).where(is_not_posted, postings.c.claimed_at >= since)
    found: dict[str, int] = {}
    for name, count in connection.execute(query.group_by(postings.c.connection)):
        found[name] = count
    return found
