"""Rows by when they came, found without an index of the times: ids grow with them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select

#: How much later than its neighbours a row of a smaller id may be dated: commits overtake each other.
SLACK = timedelta(minutes=5)


def last_id(connection: Connection, table: Table) -> int:
    """The newest row's id; 0 for none."""
    return connection.execute(select(func.max(table.c.id))).scalar_one() or 0


def first_id(connection: Connection, dated: Column[Any], moment: datetime, last: int) -> int:
    """The first id up to `last` whose row is `dated` at `moment` or later; the one behind `last` for none.

    Give or take the rows within SLACK of it.
    """
    table = dated.table
    step = select(table.c.id, dated).order_by(table.c.id).limit(1)
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(step.where(table.c.id >= middle)).first()
        if found is not None and found[1] < moment:
            low = found.id + 1
        else:
            high = middle
    return low
