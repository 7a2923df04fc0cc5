"""A plot of bars with a line, as numbers for a template to draw: SVG without script or style of its own. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.store.figures import Figures

#: What stands in a bar, from the bottom: a name, and the states that it sums up.
SERIES = (
    ("sent", ("sent",)),
    ("waiting", ("queued", "sending")),
    ("held", ("held",)),
    ("refused", ("refused", "failed", "unknown")),
    ("not sent", ("skipped", "expired", "superseded")),
)

#: In the units of the drawing.
WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 10, 26
_GAP = 0.25
_TICKS = 4
_LABELS = 6


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a bar, of one series."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A line across at a round number, or a moment below."""

    at: float
    number: int = 0
    moment: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """The same in numbers: one span of time."""

    since: datetime
    accepted: int
    counts: tuple[int, ...]
    is_at_least: bool


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Everything there is to draw and to list. `line` is the accepted webhooks', as points of a polyline."""

    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    line: str
    across: tuple[Tick, ...]
    below: tuple[Tick, ...]
    totals: tuple[int, ...]
    accepted: int
    is_at_least: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened."""
        return not (self.accepted or any(self.totals))


def draw(figures: Sequence[Figures]) -> Plot:
    """The plot of these spans of time."""
    rows = tuple(_row(one) for one in figures)
    top = _round_up(max((max(row.accepted, sum(row.counts)) for row in rows), default=0))
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(rows))
    bars: list[Bar] = []
    points = []
    for number, row in enumerate(rows):
        x, below = _LEFT + number * wide, 0
        for (name, _), count in zip(SERIES, row.counts, strict=True):
            if count:
                bars.append(_bar(name, x + wide * _GAP / 2, wide * (1 - _GAP), below, below + count, top))
            below += count
        points.append(f"{x + wide / 2:.1f},{_y(row.accepted, top):.1f}")
    every = max(1, len(rows) // _LABELS)
    return Plot(
        rows=rows,
        bars=tuple(bars),
        line=" ".join(points),
        across=tuple(Tick(at=_y(value, top), number=value) for value in range(0, top + 1, max(1, top // _TICKS))),
        below=tuple(
            Tick(at=_LEFT + (number + 0.5) * wide, moment=row.since)
            for number, row in enumerate(rows)
            if number % every == 0
        ),
        totals=tuple(map(sum, zip(*(row.counts for row in rows), strict=True))),
        accepted=sum(row.accepted for row in rows),
        is_at_least=any(row.is_at_least for row in rows),
    )


def _row(one: Figures) -> Row:
    counts = tuple(sum(one.messages.get(state, 0) for state in states) for _, states in SERIES)
    return Row(since=one.since, accepted=one.accepted, counts=counts, is_at_least=one.is_at_least)


def _bar(series: str, x: float, width: float, low: int, high: int, top: int) -> Bar:
    y = _y(high, top)
    return Bar(series=series, x=round(x, 1), y=round(y, 1), width=round(width, 1), height=round(_y(low, top) - y, 1))


def _y(value: int, top: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top


def _round_up(value: int) -> int:
    """The end of the scale: the next of 4, 8, 20, 40, 80, 200, …, which four lines part into whole numbers."""
    scale = 4
    while True:
        for factor in (1, 2, 5):
            if value <= scale * factor:
                return scale * factor
        scale *= 10
