"""When each secret of a connection was last seen to prove a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select

from bridge.store.tables import inserts, secrets


@dataclass(frozen=True, kw_only=True)
class Use:
    """When a secret was first and last used, since the bridge notes it."""

    first: datetime
    last: datetime


def note(connection: Connection, used: Mapping[tuple[str, str], datetime]) -> None:
    """Note when secrets were used last: (connection, fingerprint) -> when."""
    rows: list[dict[str, Any]] = [
        {"connection": name, "fingerprint": print_, "first_used_at": at, "last_used_at": at}
        # Always in the same order: two processes would else wait for each other's rows.
        for (name, print_), at in sorted(used.items())
    ]
    if rows:
        connection.execute(_NOTE[connection.dialect.name], rows)


def read(connection: Connection) -> dict[tuple[str, str], Use]:
    """The use of all secrets there is anything known of: (connection, fingerprint) -> when."""
    return {
        (row.connection, row.fingerprint): Use(first=row.first_used_at, last=row.last_used_at)
        for row in connection.execute(select(secrets))
    }


_NOTE = {
    name: made.on_conflict_do_update(
        index_elements=["connection", "fingerprint"],
        set_={
            "last_used_at": case(
                (secrets.c.last_used_at > made.excluded.last_used_at, secrets.c.last_used_at),
                else_=made.excluded.last_used_at,
            )
        },
    )
    for name, made in inserts(secrets).items()
}
