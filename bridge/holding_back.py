"""HOLD BACK, by what is there already: opt-outs, the unreachable, old news, what a back-up forgot, what is too much.

A text is judged by itself when it is drafted (`bridge/policy/holding.py`); here new messages are judged by the others,
in the transaction that makes them. Workers take turns in it, so that no two count past each other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bridge.policy import caps, threads
from bridge.reasons import Reason
from bridge.store import opt_outs, people, restorations, standing

_OPTED_OUT = Reason(code="opted_out")
_UNREACHABLE = Reason(code="unreachable")

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Caps:
    """How many texts a person gets in 24 hours, and a template makes in a minute. 0 is any number."""

    per_person: int
    per_template: int


def hold_back(connection: Connection, new: Sequence[Row], limits: Caps, now: datetime) -> dict[int, Reason]:
    """Hold back those of the `new` rows that must not leave by themselves; the reason of each, by id."""
    # What waits for a person anyway is judged too: it may be let go without a further look.
    rows = [row for row in new if row["state"] in ("queued", "held")]
    if not rows:
        return {}
    skipped = _skip_opted_out(connection, rows)
    rows = [row for row in rows if row["id"] not in skipped]
    skipped |= _skip_unreachable(connection, [row for row in rows if not row["again"]], now)
    rows = [row for row in rows if row["id"] not in skipped]
    replaced = _supersede_old_news(connection, rows)
    rows = [row for row in rows if row["id"] not in replaced and not row["again"]]
    forgotten = _hold_what_may_have_been_told(connection, rows)
    rows = [row for row in rows if row["id"] not in forgotten]
    return skipped | replaced | forgotten | _hold_what_is_too_much(connection, rows, limits, now)


def _skip_opted_out(connection: Connection, rows: Sequence[Row]) -> dict[int, Reason]:
    """Whoever asks for no texts gets none, even if somebody here wants to send one."""
    gone = opt_outs.out(connection, {(row["account"], row["recipient"]) for row in rows})
    ids = [row["id"] for row in rows if (row["account"], row["recipient"]) in gone]
    standing.skip(connection, ids, _OPTED_OUT)
    return dict.fromkeys(ids, _OPTED_OUT)


def _skip_unreachable(connection: Connection, rows: Sequence[Row], now: datetime) -> dict[int, Reason]:
    gone = people.unreachable(connection, {(row["account"], row["recipient"]) for row in rows}, now)
    ids = [row["id"] for row in rows if (row["account"], row["recipient"]) in gone]
    standing.skip(connection, ids, _UNREACHABLE)
    return dict.fromkeys(ids, _UNREACHABLE)


def _supersede_old_news(connection: Connection, rows: Sequence[Row]) -> dict[int, Reason]:
    by: dict[int, int] = {}
    concerned = {standing.thread_of(row) for row in rows if row["thread"] and row["supersedes"]}
    for texts in standing.texts_of(connection, concerned).values():
        by |= threads.superseded(_text(row) for row in texts)
    standing.supersede(connection, by)
    return {old: Reason(code="superseded", detail=f"By message {new}.") for old, new in by.items()}


def _text(row: Row) -> threads.Text:
    is_asked_for = row["event_kind"] in threads.WORDS or row["again"] > 0 or row["released"]
    return threads.Text(
        id=row["id"],
        state=row["state"],
        occurred_at=row["occurred_at"],
        delivery_id=row["delivery_id"],
        # One that may have left already cannot be called old news that nobody got.
        is_kept=is_asked_for or row["unknown_since"] is not None,
    )


def _hold_what_may_have_been_told(connection: Connection, rows: Sequence[Row]) -> dict[int, Reason]:
    until = restorations.told_before(connection) if rows else None
    if until is None:
        return {}
    # What nobody vouches for stays apart from the rest.
    ids = [row["id"] for row in rows if row["occurred_at"] < until and row["reason"] != "unverified"]
    why = restorations.why_held(until)
    standing.hold(connection, ids, why)
    return dict.fromkeys(ids, why)


def _hold_what_is_too_much(
    connection: Connection, rows: Sequence[Row], limits: Caps, now: datetime
) -> dict[int, Reason]:
    held: dict[int, Reason] = {}
    if limits.per_person:
        whom = _ids_by(rows, "account", "recipient")
        counted = standing.counted_by_person(connection, [(account, who) for account, who in whom], now)
        why = Reason(code="cap_per_person", detail=f"CAP_PER_PERSON_PER_DAY is {limits.per_person}.")
        for person, ids in whom.items():
            held |= dict.fromkeys(caps.beyond(limits.per_person, counted[person[0], person[1]], ids), why)
    if limits.per_template:
        made = _ids_by([row for row in rows if row["id"] not in held], "template")
        counted_of = standing.counted_by_template(connection, [name for (name,) in made], now)
        why = Reason(code="cap_per_template", detail=f"CAP_PER_TEMPLATE_PER_MINUTE is {limits.per_template}.")
        for (name,), ids in made.items():
            # Those that the other cap holds do not count.
            present = [one for one in counted_of[name] if one not in held]
            held |= dict.fromkeys(caps.beyond(limits.per_template, present, ids), why)
    for why in set(held.values()):
        standing.hold(connection, [one for one, reason in held.items() if reason == why], why)
    return held


def _ids_by(rows: Sequence[Row], *names: str) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row["id"])
    return found
