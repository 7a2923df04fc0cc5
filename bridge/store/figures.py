"""How much came in and what became of it, over time, counted with bounded work: for a plot.

Ids grow with time, so a span of time is a span of ids, whose ends are found by halving. Of each span no more than
COUNTED_TO rows are looked at. At its ends a row may be counted in the neighbouring span: commits overtake each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Column, Connection, Integer, Select, Table, bindparam, select
from sqlalchemy import func as sql

from bridge.store import bisecting
from bridge.store.tables import deliveries, messages

#: Where the counting of one span ends: from there on its numbers mean "at least".
COUNTED_TO = 5000


@dataclass(frozen=True, kw_only=True)
class Known:
    """What was found before and stays as it is: where past spans end, as (table, moment) -> first id, and how many
    webhooks came in which of them, by its beginning and end. For one thread at a time."""

    edges: dict[tuple[str, datetime], int] = field(default_factory=dict)
    came: dict[tuple[datetime, datetime], int] = field(default_factory=dict)

    def forget(self, before: datetime) -> None:
        """Keep nothing of spans that began before this moment."""
        for edge in [edge for edge in self.edges if edge[1] < before]:
            del self.edges[edge]
        for span in [span for span in self.came if span[0] < before]:
            del self.came[span]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came in between two moments. `messages` counts those made in that time by the state they are in now."""

    since: datetime
    until: datetime
    accepted: int = 0
    messages: Mapping[str, int] = field(default_factory=dict)
    is_at_least: bool = False


def over_time(
    connection: Connection, now: datetime, *, step: timedelta, steps: int, known: Known | None = None
) -> list[Figures]:
    """`steps` spans of `step` each, at round moments, the last of which is not over yet. `known` is added to."""
    moments = moments_until(now, step=step, steps=steps)
    known = known or Known()
    webhooks = _first_ids(connection, deliveries.c.received_at, moments, now, known)
    texts = _first_ids(connection, messages.c.created_at, moments, now, known)
    found = []
    for number, (since, until) in enumerate(pairwise(moments)):
        came = known.came.get((since, until))
        if came is None:
            came = connection.execute(_CAME, _span(webhooks, number)).scalar_one()
            if until < now - _SETTLED:
                known.came[since, until] = came
        states = {row.state: row[1] for row in connection.execute(_MADE, _span(texts, number))}
        is_full = COUNTED_TO in (came, sum(states.values()))
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
    connection: Connection, dated: Column[Any], moments: Sequence[datetime], now: datetime, known: Known
) -> list[int]:
    """The first id at each of the moments or later."""
    name, last = dated.table.name, bisecting.last_id(connection, dated.table)
    unknown = [moment for moment in moments if moment <= now and (name, moment) not in known.edges]
    found = dict(zip(unknown, bisecting.first_ids(connection, dated, unknown, last), strict=True))
    known.edges.update({(name, moment): first for moment, first in found.items() if moment < now - _SETTLED})
    return [known.edges.get((name, moment), found.get(moment, last + 1)) for moment in moments]


# By then all who began before a moment have committed.
_SETTLED = timedelta(minutes=5)


def _some(table: Table, column: str) -> Select[str]:
    within = table.c.id >= bindparam("from"), table.c.id < bindparam("before")
    return select(table.c[column]).where(*within).order_by(table.c.id).limit(bindparam("room", type_=Integer))


_CAME = select(sql.count()).select_from(_some(deliveries, "id").subquery())
_STATES = _some(messages, "state").subquery()
_MADE = select(_STATES.c.state, sql.count()).group_by(_STATES.c.state)
