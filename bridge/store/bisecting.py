"""Rows by when they came, found without an index of the times: ids grow with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, bindparam, case, func, literal, select, union_all

#: How much later than its neighbours a row of a smaller id may be dated: commits overtake each other.
SLACK = timedelta(minutes=5)


def last_id(connection: Connection, table: Table) -> int:
    """The newest row's id; 0 for none."""
    return connection.execute(select(func.max(table.c.id))).scalar_one() or 0


def first_id(connection: Connection, dated: Column[Any], moment: datetime, last: int) -> int:
    """The first id up to `last` whose row is `dated` at `moment` or later; the one behind `last` for none.

    Give or take the rows within SLACK of it.
    """
    return first_ids(connection, dated, [moment], last)[0]


def first_ids(connection: Connection, dated: Column[Any], moments: Sequence[datetime], last: int) -> list[int]:
    """The same for each of `moments`, by one statement: it takes twenty steps each, and a step is a way to a server."""
    if not moments:
        return []
    values = {f"moment_{number}": moment for number, moment in enumerate(moments)}
    found = connection.execute(_halving(dated, len(moments)), {**values, "last": last})
    return list(found.scalars())


def _halving(dated: Column[Any], count: int) -> Select[int]:
    """Halve the ids between `low` and `high` until they meet."""
    ids = dated.table.c.id
    behind = bindparam("last", type_=ids.type) + 1
    starts = [
        select(
            literal(number).label("number"),
            bindparam(f"moment_{number}", type_=dated.type).label("moment"),
            literal(1, ids.type).label("low"),
            behind.label("high"),
        )
        for number in range(count)
    ]
    step = select(union_all(*starts).subquery()).cte("step", recursive=True)
    middle = (step.c.low + step.c.high) // 2
    # There may be none of this id any more.
    next_id, next_at = (
        select(column).where(ids >= middle).order_by(ids).limit(1).scalar_subquery() for column in (ids, dated)
    )
    is_before = next_at < step.c.moment
    halves = select(
        step.c.number,
        step.c.moment,
        case((is_before, next_id + 1), else_=step.c.low),
        case((is_before, step.c.high), else_=middle),
    ).where(step.c.low < step.c.high)
    step = step.union_all(halves)
    return select(step.c.low).where(step.c.low >= step.c.high).order_by(step.c.number)
