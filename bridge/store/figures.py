"""How much came in and what became of it, over time, counted with bounded work: for a plot.

Ids grow with time, so a span of time is a span of ids, whose ends are found by halving. Of each span no more than
COUNTED_TO rows are looked at. At its ends a row may be counted in the neighbouring span: commits overtake each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Integer, Select, Table, bindparam, select
from sqlalchemy import func as sql

from bridge.store import bisecting
from bridge.store.tables import deliveries, messages

#: Where the counting of one span ends: from there on its numbers mean "at least".
COUNTED_TO = 5000

#: Ends of spans of ids that were found before: past ones stay where they are. (table, moment) -> first id.
Edges = dict[tuple[str, datetime], int]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came in between two moments. `messages` counts those made in that time by the state they are in now."""

    since: datetime
    until: datetime
    accepted: int = 0
    messages: Mapping[str, int] = field(default_factory=dict)
    is_at_least: bool = False


def over_time(
    connection: Connection, now: datetime, *, step: timedelta, steps: int, edges: Edges | None = None
) -> list[Figures]:
    """`steps` spans of `step` each, at round moments, the last of which is not over yet. `edges` is added to."""
    moments = moments_until(now, step=step, steps=steps)
    edges = edges if edges is not None else {}
    webhooks = _first_ids(connection, deliveries.c.received_at, moments, now, edges)
    texts = _first_ids(connection, messages.c.created_at, moments, now, edges)
    found = []
    for number, since in enumerate(moments[:-1]):
        came = connection.execute(_CAME, _span(webhooks, number)).scalar_one()
        states = {row.state: row[1] for row in connection.execute(_MADE, _span(texts, number))}
        is_full = COUNTED_TO in (came, sum(states.values()))
        until = moments[number + 1]
        found.append(Figures(since=since, until=until, accepted=came, messages=states, is_at_least=is_full))
    return found


def moments_until(now: datetime, *, step: timedelta, steps: int) -> list[datetime]:
    """The ends of `steps` spans, the first and the last included: round moments, of which only the last is to come."""
    start = datetime(now.year, now.month, now.day, tzinfo=UTC)
    last = start + step * ((now - start) // step + 1)
    return [last - step * number for number in range(steps, -1, -1)]


def _span(ids: Sequence[int], number: int) -> dict[str, int]:
    return {"from": ids[number], "before": ids[number + 1], "room": COUNTED_TO}


def _first_ids(
    connection: Connection, dated: Column[Any], moments: Sequence[datetime], now: datetime, edges: Edges
) -> list[int]:
    """The first id at each of the moments or later."""
    name, last = dated.table.name, bisecting.last_id(connection, dated.table)
    unknown = [moment for moment in moments if moment <= now and (name, moment) not in edges]
    found = dict(zip(unknown, bisecting.first_ids(connection, dated, unknown, last), strict=True))
    edges |= {(name, moment): first for moment, first in found.items() if moment < now - _SETTLED}
    return [edges.get((name, moment), found.get(moment, last + 1)) for moment in moments]


# By then all who began before a moment have committed.
_SETTLED = timedelta(minutes=5)


def _some(table: Table, column: str) -> Select[str]:
    within = table.c.id >= bindparam("from"), table.c.id < bindparam("before")
    return select(table.c[column]).where(*within).order_by(table.c.id).limit(bindparam("room", type_=Integer))


_CAME = select(sql.count()).select_from(_some(deliveries, "id").subquery())
_STATES = _some(messages, "state").subquery()
_MADE = select(_STATES.c.state, sql.count()).group_by(_STATES.c.state)
