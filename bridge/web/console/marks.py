"""A text as a bubble: where its segments end, how full they are, and which characters make it cost more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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


def bubble(text: str, shown: str | None = None) -> Bubble:
    """The bubble of a text that has its brand already. `shown` is what stands in its place, as long as it is."""
    shown = text if shown is None or len(shown) != len(text) else shown
    measure = sms.measure(text)
    names = {one.character: one.name for one in measure.characters}
    parts = sms.parts(text)
    room = _ROOM[measure.encoding][len(parts) > 1]
    segments, begin = [], 0
    for part in parts:
        runs = tuple(_runs(part, shown[begin : begin + len(part)], names))
        segments.append(Segment(runs=runs, units=_units(part, measure.encoding), room=room))
        begin += len(part)
    # What is hidden is not told by its name either.
    told = replace(measure, characters=tuple(one for one in measure.characters if one.character in shown))
    return Bubble(text=shown, measure=told, units_left=sms.units_left(text), segments=tuple(segments))


def _units(part: str, encoding: sms.Encoding) -> int:
    return len(part.encode("utf-16-le", "surrogatepass")) // 2 if encoding == "UCS-2" else sms.measure(part).units


def _runs(part: str, shown: str, names: dict[str, str]) -> Iterator[Run]:
    for name, pairs in groupby(zip(part, shown, strict=True), key=lambda pair: names.get(pair[0])):
        together = list(pairs)
        if name is None:
            yield Run(text="".join(seen for _, seen in together))
        else:
            yield from (Run(text=seen, name=name if seen == one else "hidden") for one, seen in together)
