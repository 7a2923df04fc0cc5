"""OUTBOX: messages, claimed for sending by one worker at a time, finished once."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, exists, insert, null, or_, select, true, update
from sqlalchemy import func as sql
from sqlalchemy.sql.dml import ReturningUpdate

from bridge.messages import AccountHealth, Attempt, Draft, Message, Next
from bridge.store.sealed import search_hash
from bridge.store.tables import accounts, attempts, inserts, is_queued, is_sending, is_unsent, messages

#: A message that this many workers died over is set aside.
_POISON_AFTER = 3

_MESSAGE_COLUMNS = tuple(messages.c[name] for name in Message.__dataclass_fields__)


def add(
    connection: Connection,
    draft: Draft,
    *,
    delivery_id: int,
    source_connection: str,
    again: int,
    now: datetime,
    waiting_for: str | None = None,
) -> bool:
    """Put a draft in the outbox; False if a message for the same account, template, identity and person is there."""
    identity = draft.identity or f"delivery:{delivery_id}"
    values = {
        "delivery_id": delivery_id,
        "account": draft.account,
        "connection": source_connection,
        "template": draft.template,
        "event_kind": draft.event_kind,
        "identity": identity,
        # A skipped message does not use its identity up: what was missing may come with a later webhook.
        "once": None if draft.state == "skipped" or draft.to is None else _once(draft, identity, again),
        "again": again,
        "recipient": search_hash(draft.to) if draft.to else None,
        "to": draft.to,
        "body": draft.body,
        "link": draft.link,
        "media_url": draft.media_url,
        "state": draft.state,
        "reason": draft.reason.code if draft.reason else None,
        "detail": (draft.reason.detail or None) if draft.reason else None,
        "waiting_for": waiting_for,
        "thread": draft.thread,
        "occurred_at": draft.occurred_at,
        "created_at": now,
        "due": now,
        "expires_at": draft.expires_at,
        "if_unknown": draft.if_unknown,
        "attempts": 0,
        "deaths": 0,
        "denials": 0,
        "released": False,
    }
    return connection.execute(_ADD[connection.dialect.name], values).first() is not None


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether a message is due, whatever its account."""
    return connection.execute(_HAS_DUE, {"at": now}).first() is not None


def claim(
    connection: Connection,
    owner: str,
    limit: int,
    now: datetime,
    accounts_with_token: Collection[str],
    health: Mapping[str, AccountHealth],
    *,
    released_only: bool = False,
) -> list[Message]:
    """Up to `limit` due messages for accounts that may send now, owned by `owner` and `sending` from now on.

    An account whose pause has just ended gives one message as a probe, and no second one while that is under way.
    """
    free: list[str] = []
    probing: list[str] = []
    for name in accounts_with_token:
        state = health.get(name)
        if state is None or state.paused_until is None:
            free.append(name)
        elif state.paused_until <= now:
            (free if state.pause_reason == "slow_down" else probing).append(name)
    claimed = _claim_of(connection, owner, limit, now, free, released_only) if free else []
    for name in probing:
        if len(claimed) < limit and _may_probe(connection, name):
            claimed += _claim_of(connection, owner, 1, now, [name], released_only)
    return claimed


def _claim_of(
    connection: Connection, owner: str, limit: int, now: datetime, names: list[str], released_only: bool
) -> list[Message]:
    statement = _CLAIM_RELEASED if released_only else _CLAIM
    claimed = connection.execute(statement, {"me": owner, "room": limit, "at": now, "names": names})
    return sorted((Message(**row._asdict()) for row in claimed), key=lambda message: message.id)


def _claiming(*, released_only: bool) -> ReturningUpdate[Any]:
    """Claims up to `room` messages due `at` now for `me`, of the accounts `names`."""
    earlier = messages.alias("earlier")
    # Messages of one thread leave in the order things happened.
    blocked = exists().where(
        earlier.c.account == messages.c.account,
        earlier.c.thread == messages.c.thread,
        is_unsent(earlier),
        or_(
            earlier.c.occurred_at < messages.c.occurred_at,
            and_(earlier.c.occurred_at == messages.c.occurred_at, earlier.c.id < messages.c.id),
        ),
    )
    pick = (
        select(messages.c.id)
        .where(
            is_queued,
            messages.c.released if released_only else true(),
            messages.c.due <= bindparam("at"),
            messages.c.account.in_(bindparam("names", expanding=True)),
            or_(messages.c.thread.is_(None), ~blocked),
        )
        .order_by(messages.c.due, messages.c.id)
        .limit(bindparam("room", type_=Integer))
        .with_for_update(skip_locked=True, of=messages)
        .cte("pick")
    )
    return (
        update(messages)
        .where(messages.c.id.in_(select(pick.c.id)))
        .values(
            state="sending",
            owner=bindparam("me"),
            claimed_at=bindparam("at"),
            waiting_for=null(),
            attempts=messages.c.attempts + 1,
        )
        .returning(*_MESSAGE_COLUMNS)
    )


def _may_probe(connection: Connection, account: str) -> bool:
    """Whether no message of the account is under way, and no other worker is finding that out just now."""
    lock = select(accounts.c.name).where(accounts.c.name == account).with_for_update(skip_locked=True)
    if connection.execute(lock).first() is None:
        return False
    found = select(messages.c.id).where(is_sending, messages.c.account == account).limit(1)
    return connection.execute(found).first() is None


def finish(
    connection: Connection, message: Message, owner: str, attempt: Attempt | None, then: Next, now: datetime
) -> bool:
    """Record an attempt and what becomes of its message; False if another worker has taken the message over."""
    done = connection.execute(
        _FINISH,
        {
            "this": message.id,
            "me": owner,
            "state": then.state,
            "reason": then.reason.code if then.reason else None,
            "detail": (then.reason.detail or None) if then.reason else None,
            "waiting_for": then.waiting_for,
            "unknown_since": then.unknown_since,
            "new_due": then.due,
            "denied": int(then.denied),
            "denied_at": now if then.denied else None,
            "sent_at": now if then.state == "sent" else None,
        },
    )
    if attempt is not None:
        connection.execute(
            _ATTEMPT,
            {
                "message_id": message.id,
                "number": message.attempts,
                "started_at": attempt.started_at,
                "seconds": attempt.seconds,
                "outcome": str(attempt.outcome),
                "status": attempt.status,
                "words": attempt.words or None,
            },
        )
    return done.rowcount == 1


def release(connection: Connection, owner: str, *, but: Collection[int] = ()) -> None:
    """Give back what was claimed and not begun, all `but` these; it keeps its due time and loses no attempt."""
    connection.execute(
        update(messages)
        .where(messages.c.owner == owner, messages.c.id.not_in(list(but)), is_sending)
        .values(state="queued", owner=None, attempts=messages.c.attempts - 1)
    )


def recover(connection: Connection, dead_owner: str) -> int:
    """Queue again what a dead worker was sending; what several workers died over waits for a person. How many rows.

    Whether they left is unknown, counted from the claim: `retry.before_sending` decides whether a repeat is safe.
    """
    held = and_(messages.c.owner == dead_owner, is_sending)
    died = {
        "owner": None,
        "deaths": messages.c.deaths + 1,
        "unknown_since": sql.coalesce(messages.c.unknown_since, messages.c.claimed_at),
    }
    poison = update(messages).where(held, messages.c.deaths >= _POISON_AFTER - 1)
    set_aside = connection.execute(poison.values(state="unknown", reason="worker_died", **died))
    recovered = connection.execute(update(messages).where(held).values(state="queued", **died))
    return set_aside.rowcount + recovered.rowcount


def _once(draft: Draft, identity: str, again: int) -> str:
    parts = (draft.account, draft.template, identity, draft.to or "", str(again))
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


# The statements of every turn are built once: putting one together costs more than running it. Parameters that are
# named like columns set these columns.
# Inserts tell by RETURNING whether there was a conflict: psycopg's row count is not kept for them.
_ADD = {name: made.on_conflict_do_nothing().returning(messages.c.id) for name, made in inserts(messages).items()}
_HAS_DUE = select(messages.c.id).where(is_queued, messages.c.due <= bindparam("at")).limit(1)
_CLAIM = _claiming(released_only=False)
_CLAIM_RELEASED = _claiming(released_only=True)
_FINISH = (
    update(messages)
    .where(messages.c.id == bindparam("this"), messages.c.owner == bindparam("me"), is_sending)
    .values(
        owner=null(),
        due=sql.coalesce(bindparam("new_due", type_=messages.c.due.type), messages.c.due),
        denials=messages.c.denials + bindparam("denied", type_=Integer),
        first_denied_at=sql.coalesce(messages.c.first_denied_at, bindparam("denied_at", type_=messages.c.due.type)),
    )
)
_ATTEMPT = insert(attempts)
