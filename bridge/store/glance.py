"""What `bridge top` shows beside the queue: who works, what was refused, why the newest messages did not leave."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bridge.store.tables import messages, refusals, workers

# Of so many messages those with a reason are shown: they are read by their number, whatever there are.
_LOOKED_AT = 500


def list_workers(connection: Connection, now: datetime) -> list[Mapping[str, Any]]:
    """Each worker: name, host, pid, started_at, seconds since its last heartbeat."""
    rows = connection.execute(select(workers).order_by(workers.c.name))
    return [
        {
            "name": row.name,
            "host": row.host.partition(" ")[0],
            "pid": row.pid,
            "started_at": row.started_at,
            "silent_seconds": round(max(0.0, (now - row.seen_at).total_seconds()), 1),
        }
        for row in rows
    ]


def last_refusals(connection: Connection, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """The last webhooks that were refused: at, connection, cause, count."""
    asked = select(refusals.c.at, refusals.c.connection, refusals.c.cause, refusals.c.count)
    return [row._asdict() for row in connection.execute(asked.order_by(refusals.c.id.desc()).limit(limit))]


def newest_reasons(connection: Connection, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """The newest messages that have a reason: id, created_at, template, account, state, reason."""
    names = ("id", "created_at", "template", "account", "state", "reason")
    asked = select(*(messages.c[name] for name in names)).order_by(messages.c.id.desc()).limit(_LOOKED_AT)
    found = (row._asdict() for row in connection.execute(asked))
    return [row for row in found if row["reason"]][:limit]
