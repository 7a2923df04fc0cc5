"""What an answer may be about: the texts to a person that left, and the answers of theirs that were passed on."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text

from bridge.answered import About
from bridge.events import Order
from bridge.sighting import Sighting, order_keys
from bridge.store import sightings
from bridge.store.days import days_until
from bridge.store.hashing import hashes
from bridge.store.tables import counts, messages, postings

#: An answer is about a text, or an earlier answer, that is no older.
ABOUT_FOR = timedelta(days=30)
# No message waits for longer than 31 days after it was made.
_MADE_WITHIN_DAYS = ABOUT_FOR.days + 32
# Nobody gets more in that time; of more the last ones are enough.
_MOST = 50


def take_turns(connection: Connection, phones: Collection[str]) -> None:
    """Have other workers wait, until the commit, that work in answers of these people: two answers that come at one
    moment must not open two tickets. To be called before anything else is locked."""
    if connection.dialect.name == "postgresql":
        of = hashes(connection).of
        # In one order, so that two workers do not wait for each other.
        for key in sorted(int(of(phone)[:15], 16) for phone in set(phones)):
            connection.execute(_LOCK, {"key": key})


def candidates(connection: Connection, account: str, phone: str, at: datetime) -> list[About]:
    """What an answer of this person, at this moment, to one of this account's texts may be about."""
    values = {
        "days": days_until(at, _MADE_WITHIN_DAYS),
        "whom": hashes(connection).of(phone),
        "of": account,
        "since": at - ABOUT_FOR,
        "most": _MOST,
    }
    texts = connection.execute(_TEXTS, values).all()
    known = _orders(connection, account, {row.order_id for row in texts if row.order_id})
    return [
        *(_about_text(row, known.get(row.order_id)) for row in texts),
        *(
            About(
                connection=row.connection,
                at=row.at,
                ticket=row.posted_on or row.ticket,
                message_id=row.message_id,
                is_answer=True,
            )
            for row in connection.execute(_ANSWERS, values)
        ),
    ]


def _about_text(row: Any, known: Sighting | None) -> About:
    return About(
        connection=row.connection,
        at=row.at,
        ticket=row.ticket,
        order_id=row.order_id,
        order_name=known.order.name if known else None,
        orders_at=known.connection if known else None,
        message_id=row.id,
    )


def _orders(connection: Connection, account: str, ids: Iterable[str]) -> dict[str, Sighting]:
    """What shops told of orders; not where two shops number theirs alike."""
    keys = {order_keys(Order(id=one))[0]: one for one in ids}
    found = sightings.find(connection, account, list(keys))
    return {keys[key]: one for key, one in found.items() if not one.is_shared}


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_LEFT_AT = func.coalesce(messages.c.sent_at, messages.c.claimed_at)
_SINCE = bindparam("since", type_=messages.c.due.type)
_TEXTS = (
    select(messages.c.id, messages.c.connection, messages.c.ticket, messages.c.order_id, _LEFT_AT.label("at"))
    .where(
        messages.c.day.in_(bindparam("days", expanding=True)),
        messages.c.recipient == bindparam("whom"),
        counts,
        messages.c.account == bindparam("of"),
        messages.c.state.in_(["sent", "sending", "unknown"]),
        _LEFT_AT >= _SINCE,
    )
    .order_by(_LEFT_AT.desc())
    .limit(bindparam("most"))
)
_WROTE_AT = postings.c.occurred_at
_ANSWERS = (
    select(postings.c.connection, postings.c.ticket, postings.c.posted_on, postings.c.message_id, _WROTE_AT.label("at"))
    .where(
        postings.c.recipient == bindparam("whom"),
        postings.c.account == bindparam("of"),
        postings.c.kind == "answer",
        # What failed is on no ticket.
        postings.c.state.in_(["queued", "posting", "posted"]),
        _WROTE_AT >= _SINCE,
    )
    .order_by(_WROTE_AT.desc())
    .limit(bindparam("most"))
)
