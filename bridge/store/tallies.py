"""The figures of `/metrics`, added up over all processes and their restarts."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bridge.store.tables import deliveries, inserts, tallies
from bridge.tally import Row

# So many ids are asked for at once: SQLite takes no more than some thousand parameters.
_AT_ONCE = 500


def add(connection: Connection, rows: Mapping[Row, float]) -> None:
    """Add what a process has counted."""
    if rows:
        # In one order, so that two processes do not wait for each other's rows crosswise.
        values = [{"name": name, "labels": json.dumps(labels), "value": by} for (name, labels), by in rows.items()]
        connection.execute(_ADD[connection.dialect.name], sorted(values, key=lambda row: (row["name"], row["labels"])))


def read(connection: Connection) -> dict[Row, float]:
    """The sums."""
    return {(row.name, tuple(json.loads(row.labels))): row.value for row in connection.execute(select(tallies))}


def received_at(connection: Connection, delivery_ids: Collection[int]) -> dict[int, datetime]:
    """When these deliveries came."""
    ids = sorted(set(delivery_ids))
    found: dict[int, datetime] = {}
    for start in range(0, len(ids), _AT_ONCE):
        rows = connection.execute(_RECEIVED, {"ids": ids[start : start + _AT_ONCE]})
        found |= {row.id: row.received_at for row in rows}
    return found


_ADD = {
    name: made.on_conflict_do_update(
        index_elements=["name", "labels"], set_={"value": tallies.c.value + made.excluded.value}
    )
    for name, made in inserts(tallies).items()
}
_RECEIVED = select(deliveries.c.id, deliveries.c.received_at).where(
    deliveries.c.id.in_(bindparam("ids", expanding=True))
)
