"""Who wants no texts, as Attentive tells it: by account, and in the order of Attentive's clock."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, or_, select, update
from sqlalchemy.sql.expression import ColumnElement

from bridge.events import Notice
from bridge.store.days import days_until
from bridge.store.hashing import hashes
from bridge.store.tables import counts, inserts, is_held, is_queued, messages, opt_outs

#: Attentive repeats a webhook for three days: that somebody came back is kept for longer than what it overrules.
_REMEMBERED_FOR = timedelta(days=7)
#: No message waits for longer: the longest time to live.
_LONGEST_WAIT_DAYS = 31


def note(connection: Connection, account: str, told: Notice) -> bool:
    """Note that somebody `left` or `joined`; False if something later is known. Of one moment, leaving is the later."""
    values = {
        "account": account,
        "recipient": hashes(connection).of(told.phone),
        "to": told.phone,
        "is_out": told.what == "left",
        "at": told.at,
    }
    return connection.execute(_NOTE[connection.dialect.name], values).first() is not None


def out(connection: Connection, whom: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of `whom` (account, hash of the number) who want no texts."""
    if not whom:
        return set()
    values = {"accounts": sorted({account for account, _ in whom}), "whom": sorted({one for _, one in whom})}
    return {(row.account, row.recipient) for row in connection.execute(_OUT, values)}


def skip_waiting(connection: Connection, account: str, phone: str, now: datetime) -> list[Any]:
    """Skip what waits for somebody who has just left, also what a person let go; the rows: id, delivery_id, state.

    What may have left already is `unknown` then, because it is not tried again.
    """
    may_have_left = messages.c.unknown_since.is_not(None)
    whose = (
        messages.c.day.in_(days_until(now, _LONGEST_WAIT_DAYS)),
        messages.c.recipient == hashes(connection).of(phone),
        messages.c.account == account,
    )
    # Two times, because no index has both: the one of people's messages leaves out what is held for a reason of its
    # own, which is little. Without one each opt-out would have a look at every message there is.
    return [
        row
        for waiting in (and_(counts, or_(is_queued, is_held)), is_held)
        for row in stop(connection, and_(waiting, *whose), may_have_left)
    ]


def stop_claimed(connection: Connection, ids: Collection[int]) -> list[Any]:
    """Skip claimed messages of people who have left; the rows: id, delivery_id, state."""
    return stop(connection, messages.c.id.in_(list(ids)), messages.c.unknown_since.is_not(None))


def stop(connection: Connection, which: ColumnElement[bool], may_have_left: ColumnElement[bool]) -> list[Any]:
    """Make messages that are not tried (again) because their person has left."""
    stopping = update(messages).where(which)
    values = {
        "state": case((may_have_left, "unknown"), else_="skipped"),
        "reason": case((may_have_left, "outcome_unknown"), else_="opted_out"),
        "detail": None,
        "waiting_for": None,
        "owner": None,
        # What is skipped uses nothing up: once the person is back, a replay makes it once more.
        "once": case((may_have_left, messages.c.once), else_=None),
    }
    rows = stopping.values(values).returning(
        messages.c.id, messages.c.delivery_id, messages.c.account, messages.c.state, messages.c.reason
    )
    return list(connection.execute(rows).all())


def forget(connection: Connection, now: datetime) -> None:
    """Delete who came back long ago."""
    connection.execute(delete(opt_outs).where(opt_outs.c.is_out.is_(False), opt_outs.c.at < now - _REMEMBERED_FOR))


def clear(connection: Connection, to: str) -> int:
    """Forget what is on record of a number in every account; in how many they had left."""
    whose = opt_outs.c.recipient == hashes(connection).of(to)
    return connection.execute(delete(opt_outs).where(whose, opt_outs.c.is_out.is_(True))).rowcount


def hide(connection: Connection, recipients: Collection[str]) -> None:
    """Erase the numbers, by their hashes: the hashes stay, for without them these people would be texted again."""
    connection.execute(update(opt_outs).where(opt_outs.c.recipient.in_(recipients)).values(to=None))


def list_out(connection: Connection) -> list[Mapping[str, Any]]:
    """Who has left: to (None once it is erased), account, at; the latest first."""
    query = select(opt_outs.c.to, opt_outs.c.account, opt_outs.c.at).where(opt_outs.c.is_out.is_(True))
    return [row._asdict() for row in connection.execute(query.order_by(opt_outs.c.at.desc()))]


# With the accounts, which the key begins with.
_OUT = select(opt_outs.c.account, opt_outs.c.recipient).where(
    opt_outs.c.account.in_(bindparam("accounts", expanding=True)),
    opt_outs.c.recipient.in_(bindparam("whom", expanding=True)),
    opt_outs.c.is_out.is_(True),
)
_NOTE = {
    name: made.on_conflict_do_update(
        index_elements=["account", "recipient"],
        set_={"is_out": made.excluded.is_out, "at": made.excluded.at, "to": made.excluded.to},
        where=or_(
            made.excluded.at > opt_outs.c.at, and_(made.excluded.at == opt_outs.c.at, made.excluded.is_out.is_(True))
        ),
    ).returning(opt_outs.c.recipient)
    for name, made in inserts(opt_outs).items()
}
