"""How often each connection sends, as the database keeps it, and messages that wait for a person."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from bridge.store.tables import habits, inserts, is_held, messages

#: Where the counting of held messages ends.
COUNTED_TO = 1000


def read_habits(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """The row of each connection that is known."""
    return {row.connection: row._asdict() for row in connection.execute(select(habits))}


def keep_habits(connection: Connection, rows: Collection[Mapping[str, Any]]) -> None:
    """Keep what was learned."""
    if rows:
        connection.execute(_KEEP[connection.dialect.name], [dict(row) for row in rows])


def held_since(connection: Connection, before: datetime) -> int:
    """How many messages made before that wait for a person; those that wait for BRIDGE_SENDING are left out."""
    waits = is_held, messages.c.reason.is_distinct_from("sending_off"), messages.c.created_at < before
    some = select(literal_column("1")).select_from(messages).where(*waits).limit(COUNTED_TO).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


_KEEP = {
    name: made.on_conflict_do_update(
        index_elements=["connection"],
        set_={column.name: made.excluded[column.name] for column in habits.c if column.name != "connection"},
    )
    for name, made in inserts(habits).items()
}
