"""What is old, found without an index: by walking from the oldest row on, a small step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, exists, func, select

from bridge.store import account_health, erasing
from bridge.store.database import Database
from bridge.store.erasing import AT_ONCE, WAITING
from bridge.store.tables import deliveries, messages, postings

# So many rows are looked at in a step.
_STRETCH = 2000
#: Rows are kept without content for at least so long, and at least for as long as they had some: a webhook that comes
#: again is known, whatever its sender's patience.
LEAST = timedelta(days=30)
#: What was passed over because it waited is looked at again after so long.
AGAIN_AFTER = timedelta(days=1)


@dataclass
class Walk:
    """One thing that is done to old rows of a table, and how far it has come. `step` does a little of it."""

    table: Table
    dated: Column[Any]
    condition: ColumnElement[bool]
    does: Any
    age: timedelta
    _after: int = 0
    _began: datetime | None = None

    def step(self, database: Database, now: datetime) -> tuple[int, bool]:
        """How many rows it was done to, and whether there may be more to do at once."""
        if self._began is None or now - self._began > AGAIN_AFTER:
            self._after, self._began = 0, now
        with database.read() as connection:
            ids, last, is_more = self._look(connection, now - self.age)
        if ids:
            with database.write() as connection:
                # As every turn of a worker begins: nobody waits for the other's rows crosswise.
                account_health.read(connection)
                # Somebody may have taken it up meanwhile.
                still = select(self.table.c.id).where(self.table.c.id.in_(ids), self.condition)
                self.does(connection, list(connection.execute(still.with_for_update()).scalars()), now)
        self._after = last
        return len(ids), is_more

    def _look(self, connection: Connection, before: datetime) -> tuple[Sequence[int], int, bool]:
        """The next ids to do it to, the last one looked at, and whether there are more."""
        ahead = select(self.table.c.id, self.dated).where(self.table.c.id > self._after).order_by(self.table.c.id)
        first = connection.execute(ahead.limit(1)).first()
        if first is None or first[1] >= before:
            return (), self._after, False
        old = [row.id for row in connection.execute(ahead.limit(_STRETCH)) if row[1] < before]
        query = select(self.table.c.id).where(self.table.c.id.in_(old), self.condition)
        ids = list(connection.execute(query.order_by(self.table.c.id).limit(AT_ONCE)).scalars())
        last = ids[-1] if len(ids) == AT_ONCE else old[-1]
        return ids, last, True


def walks(*, payloads: int, texts: int) -> list[Walk]:
    """What is to be done with rows of so many days; 0 keeps them."""
    made = []
    is_told = messages.c.state.not_in(WAITING)
    if payloads:
        waits = exists().where(messages.c.delivery_id == deliveries.c.id, messages.c.state.in_(WAITING))
        is_done = and_(deliveries.c.erased_at.is_(None), deliveries.c.state != "stored", ~waits)
        made.append(_walk(deliveries.c.received_at, is_done, erasing.deliveries_of, timedelta(days=payloads)))
    if texts:
        age = timedelta(days=texts)
        is_kept = and_(messages.c.erased_at.is_(None), is_told)
        made.append(_walk(messages.c.created_at, is_kept, erasing.messages_of, age))
        gone = and_(messages.c.erased_at.is_not(None), is_told, _is_not_newest(messages))
        made.append(_walk(messages.c.created_at, gone, _forget_messages, max(2 * age, age + LEAST)))
        is_posted = postings.c.state.not_in(("queued", "posting"))
        made.append(_walk(postings.c.created_at, postings.c.erased_at.is_(None) & is_posted, erasing.postings_of, age))
        gone_too = and_(postings.c.erased_at.is_not(None), is_posted, _is_not_newest(postings))
        made.append(_walk(postings.c.created_at, gone_too, _forget_postings, max(2 * age, age + LEAST)))
    if payloads and texts:
        age = timedelta(days=max(payloads, texts))
        has_none = ~exists().where(messages.c.delivery_id == deliveries.c.id)
        is_over = deliveries.c.state != "stored"
        gone = and_(deliveries.c.erased_at.is_not(None), is_over, has_none, _is_not_newest(deliveries))
        made.append(_walk(deliveries.c.received_at, gone, _forget_deliveries, max(2 * age, age + LEAST)))
    return made


def _is_not_newest(table: Table) -> ColumnElement[bool]:
    """The newest row stays, or SQLite would give its number away: what is noted of that would be told of another."""
    newest = select(func.max(table.c.id)).correlate(None).scalar_subquery()
    return table.c.id < newest


def _walk(dated: Column[Any], condition: ColumnElement[bool], does: Any, age: timedelta) -> Walk:
    assert isinstance(dated.table, Table)  # noqa: S101 - for the type checker
    return Walk(table=dated.table, dated=dated, condition=condition, does=does, age=age)


def _forget_messages(connection: Connection, ids: Sequence[int], _now: datetime) -> None:
    erasing.forget_messages(connection, ids)


def _forget_postings(connection: Connection, ids: Sequence[int], _now: datetime) -> None:
    erasing.forget_postings(connection, ids)


def _forget_deliveries(connection: Connection, ids: Sequence[int], _now: datetime) -> None:
    erasing.forget_deliveries(connection, ids)
