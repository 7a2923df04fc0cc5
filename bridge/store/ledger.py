"""What became of everything: reading deliveries, messages and attempts, and what a person may do with them.

What a person does to messages begins with the accounts' lock, as every turn of a worker does: no new text is judged by
what is being changed just then, and nobody waits for the other's rows crosswise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, or_, select, update

from bridge.store import account_health, waiting
from bridge.store.days import days_until
from bridge.store.hashing import hashes
from bridge.store.sealed import is_unopened
from bridge.store.tables import (
    attempts,
    counts,
    deliveries,
    is_held,
    is_queued,
    is_sending,
    is_skipped,
    is_stored,
    messages,
)
from bridge.store.wakeup import notify

_DELIVERY_LIST = (
    deliveries.c.id,
    deliveries.c.connection,
    deliveries.c.key,
    deliveries.c.state,
    deliveries.c.reason,
    deliveries.c.received_at,
)
_MESSAGE_LIST = (
    messages.c.id,
    messages.c.delivery_id,
    messages.c.account,
    messages.c.template,
    messages.c.to,
    messages.c.state,
    messages.c.reason,
    messages.c.waiting_for,
    messages.c.due,
)

#: States a person may send a message on from.
RETRYABLE = ("refused", "unknown", "failed", "expired", "held", "superseded")
#: Of the skipped ones, those that had a text and a number.
RETRYABLE_REASONS = ("dropped", "unreachable")
# Those that wait are few among many that are over, and have indices of their own.
_WAITING = {"queued": is_queued, "sending": is_sending, "held": is_held}

_SHORTEST_LIFE = timedelta(hours=1)
_TO_BE_CONFIRMED_WITHIN = timedelta(minutes=30)


def list_deliveries(connection: Connection, *, limit: int, state: str | None = None) -> list[Mapping[str, Any]]:
    """The newest deliveries: id, connection, key, state, reason, received_at."""
    query = select(*_DELIVERY_LIST).order_by(deliveries.c.id.desc()).limit(limit)
    if state:
        query = query.where(is_stored if state == "stored" else deliveries.c.state == state)
    return _rows(connection, query)


def list_messages(
    connection: Connection,
    *,
    limit: int,
    state: str | None = None,
    delivery_id: int | None = None,
    message_id: int | None = None,
    unconfirmed_at: datetime | None = None,
) -> list[Mapping[str, Any]]:
    """The newest messages: id, delivery_id, account, template, to, state, reason, waiting_for, due, stopped.

    What they wait for is as `waiting.told` tells it. With `unconfirmed_at`, the time, only those of the last week that
    Attentive took half an hour ago and has not confirmed.
    """
    query = select(*_MESSAGE_LIST).order_by(messages.c.id.desc()).limit(limit)
    if state:
        query = query.where(_WAITING.get(state, messages.c.state == state))
    if unconfirmed_at is not None:
        query = query.where(counts, *_is_unconfirmed(unconfirmed_at))
    if delivery_id is not None:
        query = query.where(messages.c.delivery_id == delivery_id)
    if message_id is not None:
        query = query.where(messages.c.id == message_id)
    return waiting.told(connection, _rows(connection, query))


def _is_unconfirmed(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        messages.c.day.in_(days_until(now, 8)),
        messages.c.state == "sent",
        messages.c.confirmed_at.is_(None),
        messages.c.sent_at < now - _TO_BE_CONFIRMED_WITHIN,
    )


def find_delivery(connection: Connection, delivery_id: int) -> Mapping[str, Any] | None:
    """Everything about one delivery."""
    return _one(connection, select(deliveries).where(deliveries.c.id == delivery_id))


def find_message(connection: Connection, message_id: int) -> Mapping[str, Any] | None:
    """Everything about one message."""
    return _one(connection, select(messages).where(messages.c.id == message_id))


def list_attempts(connection: Connection, message_id: int) -> list[Mapping[str, Any]]:
    """The attempts of a message, the first first."""
    return _rows(connection, select(attempts).where(attempts.c.message_id == message_id).order_by(attempts.c.id))


def retry(connection: Connection, message: Mapping[str, Any], now: datetime) -> bool:
    """Send a message on, with its own time to live from now; False if its state does not allow it.

    It does not if another message has told the person the same since it was skipped, or if it was erased.
    """
    account_health.read(connection)
    if message["to"] is None or is_unopened(*message.values()) or replacement(connection, message) is not None:
        return False
    done = connection.execute(
        update(messages)
        .where(
            messages.c.id == message["id"],
            # `message` was read before the lock.
            messages.c.erased_at.is_(None),
            or_(messages.c.state.in_(RETRYABLE), is_skipped & messages.c.reason.in_(RETRYABLE_REASONS)),
        )
        .values(
            # What was skipped has given it away: a webhook or a replay would make the text once more.
            once=hashes(connection).once_of(message),
            state="queued",
            reason=None,
            detail=None,
            waiting_for=None,
            due=now,
            expires_at=now + _life(message["created_at"], message["expires_at"]),
            attempts=0,
            deaths=0,
            denials=0,
            refusals=0,
            first_denied_at=None,
            unknown_since=None,
            confirmed_at=None,
            released=True,
        )
    )
    notify(connection)
    return done.rowcount == 1


def replacement(connection: Connection, message: Mapping[str, Any]) -> int | None:
    """The id of another message that is made of the same event for the same person, by the same template."""
    if message["to"] is None or is_unopened(message["to"]):
        return None
    same = select(messages.c.id).where(
        messages.c.once == hashes(connection).once_of(message), messages.c.id != message["id"]
    )
    return connection.execute(same).scalar_one_or_none()


def held(
    connection: Connection, *, ids: Sequence[int] = (), template: str | None = None, reason: str | None = None
) -> list[tuple[int, str]]:
    """The held messages among `ids`, or of `template`, or for `reason`, or all: ids and reasons; the oldest first."""
    # Not ordered here: SQLite would go through all messages, which are in order, to save the sorting of a few.
    query = select(messages.c.id, messages.c.reason).where(is_held)
    if ids:
        query = query.where(messages.c.id.in_(ids))
    if template:
        query = query.where(messages.c.template == template)
    if reason:
        query = query.where(messages.c.reason == reason)
    return sorted((row.id, row.reason) for row in connection.execute(query))


def decidable(found: Sequence[tuple[int, str]], *, releases: bool, one_by_one: bool) -> list[int]:
    """Which held messages (ids and reasons) a word about many decides on.

    A stranger may have written those that nothing proves: they are let go only where they were meant.
    """
    stays = releases and not one_by_one
    return [one for one, why in found if not (stays and why == "unverified")]


def release(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Let held messages go, each with its own time to live from now: a person wants them sent; how many.

    One that nobody had vouched for is skipped if the same has been made of a genuine webhook.
    """
    account_health.read(connection)
    _take_the_name(connection, ids)
    chosen = select(messages.c.id, messages.c.created_at, messages.c.expires_at).where(messages.c.id.in_(ids), is_held)
    rows = connection.execute(chosen).all()
    if rows:
        lives = [{"this": row.id, "until": now + _life(row.created_at, row.expires_at)} for row in rows]
        connection.execute(_RELEASE, lives)
    notify(connection)
    return len(rows)


def _take_the_name(connection: Connection, ids: Sequence[int]) -> None:
    """Have messages use up what they are told by, which those of unverified webhooks do not while they are held."""
    chosen = select(messages).where(messages.c.id.in_(ids), is_held, messages.c.reason == "unverified")
    for message in _rows(connection, chosen.order_by(messages.c.id)):
        other = replacement(connection, message)
        values: dict[str, Any] = {"once": hashes(connection).once_of(message)}
        if other is not None:
            values = {"state": "skipped", "reason": "already_texted", "detail": f"By message {other}."}
        connection.execute(update(messages).where(messages.c.id == message["id"]).values(**values))


def drop(connection: Connection, ids: Sequence[int]) -> int:
    """Decide that held messages are not sent; how many."""
    account_health.read(connection)
    return connection.execute(
        update(messages).where(messages.c.id.in_(ids), is_held).values(state="skipped", reason="dropped", detail=None)
    ).rowcount


_RELEASE = (
    update(messages)
    .where(messages.c.id == bindparam("this"), is_held)
    .values(
        state="queued",
        reason=None,
        detail=None,
        released=True,
        expires_at=bindparam("until", type_=messages.c.expires_at.type),
    )
)


def _life(created_at: datetime, expires_at: datetime) -> timedelta:
    """How long a message may still wait that a person wants sent: as long as it had, and never no time at all."""
    return max(expires_at - created_at, _SHORTEST_LIFE)


def _rows(connection: Connection, query: Select[Any]) -> list[Mapping[str, Any]]:
    return [row._asdict() for row in connection.execute(query)]


def _one(connection: Connection, query: Select[Any]) -> Mapping[str, Any] | None:
    row: Row[Any] | None = connection.execute(query).first()
    return row._asdict() if row else None
