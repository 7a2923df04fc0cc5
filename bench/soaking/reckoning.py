"""The reckoning: what became of every acknowledged order, by the database and by the phone."""

import statistics
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from bridge.store.database import Database
from bridge.store.tables import deliveries, messages
from soaking.faults import Fault
from soaking.shop import Order, Shop
from soaking.troubles import Troubles
from soaking.witness import Witness

#: States that say that nobody got the text.
_NOT_SENT = ("refused", "skipped", "expired", "superseded", "failed")
# A kill is counted for recovery if texts were flowing: one had gone in the seconds before.
_FLOWING_SECONDS = 2.0
# The sandbox notes a POST when its answer is due: what comes so soon was sent before.
_ON_THE_WAY_SECONDS = 0.25


@dataclass(kw_only=True)
class Reckoning:
    """How many orders came to what. `lost` and `unaccounted` name orders with what is wrong."""

    acknowledged: int = 0
    sent: int = 0
    otherwise: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    seen_twice: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether each acknowledged order is accounted for exactly once, and seen at most once."""
        accounted = self.sent + self.otherwise.total() == self.acknowledged
        return accounted and not (self.lost or self.unaccounted or self.seen_twice)


@dataclass(kw_only=True)
class _Rows:
    """What the database holds, by delivery."""

    by_key: dict[str, tuple[int, str, str | None]]
    messages: defaultdict[int, list[tuple[str, str | None]]]

    @classmethod
    def read(cls, database: Database) -> "_Rows":
        rows = cls(by_key={}, messages=defaultdict(list))
        with database.read() as connection:
            of_deliveries = select(deliveries.c.key, deliveries.c.id, deliveries.c.state, deliveries.c.reason)
            for key, delivery, state, reason in connection.execute(of_deliveries):
                rows.by_key[key] = (delivery, state, reason)
            for delivery, state, reason in connection.execute(
                select(messages.c.delivery_id, messages.c.state, messages.c.reason)
            ):
                rows.messages[delivery].append((state, reason))
        return rows


def reckon(database: Database, shop: Shop, witness: Witness) -> tuple[Reckoning, dict[int, int]]:
    """What became of every order, and the orders' numbers by delivery id."""
    rows, told = _Rows.read(database), Reckoning()
    numbers: dict[int, int] = {}
    for order in shop.orders:
        stored = [rows.by_key[key] for key in order.keys if key in rows.by_key]
        numbers |= {delivery: order.number for delivery, _, _ in stored}
        seen = witness.seen[order.number]
        if seen > 1:
            told.seen_twice.append(f"#{order.number}: {seen} times")
        if order.acknowledged_at is None:
            told.unaccounted.append(f"#{order.number}: never acknowledged")
            continue
        told.acknowledged += 1
        _judge(told, order, stored, rows, seen)
    return told, numbers


def _judge(
    told: Reckoning, order: Order, stored: Sequence[tuple[int, str, str | None]], rows: _Rows, seen: int
) -> None:
    name = f"#{order.number}"
    if not stored:
        told.lost.append(f"{name}: acknowledged, but not in the database")
        return
    if len(stored) > 1:
        told.unaccounted.append(f"{name}: stored {len(stored)} times")
        return
    ((delivery, state, reason),) = stored
    made = rows.messages[delivery]
    if len(made) > 1:
        told.unaccounted.append(f"{name}: {len(made)} messages of delivery {delivery}")
    elif not made and state == "processed" and not reason:
        told.lost.append(f"{name}: delivery {delivery} is processed, without a message and without a reason")
    elif not made:
        _judge_end(told, f"{name}: delivery {delivery}", f"delivery {state}", state != "stored", reason)
    elif made[0][0] == "sent" and seen:
        told.sent += 1
    elif made[0][0] == "sent":
        told.lost.append(f"{name}: the message of delivery {delivery} is `sent`, and no phone has seen it")
    elif made[0][0] in _NOT_SENT and seen:
        told.unaccounted.append(f"{name}: the message of delivery {delivery} is `{made[0][0]}`, and a phone has it")
    else:
        state, reason = made[0]
        is_over = state not in ("queued", "sending")
        _judge_end(told, f"{name}: the message of delivery {delivery}", state, is_over, reason)


def _judge_end(told: Reckoning, what: str, state: str, is_over: bool, reason: str | None) -> None:
    if not is_over:
        told.unaccounted.append(f"{what} is still `{state}`")
    elif not reason:
        told.unaccounted.append(f"{what} is `{state}` without a reason")
    else:
        told.otherwise[f"{state}: {reason}"] += 1


@dataclass(kw_only=True)
class Recovery:
    """Seconds from troubles of one kind to the next acknowledgement, the next text, the next POST of all it held."""

    count: int = 0
    to_acknowledgement: list[float] = field(default_factory=list)
    to_text: list[float] = field(default_factory=list)
    to_held_work: list[float] = field(default_factory=list)


def recoveries(troubles: Troubles, shop: Shop, witness: Witness, numbers: Mapping[int, int]) -> dict[str, Recovery]:
    """Recovery times by kind of trouble, where Attentive was well meanwhile and texts were flowing before."""
    anywhere = sorted(at for times in shop.acknowledged.values() for at in times)
    texts = sorted(witness.successes)
    found: dict[str, Recovery] = {}
    for trouble in troubles.done:
        recovery = found.setdefault(trouble.kind, Recovery())
        recovery.count += 1
        at = trouble.at
        acknowledged = _next(shop.acknowledged[trouble.port] if trouble.port else anywhere, at)
        recovery.to_acknowledgement += _if_any(acknowledged, at)
        if not _was_flowing(texts, at):
            continue
        recovery.to_text += _if_calm(_next(texts, at), at, troubles.faults)
        held = [sorted(witness.attempts[numbers[one]]) for one in trouble.held if one in numbers]
        moved = [moment for times in held if (moment := _next(times, at + _ON_THE_WAY_SECONDS)) is not None]
        recovery.to_held_work += _if_calm(max(moved, default=None), at, troubles.faults)
    return found


def _next(times: Sequence[float], after: float) -> float | None:
    position = bisect_right(times, after)
    return times[position] if position < len(times) else None


def _was_flowing(texts: Sequence[float], at: float) -> bool:
    return bisect_left(texts, at - _FLOWING_SECONDS) < bisect_left(texts, at)


def _if_any(moment: float | None, at: float) -> list[float]:
    return [] if moment is None else [moment - at]


def _if_calm(moment: float | None, at: float, faults: Iterable[Fault]) -> list[float]:
    """The time from `at` to `moment`, unless Attentive failed meanwhile."""
    if moment is None or any(fault.at < moment and fault.over_at > at for fault in faults):
        return []
    return [moment - at]


def spread(seconds: Sequence[float]) -> str:
    """Median and maximum, as they stand in a table."""
    return f"{statistics.median(seconds):.2f} / {max(seconds):.2f}" if seconds else "–"
