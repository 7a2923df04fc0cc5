"""What a soak tells: a line of progress now and then, and tables at the end."""

import argparse
import os
import platform
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from soaking.reckoning import Reckoning, Recovery, spread
from soaking.shop import Shop
from soaking.troubles import Troubles
from soaking.witness import Witness

_PROGRESS_SECONDS = 10.0
_EXAMPLES = 20


@dataclass
class Progress:
    """Says on standard error how far a soak has come."""

    began: float
    shop: Shop
    witness: Witness
    troubles: Troubles

    def __post_init__(self) -> None:
        self._next = self.began + _PROGRESS_SECONDS

    def say_now_and_then(self) -> None:
        """Print a line if it is time for one."""
        if time.monotonic() < self._next:
            return
        self._next += _PROGRESS_SECONDS
        orders = len(self.shop.orders)
        told = [
            f"{time.monotonic() - self.began:5.0f} s",
            f"{orders} orders",
            f"{orders - self.shop.unacknowledged} acknowledged",
            f"{len(self.witness.seen)} seen",
            f"{self.witness.seen.total() - len(self.witness.seen)} twice",
            f"{len(self.troubles.done)} kills",
            f"{len(self.troubles.faults)} faults",
            f"now {dict(self.troubles.fault)}" if self.troubles.fault else "",
        ]
        print(", ".join(filter(None, told)), file=sys.stderr, flush=True)


@dataclass
class Result:
    """Everything a soak came to."""

    options: argparse.Namespace
    reckoning: Reckoning
    recoveries: dict[str, Recovery]
    shop: Shop
    witness: Witness
    troubles: Troubles
    settled_after: float

    @property
    def kills(self) -> Counter[str]:
        """How often each kind of trouble came."""
        return Counter(trouble.kind for trouble in self.troubles.done)

    def as_json(self) -> dict[str, object]:
        """For a program: counts, and what is wrong in words."""
        return {
            "acknowledged": self.reckoning.acknowledged,
            "sent": self.reckoning.sent,
            "otherwise": dict(self.reckoning.otherwise),
            "lost": self.reckoning.lost,
            "unaccounted": self.reckoning.unaccounted,
            "seen_twice": self.reckoning.seen_twice,
            "suppressed": self.witness.suppressed,
            "torn": self.witness.torn,
            "kills": dict(self.kills),
            "faults": len(self.troubles.faults),
            "answers": dict(self.shop.answers),
            "slowest_answer": round(self.shop.slowest, 2),
            "stops": [round(seconds, 2) for seconds in self.troubles.stops],
            "ended_by_itself": self.troubles.ended_by_itself,
        }

    def as_table(self) -> str:
        """For a person, in Markdown."""
        return "\n".join([*self._counts(), "", *self._recovery(), "", *self._notes(), *self._problems()])

    def _counts(self) -> list[str]:
        told, options = self.reckoning, self.options
        kind = "SQLite" if not (options.postgresql or "postgres" in (options.database_url or "")) else "PostgreSQL"
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {kind}"
        rows = [
            ("webhooks a second", f"{options.rate:g}"),
            ("seconds", f"{options.seconds:g}"),
            ("kills, stops and freezes", f"{self.kills.total()}"),
            ("faults of Attentive", f"{len(self.troubles.faults)}"),
            ("acknowledged", f"{told.acknowledged}"),
            ("**lost**", f"**{len(told.lost)}**"),
            ("**seen twice**", f"**{len(told.seen_twice)}**"),
            ("sent, and seen on the phone", f"{told.sent}"),
            *((f"ended otherwise, {reason}", f"{count}") for reason, count in told.otherwise.most_common()),
            ("repeats that Attentive dropped", f"{self.witness.suppressed}"),
            ("POSTs that broke off", f"{self.witness.torn}"),
            ("not accounted for", f"{len(told.unaccounted)}"),
        ]
        head = [f"{datetime.now(UTC):%Y-%m-%d}, {machine}, seed {options.seed}", "", "| | |", "|---|---:|"]
        return [*head, *(f"| {name} | {value} |" for name, value in rows)]

    def _recovery(self) -> list[str]:
        head = [
            "| median / longest, s | times | to the next 200 | to the next text | until what it held is sent again |",
            "|---|---:|---:|---:|---:|",
        ]
        return head + [
            f"| {kind} | {one.count} | {spread(one.to_acknowledgement)} | {spread(one.to_text)} | "
            f"{spread(one.to_held_work)} |"
            for kind, one in sorted(self.recoveries.items())
        ]

    def _notes(self) -> list[str]:
        answers = ", ".join(f"{count} {answer}" for answer, count in self.shop.answers.most_common())
        return [
            f"Answers to the shop: {answers}; the slowest after {self.shop.slowest:.2f} s.",
            f"Workers stopped in good order within: {spread(self.troubles.stops)} s (median / longest).",
            f"Started again by the soak: {dict(Counter(self.troubles.ended_by_itself))}.",
            f"All was settled {self.settled_after:.1f} s after the last trouble.",
        ]

    def _problems(self) -> list[str]:
        told = self.reckoning
        wrong = [*told.lost, *told.seen_twice, *told.unaccounted]
        return ["", *wrong[:_EXAMPLES], *([f"… and {len(wrong) - _EXAMPLES} more"] if len(wrong) > _EXAMPLES else [])]
