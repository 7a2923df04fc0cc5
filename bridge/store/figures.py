"""How much came in and what became of it, over time, counted with bounded work: for a plot.

Ids grow with time, so a span of time is a span of ids, whose ends are found by halving. Of each span no more than
COUNTED_TO rows are looked at. At its ends a row may be counted in the neighbouring span: commits overtake each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    Column,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    Table,
    bindparam,
    literal_column,
    select,
    union_all,
)
from sqlalchemy import func as sql

from bridge.store import bisecting
from bridge.store.tables import deliveries, messages

#: Where the counting of one span ends: from there on its numbers mean "at least".
COUNTED_TO = 3000


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
    spans = list(pairwise(moments))
    new = [number for number, span in enumerate(spans) if span not in known.came]
    counted = _counted(connection, deliveries, webhooks, new)
    came = {spans[number]: sum(count.values()) for number, count in counted.items()}
    made = _counted(connection, messages, texts, range(steps))
    known.came.update({span: count for span, count in came.items() if span[1] < now - _SETTLED})
    return [_figures(span, known.came.get(span, came.get(span, 0)), made[number]) for number, span in enumerate(spans)]


def lately(connection: Connection, now: datetime, *, span: timedelta) -> Figures:
    """What came in the last `span` up to now, as near as a moment: what is being committed is not seen."""
    moments = [now - span, now]
    ids = []
    for dated in (deliveries.c.received_at, messages.c.created_at):
        last = bisecting.last_id(connection, dated.table)
        ids.append([*bisecting.first_ids(connection, dated, moments[:1], last), last + 1])
    came, made = (_counted(connection, one, of, [0])[0] for one, of in zip((deliveries, messages), ids, strict=True))
    return _figures((moments[0], moments[1]), sum(came.values()), made)


def _figures(span: tuple[datetime, datetime], came: int, made: Mapping[str, int]) -> Figures:
    is_full = COUNTED_TO in (came, sum(made.values()))
    return Figures(since=span[0], until=span[1], accepted=came, messages=made, is_at_least=is_full)


def _counted(
    connection: Connection, table: Table, ids: Sequence[int], numbers: Sequence[int]
) -> dict[int, dict[str, int]]:
    """How many rows there are in these spans, by one statement: of messages by their state."""
    counts: dict[int, dict[str, int]] = {number: {} for number in numbers}
    if not counts:
        return counts
    values: dict[str, int] = {"room": COUNTED_TO}
    for number in numbers:
        values |= {f"from_{number}": ids[number], f"before_{number}": ids[number + 1]}
    for number, state, count in connection.execute(_counting(table, tuple(numbers)), values):
        counts[number][state] = count
    return counts


def moments_until(now: datetime, *, step: timedelta, steps: int) -> list[datetime]:
    """The ends of `steps` spans, the first and the last included: round moments, of which only the last is to come."""
    start = datetime(now.year, now.month, now.day, tzinfo=UTC)
    last = start + step * ((now - start) // step + 1)
    return [last - step * number for number in range(steps, -1, -1)]


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


def _count(number: int, table: Table) -> Select[int, str, int]:
    ids = table.c.id
    within = ids >= bindparam(f"from_{number}", type_=ids.type), ids < bindparam(f"before_{number}", type_=ids.type)
    # A webhook's state lies behind its body, which takes SQLite longer to pass than all else here.
    state = messages.c.state if table is messages else literal_column("''")
    rows = select(ids, state.label("state")).where(*within).order_by(ids)
    some = rows.limit(bindparam("room", type_=Integer)).subquery()
    return select(literal_column(str(number)), some.c.state, sql.count()).group_by(some.c.state)


@lru_cache(maxsize=64)
def _counting(table: Table, numbers: tuple[int, ...]) -> CompoundSelect[int, str, int]:
    """Made once: of dozens of parts, that takes longer than asking."""
    return union_all(*(_count(number, table) for number in numbers))
