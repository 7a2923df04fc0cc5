"""The inbox's statements in the words of one driver, each put together once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, bindparam, cast, literal_column, select, update
from sqlalchemy import func as sql
from sqlalchemy.engine import Dialect

from bridge.store.driver_statement import DriverStatement, compiled, conversions
from bridge.store.tables import deliveries, inserts
from bridge.store.wakeup import CHANNEL

_GIVEN = ("connection", "key", "signed_hash", "headers", "body", "received_at", "unverified", "secret")
_STORED: dict[str, Any] = {
    "state": literal_column("'stored'"),
    "attempts": literal_column("0"),
    "deaths": literal_column("0"),
    "again": literal_column("0"),
}


class InboxStatements:
    """What `Inbox` says to a database of this dialect.

    `places`  the columns of one row in the order in which `insert` takes them
    `find`    finds the id of the row that has this key
    `retire`  has a row that is older than `outdated` give up its key
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._inserts: dict[int, DriverStatement] = {}
        convert = conversions(deliveries, _GIVEN, dialect)
        self._convert = {**convert, "outdated": convert["received_at"]}
        self.places = tuple(name.removesuffix("_0") for name in self.insert(1).names)
        has_our_key = (deliveries.c.connection == _bind("connection")) & (deliveries.c.key == _bind("key"))
        self.find = compiled(select(deliveries.c.id).where(has_our_key), dialect)
        self.retire = compiled(
            update(deliveries)
            .where(has_our_key, deliveries.c.received_at < bindparam("outdated", type_=deliveries.c.received_at.type))
            .values(key=deliveries.c.key + literal_column("'@'", String) + cast(deliveries.c.id, String)),
            dialect,
        )

    def converted(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as the driver takes it. Raises ValueError."""
        return {**row, **{name: convert(row[name]) for name, convert in self._convert.items()}}

    def insert(self, count: int) -> DriverStatement:
        """Inserts so many rows, but those whose key or signed bytes are known. On PostgreSQL it wakes the workers."""
        if count not in self._inserts:
            self._inserts[count] = compiled(self._insert(count), self._dialect)
        return self._inserts[count]

    def inserted_ids(self, cursor: Any) -> Sequence[int]:
        """The ids of the rows that `insert` has inserted."""
        if self._dialect.name == "sqlite":
            # One statement's rows are numbered one after the other: nobody else can write meanwhile.
            return range(cursor.lastrowid - cursor.rowcount + 1, cursor.lastrowid + 1)
        (ids, _notified) = cursor.fetchone()
        return ids or ()

    def _insert(self, count: int) -> Any:
        insert = inserts(deliveries)[self._dialect.name].on_conflict_do_nothing()
        insert = insert.values([self._row(number) for number in range(count)])
        if self._dialect.name == "sqlite":
            return insert
        stored = insert.returning(deliveries.c.id).cte("stored")
        wake = sql.pg_notify(literal_column(f"'{CHANNEL}'"), literal_column("''"))
        return select(sql.array_agg(stored.c.id), wake).select_from(stored)

    def _row(self, number: int) -> dict[str, Any]:
        row = {name: bindparam(f"{name}_{number}", type_=deliveries.c[name].type) for name in _GIVEN}
        # A web host whose clock is ahead of PostgreSQL's must not delay the delivery.
        received = row["received_at"]
        due = received if self._dialect.name == "sqlite" else sql.least(received, sql.now())
        return {**row, **_STORED, "due": due}


def _bind(name: str) -> Any:
    return bindparam(name, type_=deliveries.c[name].type)
