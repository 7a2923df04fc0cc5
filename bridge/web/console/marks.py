"""A text as a bubble: where its segments end, how full they are, and which characters make it cost more."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from bridge import sms

#: Units that a text's only segment holds, and each of several.
_ROOM = {"GSM-7": (160, 153), "UCS-2": (70, 67)}


@dataclass(frozen=True, kw_only=True)
class Run:
    """Characters that belong together. `name` is Unicode's of a character that makes the text cost more, else None."""

    text: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment, with what it holds of what it has room for."""

    runs: tuple[Run, ...]
    units: int
    room: int


@dataclass(frozen=True, kw_only=True)
class Bubble:
    """A text as it is sent, with what it costs."""

    text: str
    measure: sms.Measure
    units_left: int
    segments: tuple[Segment, ...]


def bubble(text: str) -> Bubble:
    """The bubble of a text that has its brand already."""
    measure = sms.measure(text)
    names = {one.character: one.name for one in measure.characters}
    parts = sms.parts(text)
    room = _ROOM[measure.encoding][len(parts) > 1]
    segments = tuple(
        Segment(runs=tuple(_runs(part, names)), units=_units(part, measure.encoding), room=room) for part in parts
    )
    return Bubble(text=text, measure=measure, units_left=sms.units_left(text), segments=segments)


def _units(part: str, encoding: sms.Encoding) -> int:
    return len(part.encode("utf-16-le", "surrogatepass")) // 2 if encoding == "UCS-2" else sms.measure(part).units


def _runs(part: str, names: dict[str, str]) -> Iterator[Run]:
    for name, characters in groupby(part, key=names.get):
        together = "".join(characters)
        if name is None:
            yield Run(text=together)
        else:
            yield from (Run(text=one, name=name) for one in together)
