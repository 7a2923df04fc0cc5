"""Messages whose tickets and orders are still to be told what became of them, whoever brought them into that state."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bridge.postings import Over
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries, is_to_report, messages

# A turn takes no more: others wait for it.
_AT_ONCE = 200


def untold(connection: Connection) -> list[Over]:
    """The oldest of them, locked until the commit."""
    return [_over(row) for row in connection.execute(_UNTOLD)]


def told(connection: Connection, ids: Collection[int]) -> None:
    """Note that nobody is to be told any more what these have come to."""
    if ids:
        connection.execute(_TOLD, {"ids": list(ids)})


def _over(row: Any) -> Over:
    return Over(
        **{name: getattr(row, name) for name in _FIELDS},
        is_unverified=row.unverified is not None,
        # What no key opens is as good as erased.
        is_erased=row.erased_at is not None or is_unopened(*row),
    )


_FIELDS = (
    *("id", "account", "connection", "template", "identity", "to", "body", "link", "state", "reason", "detail"),
    *("report", "ticket", "order_id"),
)
_UNTOLD = (
    select(*(messages.c[name] for name in (*_FIELDS, "erased_at")), deliveries.c.unverified)
    .join(deliveries, deliveries.c.id == messages.c.delivery_id)
    .where(is_to_report)
    .order_by(messages.c.id)
    .limit(_AT_ONCE)
    .with_for_update(skip_locked=True, of=messages)
)
_TOLD = update(messages).where(messages.c.id.in_(bindparam("ids", expanding=True))).values(reported=messages.c.state)
