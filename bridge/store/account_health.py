"""How each account fares: the one row that all workers read before they claim, and change after an attempt."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from bridge.messages import AccountHealth
from bridge.store.tables import accounts, inserts


def read(connection: Connection, *, to_change: bool = False) -> Mapping[str, AccountHealth]:
    """How each account that ever sent fares; locked until the commit if it is read `to_change` it."""
    rows = connection.execute(_ACCOUNTS_TO_CHANGE if to_change else _ACCOUNTS)
    return {row.name: AccountHealth(**row._asdict()) for row in rows}


def save(connection: Connection, health: AccountHealth) -> None:
    """Record how an account fares now."""
    values = {name: getattr(health, name) for name in AccountHealth.__dataclass_fields__}
    connection.execute(_SAVE[connection.dialect.name], values)


_ACCOUNTS = select(accounts)
# In one order, so that two workers do not wait for each other's.
_ACCOUNTS_TO_CHANGE = _ACCOUNTS.order_by(accounts.c.name).with_for_update()
_SAVE = {
    name: made.on_conflict_do_update(
        index_elements=["name"],
        set_={column.name: made.excluded[column.name] for column in accounts.c if column.name != "name"},
    )
    for name, made in inserts(accounts).items()
}
