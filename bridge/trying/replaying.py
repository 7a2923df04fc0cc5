"""What it would come to if a recorded webhook were processed once more, before anybody does it. Nothing is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.compose import Template
from bridge.route import Route
from bridge.store.history import Past
from bridge.trying.backtest import Backtest
from bridge.trying.comparing import Comparison


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay would make: `missing` at once, `repeated` only if a second text is asked for.

    `others` are those that would not be sent now. `problem` says why nothing can be told, or not of every template;
    `is_late` that texts would have expired by now.
    """

    missing: Sequence[Comparison] = field(default_factory=tuple)
    repeated: Sequence[Comparison] = field(default_factory=tuple)
    others: Sequence[Comparison] = field(default_factory=tuple)
    problem: str | None = None
    is_late: bool = False


def replay(past: Past, templates: Sequence[Template], routes: Mapping[str, Route], now: datetime) -> Replay:
    """Compare what was made of the delivery with what would be made; no platform is asked.

    `routes` are those of the past.
    """
    played = Backtest(
        templates=templates,
        routes=routes,
        cap_per_person=0,
        looks_up=False,
        most=0,
    )
    found = played.compare(past)
    texts = [one for one in found if one.text_now]
    missing = [one for one in texts if one.what == "additional"]
    return Replay(
        missing=missing,
        repeated=[one for one in texts if one not in missing],
        others=[one for one in found if one not in texts],
        problem=_problem(played),
        is_late=any(one.now is not None and one.now.expires_at <= now for one in texts),
    )


def _problem(played: Backtest) -> str | None:
    if played.waiting:
        return "It waits to be processed anyway."
    if played.erased:
        return "What it said has been erased: nothing can be made of it."
    if played.asked_for:
        return "A program asked for this text: no template makes it."
    if played.unconfigured:
        return "Its connection is no longer configured."
    if played.unknown:
        return "Some templates need what only the platform knows: what they would make cannot be told before."
    return None
