"""Postings: put down with what they follow from, in its transaction; claimed, finished or given back by workers."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, case, exists, literal_column, null, or_, select, update
from sqlalchemy import func as sql
from sqlalchemy.sql.expression import ColumnElement, FromClause

from bridge.answered import essence
from bridge.postings import Ended, NewPosting, Posting
from bridge.store.hashing import hashes
from bridge.store.sealed import is_unopened
from bridge.store.tables import inserts, is_posting, is_to_post, postings

#: A posting that this many workers died over is given up.
_POISON_AFTER = 3
_MARK_DIGITS = 16


def add(connection: Connection, new: Sequence[NewPosting], now: datetime) -> list[int]:
    """Put postings down, each once; the ids of those that are new."""
    if not new:
        return []
    hash_of = hashes(connection).of
    rows: list[dict[str, Any]] = [
        {
            "kind": one.kind,
            "connection": one.connection,
            "account": one.account,
            "once": hash_of(one.once),
            "message_id": one.message_id,
            "delivery_id": one.delivery_id,
            "ticket": one.ticket,
            "order_id": one.order_id,
            "recipient": hash_of(one.phone) if one.phone else None,
            "phone": one.phone,
            "subject": one.subject,
            "text": one.text,
            "text_hash": hash_of(essence("\n".join((one.text, *one.media)))),
            "media": "\n".join(one.media) or None,
            "state": "queued",
            "occurred_at": one.occurred_at,
            "created_at": now,
            "due": now,
            "expires_at": one.expires_at,
            "attempts": 0,
            "deaths": 0,
        }
        for one in new
    ]
    return list(connection.execute(_ADD[connection.dialect.name], rows).scalars())


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether a posting is due that nobody has."""
    return connection.execute(_HAS_DUE, {"at": now}).first() is not None


def claim(connection: Connection, owner: str, limit: int, now: datetime) -> list[Posting]:
    """Up to `limit` due postings, owned by `owner` and `posting` from now on; the oldest first.

    None whose person has an earlier answer waiting, none whose order or ticket's tags are just being changed, and none
    that the keys do not open: that has failed.
    """
    claimed = _one_a_place(connection, connection.execute(_CLAIM, {"me": owner, "at": now, "room": limit}).all())
    if unopened := [row.id for row in claimed if is_unopened(*row)]:
        connection.execute(_FAIL_UNOPENED, {"ids": unopened})
    opened = sorted((row for row in claimed if not is_unopened(*row)), key=lambda row: row.id)
    return [_posting(row, _moved_to(connection, row) or row.ticket) for row in opened]


def _one_a_place(connection: Connection, claimed: Sequence[Any]) -> list[Any]:
    """The first of those that were claimed together for one order or one ticket's tags; the others are given back."""
    first: dict[tuple[Any, ...], Any] = {}
    for row in sorted(claimed, key=lambda row: row.id):
        shares = row.order_id is not None or row.kind == "tag"
        first.setdefault((row.connection, row.ticket, row.order_id) if shares else (row.id,), row)
    kept = {row.id for row in first.values()}
    if later := [row.id for row in claimed if row.id not in kept]:
        connection.execute(_GIVE_BACK, {"ids": later})
    return list(first.values())


def _moved_to(connection: Connection, row: Any) -> str | None:
    """The ticket that the same person's answer before this one has got, where it was not known when this one was put
    down: a new ticket, or one that continues a closed one. Two answers in a row must not open two."""
    if row.kind != "answer":
        return None
    values = {"there": row.connection, "whom": row.recipient, "of": row.account, "at": row.created_at}
    found = connection.execute(_MOVED, values).first()
    return found.posted_on if found and found.ticket == row.ticket else None


def _posting(row: Any, ticket: str | None) -> Posting:
    return Posting(
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        ticket=ticket,
        mark=mark_of(row.id, row.created_at),
        media=tuple(row.media.split("\n")) if row.media else (),
        may_be_there=row.unknown_since is not None,
    )


def mark_of(posting_id: int, created_at: datetime) -> str:
    """What tells a posting from all others on its platform.

    With the moment: a database that is put back from a back-up gives numbers a second time.
    """
    return hashlib.sha256(f"{posting_id} {created_at.isoformat()}".encode()).hexdigest()[:_MARK_DIGITS]


def still_held(connection: Connection, owners: Mapping[int, str]) -> set[int]:
    """Which of these postings, by id, still belong to the owner they were claimed by; locked until the commit.

    The others have been taken over by another worker.
    """
    rows = connection.execute(_OWNERS, {"ids": list(owners)})
    return {row.id for row in rows if row.state == "posting" and row.owner == owners[row.id]}


def finish(connection: Connection, ended: Mapping[int, Ended], now: datetime) -> None:
    """Record what becomes of claimed postings, by id. They must be `still_held`."""
    if ended:
        connection.execute(_FINISH, [_values(this, then, now) for this, then in ended.items()])


def _values(this: int, then: Ended, now: datetime) -> dict[str, Any]:
    return {
        "this": this,
        "state": then.state,
        "reason": then.reason.code if then.reason else None,
        "detail": (then.reason.detail if then.reason else then.words) or None,
        "waiting_for": then.waiting_for,
        "new_due": then.due,
        "doubtful_since": then.doubtful_since,
        "is_there": int(then.state == "posted"),
        "posted_at": now if then.state == "posted" else None,
        "remote_id": then.posted.remote_id,
        "posted_on": then.posted.ticket,
    }


def release(connection: Connection, owner: str, *, but: Collection[int] = ()) -> None:
    """Give back what was claimed and not begun, all `but` these; it keeps its due time and loses no attempt."""
    connection.execute(
        update(postings)
        .where(postings.c.owner == owner, postings.c.id.not_in(list(but)), is_posting)
        .values(state="queued", owner=None, attempts=postings.c.attempts - 1)
    )


def recover(connection: Connection, dead_owner: str) -> int:
    """Queue again what a dead worker was posting, to be looked for first; give up what several died over. How many."""
    held = and_(postings.c.owner == dead_owner, is_posting)
    died: dict[str, Any] = {
        "owner": None,
        "deaths": postings.c.deaths + 1,
        "unknown_since": sql.coalesce(postings.c.unknown_since, postings.c.claimed_at),
    }
    poison = update(postings).where(held, postings.c.deaths >= _POISON_AFTER - 1)
    given_up = connection.execute(poison.values(state="failed", reason="worker_died", **died))
    recovered = connection.execute(update(postings).where(held).values(state="queued", **died))
    return given_up.rowcount + recovered.rowcount


def retry(connection: Connection, posting_id: int, now: datetime) -> bool:
    """Post it (again) that failed or was skipped, for as long as it had at first; False if its state does not allow it.

    What may be there is looked for first.
    """
    chosen = select(postings.c.created_at, postings.c.expires_at).where(postings.c.id == posting_id)
    row = connection.execute(chosen).first()
    if row is None:
        return False
    again = update(postings).where(
        postings.c.id == posting_id, postings.c.state.in_(("failed", "skipped")), postings.c.erased_at.is_(None)
    )
    until = now + (row.expires_at - row.created_at)
    values = {"state": "queued", "reason": None, "detail": None, "waiting_for": None, "due": now, "expires_at": until}
    return connection.execute(again.values(**values, attempts=0, deaths=0)).rowcount == 1


def _is_blocked(this: FromClause) -> ColumnElement[bool]:
    """Whether an earlier answer of the same person waits for the same place: they go as they came."""
    earlier = postings.alias("earlier")
    is_earlier = or_(
        earlier.c.occurred_at < this.c.occurred_at,
        and_(earlier.c.occurred_at == this.c.occurred_at, earlier.c.id < this.c.id),
    )
    return (this.c.kind == "answer") & exists().where(
        earlier.c.kind == "answer",
        earlier.c.connection == this.c.connection,
        earlier.c.recipient == this.c.recipient,
        earlier.c.state.in_(("queued", "posting")),
        is_earlier,
    )


def _is_crowded(this: FromClause) -> ColumnElement[bool]:
    """Whether something is just being put on the same order, or among the same ticket's tags.

    Where the platform has no other way, these are read, added to and written: of two at once one would be lost.
    """
    other = postings.alias("other")
    return exists().where(
        other.c.state == literal_column("'posting'"),
        other.c.connection == this.c.connection,
        or_(
            other.c.order_id == this.c.order_id,
            and_(other.c.ticket == this.c.ticket, other.c.kind == "tag", this.c.kind == "tag"),
        ),
    )


_AS_THEY_ARE = (
    *("id", "kind", "connection", "account", "text", "order_id", "phone", "subject", "message_id"),
    *("delivery_id", "occurred_at", "expires_at", "attempts"),
)
# The statements of every turn are built once: putting one together costs more than running it. Parameters that are
# named like columns set these columns.
_ADD = {name: made.on_conflict_do_nothing().returning(postings.c.id) for name, made in inserts(postings).items()}
_IS_DUE = and_(is_to_post, postings.c.due <= bindparam("at"), ~_is_blocked(postings), ~_is_crowded(postings))
_HAS_DUE = select(postings.c.id).where(_IS_DUE).limit(1)
_PICK = (
    select(postings.c.id)
    .where(_IS_DUE)
    .order_by(postings.c.due, postings.c.id)
    .limit(bindparam("room", type_=Integer))
    .with_for_update(skip_locked=True, of=postings)
    .cte("pick")
)
_CLAIM = (
    update(postings)
    .where(postings.c.id.in_(select(_PICK.c.id)))
    .values(
        state="posting",
        owner=bindparam("me"),
        claimed_at=bindparam("at"),
        waiting_for=null(),
        attempts=postings.c.attempts + 1,
    )
    .returning(
        *(postings.c[name] for name in (*_AS_THEY_ARE, "ticket", "recipient", "created_at", "media", "unknown_since"))
    )
)
# An answer goes after those before it, so the last one that is posted is the one before.
_MOVED = (
    select(postings.c.ticket, postings.c.posted_on)
    .where(
        postings.c.recipient == bindparam("whom"),
        postings.c.connection == bindparam("there"),
        postings.c.account == bindparam("of"),
        postings.c.kind == "answer",
        postings.c.posted_on.is_not(None),
        postings.c.posted_at > bindparam("at", type_=postings.c.due.type),
    )
    .order_by(postings.c.posted_at.desc(), postings.c.id.desc())
    .limit(1)
)
_GIVE_BACK = (
    update(postings)
    .where(postings.c.id.in_(bindparam("ids", expanding=True)))
    .values(state="queued", owner=null(), attempts=postings.c.attempts - 1)
)
_FAIL_UNOPENED = (
    update(postings)
    .where(postings.c.id.in_(bindparam("ids", expanding=True)))
    .values(state="failed", reason="cannot_open", owner=null())
)
_OWNERS = (
    select(postings.c.id, postings.c.owner, postings.c.state)
    .where(postings.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_FINISH = (
    update(postings)
    .where(postings.c.id == bindparam("this"))
    .values(
        owner=null(),
        due=sql.coalesce(bindparam("new_due", type_=postings.c.due.type), postings.c.due),
        unknown_since=case(
            (bindparam("is_there", type_=Integer) == 1, null()),
            else_=sql.coalesce(postings.c.unknown_since, bindparam("doubtful_since", type_=postings.c.due.type)),
        ),
    )
)
