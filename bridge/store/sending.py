"""Messages on their way through a worker: claimed for sending, finished or given back, taken over from the dead."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, case, exists, null, or_, select, true, update
from sqlalchemy import func as sql
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.expression import ColumnElement, FromClause

from bridge.messages import Attempt, MediaCheck, Message, Next
from bridge.store.sealed import is_unopened
from bridge.store.tables import accounts, attempts, inserts, is_queued, is_sending, is_unsent, messages

#: A message that this many workers died over is set aside.
_POISON_AFTER = 3

_FIELDS = tuple(Message.__dataclass_fields__)


def accounts_with_due(connection: Connection, names: Collection[str], now: datetime) -> list[str]:
    """Those of the accounts `names` for which a message is due."""
    return list(connection.execute(_WITH_DUE, {"names": list(names), "at": now}).scalars())


def claim(
    connection: Connection,
    owner: str,
    account: str,
    limit: int,
    now: datetime,
    *,
    released_only: bool = False,
    but: Collection[str] = (),
) -> list[Message]:
    """Up to `limit` due messages of an account, owned by `owner` and `sending` from now on; the oldest first.

    None of the templates `but`, and none that the keys do not open: that has failed.

    Those that may have left come before all others: Attentive drops their repeats only for a short while.
    """
    claimed: list[Any] = []
    values = {"me": owner, "at": now, "of": account, **({"but": sorted(but)} if but else {})}
    for statement in _CLAIMS[released_only, bool(but)]:
        if room := limit - len(claimed):
            claimed += connection.execute(statement, {**values, "room": room})
    if unopened := [row.id for row in claimed if is_unopened(*row)]:
        connection.execute(_FAIL_UNOPENED, {"ids": unopened})
    found = (Message(**dict(zip(_FIELDS, row, strict=True))) for row in claimed if not is_unopened(*row))
    return sorted(found, key=lambda message: message.id)


def has_under_way(connection: Connection, account: str) -> bool:
    """Whether a message of the account is being sent."""
    found = select(messages.c.id).where(is_sending, messages.c.account == account).limit(1)
    return connection.execute(found).first() is not None


def is_blocked(this: FromClause) -> ColumnElement[bool]:
    """Whether an earlier message of the same thread and person has not left: they leave as things happened."""
    earlier = messages.alias("earlier")
    is_earlier = or_(
        earlier.c.occurred_at < this.c.occurred_at,
        and_(
            earlier.c.occurred_at == this.c.occurred_at,
            or_(
                earlier.c.delivery_id < this.c.delivery_id,
                and_(earlier.c.delivery_id == this.c.delivery_id, earlier.c.id < this.c.id),
            ),
        ),
    )
    return this.c.thread.is_not(None) & exists().where(
        earlier.c.account == this.c.account,
        earlier.c.thread == this.c.thread,
        earlier.c.recipient == this.c.recipient,
        is_unsent(earlier),
        is_earlier,
    )


def _claiming(*, released_only: bool, doubtful: bool, choosy: bool) -> ReturningUpdate[Any]:
    """Claims up to `room` messages of the account `of` that are due `at` now, for `me`; if `choosy`, `but` some."""
    pick = (
        select(messages.c.id)
        .where(
            is_queued,
            messages.c.released if released_only else true(),
            messages.c.unknown_since.is_not(None) if doubtful else true(),
            messages.c.due <= bindparam("at"),
            messages.c.account == bindparam("of"),
            messages.c.template.not_in(bindparam("but", expanding=True)) if choosy else true(),
            ~is_blocked(messages),
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
        .returning(*(messages.c[name] for name in _FIELDS))
    )


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a claimed message came to, by which attempt; without one it was not tried."""

    message: Message
    attempt: Attempt | None
    then: Next


def still_held(connection: Connection, owners: Mapping[int, str]) -> set[int]:
    """Which of these messages, by id, still belong to the owner they were claimed by; locked until the commit.

    The others have been taken over by another worker.
    """
    rows = connection.execute(_OWNERS, {"ids": list(owners)})
    return {row.id for row in rows if row.state == "sending" and row.owner == owners[row.id]}


def finish(connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
    """Record what becomes of claimed messages. They must be `still_held`."""
    if finished:
        connection.execute(_FINISH, [_values(one.message, one.then, now) for one in finished])
    checked = [(one.message.id, one.then.media) for one in finished if one.then.media]
    if checked:
        connection.execute(_KEEP_CHECK, [_check_values(this, check) for this, check in checked])


def _values(message: Message, then: Next, now: datetime) -> dict[str, Any]:
    return {
        "this": message.id,
        "state": then.state,
        "reason": then.reason.code if then.reason else None,
        "detail": (then.reason.detail or None) if then.reason else None,
        "waiting_for": then.waiting_for,
        "unknown_since": then.unknown_since,
        "new_due": then.due,
        "denied": int(then.denied),
        "refused": int(then.refused),
        "untried": int(not then.tried),
        "new_expiry": then.expires_at,
        "denied_at": now if then.denied else None,
        "sent_at": now if then.state == "sent" else None,
    }


def _check_values(this: int, check: MediaCheck) -> dict[str, Any]:
    return {
        "this": this,
        "media_url": check.url,
        "media_checked_at": check.checked_at,
        "media_tries": check.tries,
        "media_reason": check.reason.code if check.reason else None,
        "media_detail": (check.reason.detail or None) if check.reason else None,
    }


def record(connection: Connection, finished: Sequence[Finished]) -> None:
    """Keep attempts, each once: a commit whose answer was lost may have kept some already."""
    rows = [
        {
            "message_id": one.message.id,
            "number": one.message.attempts,
            "started_at": one.attempt.started_at,
            "seconds": one.attempt.seconds,
            "outcome": str(one.attempt.outcome),
            "status": one.attempt.status,
            "words": one.attempt.words or None,
        }
        for one in finished
        if one.attempt
    ]
    if rows:
        connection.execute(_RECORD[connection.dialect.name], rows)


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
    # Attentive has said meanwhile that it sent these.
    confirmed = connection.execute(
        update(messages)
        .where(held, messages.c.confirmed_at.is_not(None))
        .values(state="sent", owner=None, sent_at=messages.c.confirmed_at, unknown_since=None)
    )
    # What has a picture that nobody has found good yet cannot have left: the worker was looking at it.
    is_unchecked = and_(messages.c.media_url.is_not(None), messages.c.media_checked_at.is_(None))
    died = {
        "owner": None,
        "deaths": messages.c.deaths + 1,
        "unknown_since": sql.coalesce(
            messages.c.unknown_since, case((is_unchecked, null()), else_=messages.c.claimed_at)
        ),
    }
    poison = update(messages).where(held, messages.c.deaths >= _POISON_AFTER - 1)
    set_aside = connection.execute(poison.values(state="unknown", reason="worker_died", **died))
    recovered = connection.execute(update(messages).where(held).values(state="queued", **died))
    return confirmed.rowcount + set_aside.rowcount + recovered.rowcount


# The statements of every turn are built once: putting one together costs more than running it. Parameters that are
# named like columns set these columns.
_WITH_DUE = select(accounts.c.name).where(
    accounts.c.name.in_(bindparam("names", expanding=True)),
    exists().where(is_queued, messages.c.account == accounts.c.name, messages.c.due <= bindparam("at")),
)
_CLAIMS = {
    (released_only, choosy): [
        _claiming(released_only=released_only, doubtful=doubtful, choosy=choosy) for doubtful in (True, False)
    ]
    for released_only in (True, False)
    for choosy in (True, False)
}
_FAIL_UNOPENED = (
    update(messages)
    .where(messages.c.id.in_(bindparam("ids", expanding=True)))
    .values(state="failed", reason="cannot_open", owner=null())
)
# The state is not asked for in the condition: PostgreSQL might walk through all that wait to find these few.
_OWNERS = (
    select(messages.c.id, messages.c.owner, messages.c.state)
    .where(messages.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_FINISH = (
    update(messages)
    .where(messages.c.id == bindparam("this"))
    .values(
        owner=null(),
        due=sql.coalesce(bindparam("new_due", type_=messages.c.due.type), messages.c.due),
        attempts=messages.c.attempts - bindparam("untried", type_=Integer),
        expires_at=sql.coalesce(bindparam("new_expiry", type_=messages.c.due.type), messages.c.expires_at),
        denials=messages.c.denials + bindparam("denied", type_=Integer),
        refusals=messages.c.refusals + bindparam("refused", type_=Integer),
        first_denied_at=sql.coalesce(messages.c.first_denied_at, bindparam("denied_at", type_=messages.c.due.type)),
    )
)
_KEEP_CHECK = update(messages).where(messages.c.id == bindparam("this"))
_RECORD = {name: made.on_conflict_do_nothing() for name, made in inserts(attempts).items()}
