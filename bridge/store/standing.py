"""What the outbox holds already that new messages are judged by, and what the judgement is written down as."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from bridge.reasons import Reason
from bridge.store.days import days_until
from bridge.store.tables import counts, is_held, is_news, is_queued, messages

#: What counts towards a person's cap is found among the messages made on so many days.
_DAYS_OF_A_CAP = 3
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

#: One person's messages about one thing: account, thread, recipient.
Thread = tuple[str, str, str]


def thread_of(row: Mapping[str, Any]) -> Thread:
    """The thread a message's row belongs to."""
    return row["account"], row["thread"], row["recipient"]


def texts_of(connection: Connection, threads: Collection[Thread]) -> dict[Thread, list[Mapping[str, Any]]]:
    """Of each thread the texts that are or make old news: id, state, occurred_at, delivery_id, event_kind, again,
    released, unknown_since."""
    found: dict[Thread, list[Mapping[str, Any]]] = defaultdict(list)
    if threads:
        accounts, names, whom = (sorted(set(part)) for part in zip(*threads, strict=True))
        for row in connection.execute(_TEXTS, {"accounts": accounts, "threads": names, "whom": whom}):
            found[thread_of(row._asdict())].append(row._asdict())
    return {thread: found[thread] for thread in threads}


def counted_by_person(
    connection: Connection, people: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], list[int]]:
    """The ids of the texts that each person (account, recipient) got in the last 24 hours or has coming.

    What waits only because sending is switched off counts too: it will be let go without a further look.
    """
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    if people:
        values = {"days": days_until(now, _DAYS_OF_A_CAP), "whom": [whom for _, whom in people], "since": now - _DAY}
        for row in connection.execute(_OF_PEOPLE, values):
            found[row.account, row.recipient].append(row.id)
    return found


def counted_by_template(connection: Connection, templates: Collection[str], now: datetime) -> dict[str, list[int]]:
    """The ids of the texts that each template has made in the last minute, those that a cap holds left out."""
    found: dict[str, list[int]] = defaultdict(list)
    if templates:
        for row in connection.execute(_OF_TEMPLATES, {"names": list(templates), "since": now - _MINUTE}):
            found[row.template].append(row.id)
    return found


def states_of(connection: Connection, ids: Collection[int]) -> Sequence[Any]:
    """What became of these messages: id, delivery_id, account, state."""
    if not ids:
        return []
    asked = select(messages.c.id, messages.c.delivery_id, messages.c.account, messages.c.state)
    return connection.execute(asked.where(messages.c.id.in_(sorted(ids))).order_by(messages.c.id)).all()


def supersede(connection: Connection, by: Mapping[int, int]) -> None:
    """Let newer messages take the place of older ones: the older's id -> the newer's."""
    _change(
        connection,
        [
            {"this": old, "state": "superseded", "reason": "superseded", "detail": f"By message {new}."}
            for old, new in by.items()
        ],
    )


def hold(connection: Connection, ids: Iterable[int], reason: Reason) -> None:
    """Keep messages for a person's decision."""
    values = {"state": "held", "reason": reason.code, "detail": reason.detail or None}
    _change(connection, [{"this": one, **values} for one in ids])


def skip(connection: Connection, ids: Sequence[int], reason: Reason) -> None:
    """Make messages that are never sent. They use nothing up: a replay makes them once more."""
    if ids:
        values = {"state": "skipped", "reason": reason.code, "detail": reason.detail or None, "waiting_for": None}
        connection.execute(update(messages).where(messages.c.id.in_(ids)).values(once=None, **values))


def _change(connection: Connection, values: list[dict[str, Any]]) -> None:
    if values:
        connection.execute(_CHANGE, values)


_CHANGE = update(messages).where(messages.c.id == bindparam("this"), or_(is_queued, is_held)).values(waiting_for=None)
# Each by itself and not as pairs, for which SQLite would go through all: it may find texts that nobody has asked for.
_TEXTS = select(
    messages.c.id,
    messages.c.account,
    messages.c.thread,
    messages.c.recipient,
    messages.c.state,
    messages.c.occurred_at,
    messages.c.delivery_id,
    messages.c.event_kind,
    messages.c.again,
    messages.c.released,
    messages.c.unknown_since,
).where(
    messages.c.account.in_(bindparam("accounts", expanding=True)),
    messages.c.thread.in_(bindparam("threads", expanding=True)),
    messages.c.recipient.in_(bindparam("whom", expanding=True)),
    is_news,
    # What nobody has vouched for makes nothing old news.
    messages.c.reason.is_distinct_from("unverified"),
)
_HAS_LEFT = messages.c.state.in_(["sent", "unknown"])
_OF_PEOPLE = select(messages.c.account, messages.c.recipient, messages.c.id).where(
    messages.c.day.in_(bindparam("days", expanding=True)),
    messages.c.recipient.in_(bindparam("whom", expanding=True)),
    counts,
    # What has not left is on its way however long it has waited, say for a paused account.
    or_(
        ~_HAS_LEFT,
        func.coalesce(messages.c.sent_at, messages.c.due) > bindparam("since", type_=messages.c.due.type),
    ),
)
_OF_TEMPLATES = select(messages.c.template, messages.c.id).where(
    messages.c.template.in_(bindparam("names", expanding=True)),
    messages.c.created_at > bindparam("since", type_=messages.c.due.type),
    counts,
)
