"""How each account fares: the one row that all workers read before they claim, and change after an attempt."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from bridge.messages import AccountHealth
from bridge.store.tables import accounts, inserts


def add(connection: Connection, names: Collection[str]) -> None:
    """Make sure that each account has its row."""
    if names:
        rows = [{"name": name, "failures": 0} for name in sorted(names)]
        connection.execute(_ADD[connection.dialect.name], rows)


def read(connection: Connection) -> Mapping[str, AccountHealth]:
    """How each account fares. On PostgreSQL it is locked until the commit.

    Every turn of a worker begins with this lock: without it workers would count the same failure twice, take the same
    moment for a request, or wait for each other's rows crosswise.
    """
    return {row.name: AccountHealth(**row._asdict()) for row in connection.execute(_ACCOUNTS.with_for_update())}


def look(connection: Connection) -> Mapping[str, AccountHealth]:
    """How each account fares, without a lock."""
    return {row.name: AccountHealth(**row._asdict()) for row in connection.execute(_ACCOUNTS)}


def save(connection: Connection, health: Collection[AccountHealth]) -> None:
    """Record how accounts fare now."""
    if health:
        rows = [{name: getattr(one, name) for name in AccountHealth.__dataclass_fields__} for one in health]
        connection.execute(_SAVE[connection.dialect.name], rows)


# In one order, so that two workers do not wait for each other's.
_ACCOUNTS = select(accounts).order_by(accounts.c.name)
_ADD = {name: made.on_conflict_do_nothing() for name, made in inserts(accounts).items()}
_SAVE = {
    name: made.on_conflict_do_update(
        index_elements=["name"],
        set_={column.name: made.excluded[column.name] for column in accounts.c if column.name != "name"},
    )
    for name, made in inserts(accounts).items()
}
