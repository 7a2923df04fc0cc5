"""People whom Attentive refuses: how often in a row, and until when they are not tried again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, null, or_, select, tuple_, update

from bridge.store.days import days_until
from bridge.store.sealed import search_hash
from bridge.store.tables import inserts, is_queued, messages, people

#: A person whose texts are refused so often in a row is not tried for a while.
UNREACHABLE_AFTER = 3
UNREACHABLE_FOR = timedelta(hours=24)
#: Refusals further apart are no row.
_FORGOTTEN_AFTER = timedelta(days=7)
#: No message waits for longer: the longest time to live.
_LONGEST_WAIT_DAYS = 31

#: An account's name and a phone number as E.164.
Person = tuple[str, str]


def unreachable(connection: Connection, recipients: Collection[str], now: datetime) -> set[tuple[str, str]]:
    """Those of the `recipients` (hashes of their numbers) that are not to be tried now, with the account."""
    if not recipients:
        return set()
    rows = connection.execute(_UNREACHABLE, {"whom": list(recipients), "at": now})
    return {(row.account, row.recipient) for row in rows}


def refused(connection: Connection, whom: Sequence[Person], now: datetime) -> list[Person]:
    """Note a refusal for each; those who are unreachable from now on."""
    if not whom:
        return []
    rows = [
        {"account": account, "recipient": search_hash(to), "to": to, "refusals": 1, "refused_at": now}
        for account, to in whom
    ]
    # One by one: the same person may stand here twice.
    for row in rows:
        connection.execute(_REFUSED[connection.dialect.name], {**row, "stale": now - _FORGOTTEN_AFTER})
    marked = connection.execute(
        update(people)
        .where(
            tuple_(people.c.account, people.c.recipient).in_([(row["account"], row["recipient"]) for row in rows]),
            people.c.refusals >= UNREACHABLE_AFTER,
            or_(people.c.unreachable_until.is_(None), people.c.unreachable_until <= now),
        )
        .values(unreachable_until=now + UNREACHABLE_FOR)
        .returning(people.c.account, people.c.to)
    )
    return [(row.account, row.to) for row in marked]


def skip_waiting(connection: Connection, person: Person, now: datetime) -> int:
    """Skip what waits for a person who has just become unreachable, but for what somebody let go; how many."""
    account, to = person
    waiting = (
        is_queued,
        messages.c.day.in_(days_until(now, _LONGEST_WAIT_DAYS)),
        messages.c.recipient == search_hash(to),
        messages.c.account == account,
        messages.c.released.is_(False),
        messages.c.unknown_since.is_(None),
    )
    skipped = update(messages).where(*waiting)
    return connection.execute(
        skipped.values(state="skipped", reason="unreachable", detail=None, waiting_for=None, once=None)
    ).rowcount


def reached(connection: Connection, whom: Collection[Person]) -> None:
    """Forget the refusals of people who have just taken a text."""
    if not whom:
        return
    # The table is nearly empty, so that nearly every turn ends with this look.
    known = connection.execute(_KNOWN, {"whom": [search_hash(to) for _, to in whom]}).all()
    for row in known:
        if (row.account, row.to) in whom:
            connection.execute(
                delete(people).where(people.c.account == row.account, people.c.recipient == row.recipient)
            )


def clear(connection: Connection, to: str) -> int:
    """Forget the refusals of a number in every account; in how many there were some."""
    return connection.execute(delete(people).where(people.c.recipient == search_hash(to))).rowcount


def list_unreachable(connection: Connection, now: datetime) -> list[Mapping[str, Any]]:
    """Who is not tried at present: to, account, refusals, refused_at, unreachable_until; the latest first."""
    columns = (people.c.to, people.c.account, people.c.refusals, people.c.refused_at, people.c.unreachable_until)
    query = select(*columns).where(people.c.unreachable_until > now).order_by(people.c.refused_at.desc())
    return [row._asdict() for row in connection.execute(query)]


_WHOM = people.c.recipient.in_(bindparam("whom", expanding=True))
_UNREACHABLE = select(people.c.account, people.c.recipient).where(_WHOM, people.c.unreachable_until > bindparam("at"))
_KNOWN = select(people.c.account, people.c.recipient, people.c.to).where(_WHOM)
_REFUSED = {
    name: made.on_conflict_do_update(
        index_elements=["account", "recipient"],
        set_={
            "refusals": case((people.c.refused_at < bindparam("stale"), 1), else_=people.c.refusals + 1),
            "refused_at": made.excluded.refused_at,
            # One whose time is over starts anew.
            "unreachable_until": case(
                (people.c.unreachable_until > made.excluded.refused_at, people.c.unreachable_until), else_=null()
            ),
        },
    )
    for name, made in inserts(people).items()
}
