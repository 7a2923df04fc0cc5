"""People whom Attentive refuses: how often in a row, and until when they are not tried again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, null, or_, select, tuple_, update

from bridge.store.days import days_until
from bridge.store.hashing import hashes
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


def unreachable(connection: Connection, whom: Collection[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
    """Those of `whom` (account, hash of the number) that are not to be tried now."""
    if not whom:
        return set()
    rows = connection.execute(_UNREACHABLE, {**_columns(whom), "at": now})
    return {(row.account, row.recipient) for row in rows}


def refused(connection: Connection, whom: Sequence[Person], now: datetime) -> list[Person]:
    """Note a refusal for each; those who are unreachable from now on."""
    if not whom:
        return []
    hash_of = hashes(connection).of
    rows = [
        {"account": account, "recipient": hash_of(to), "to": to, "refusals": 1, "refused_at": now}
        for account, to in whom
    ]
    # One by one: the same person may stand here twice.
    for row in rows:
        connection.execute(_REFUSED[connection.dialect.name], {**row, "stale": now - _FORGOTTEN_AFTER})
    whose = [(row["account"], row["recipient"]) for row in rows]
    marked = connection.execute(
        update(people)
        .where(
            # SQLite would look for the pairs in the whole table.
            people.c.account.in_({account for account, _ in whose}),
            people.c.recipient.in_({recipient for _, recipient in whose}),
            tuple_(people.c.account, people.c.recipient).in_(whose),
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
        messages.c.recipient == hashes(connection).of(to),
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
    # Few of those who take a text have refused one, so that nearly every turn ends with this look.
    hash_of = hashes(connection).of
    wanted = {(account, hash_of(to)) for account, to in whom}
    for row in connection.execute(_KNOWN, _columns(wanted)).all():
        if (row.account, row.recipient) in wanted:
            connection.execute(
                delete(people).where(people.c.account == row.account, people.c.recipient == row.recipient)
            )


def forget(connection: Connection, now: datetime) -> None:
    """Delete what is on record of people whose refusals are too old to count."""
    connection.execute(_FORGET, {"stale": now - _FORGOTTEN_AFTER})


def clear(connection: Connection, to: str) -> int:
    """Forget the refusals of a number in every account; in how many there were some."""
    return connection.execute(delete(people).where(people.c.recipient == hashes(connection).of(to))).rowcount


def list_unreachable(connection: Connection, now: datetime) -> list[Mapping[str, Any]]:
    """Who is not tried at present: to, account, refusals, refused_at, unreachable_until; the latest first."""
    columns = (people.c.to, people.c.account, people.c.refusals, people.c.refused_at, people.c.unreachable_until)
    query = select(*columns).where(people.c.unreachable_until > now).order_by(people.c.refused_at.desc())
    return [row._asdict() for row in connection.execute(query)]


def _columns(whom: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    return {"accounts": sorted({account for account, _ in whom}), "whom": [recipient for _, recipient in whom]}


# With the accounts, which the key begins with: without them each turn would go through all who were ever refused.
_WHOM = and_(
    people.c.account.in_(bindparam("accounts", expanding=True)),
    people.c.recipient.in_(bindparam("whom", expanding=True)),
)
_UNREACHABLE = select(people.c.account, people.c.recipient).where(_WHOM, people.c.unreachable_until > bindparam("at"))
_KNOWN = select(people.c.account, people.c.recipient).where(_WHOM)
_FORGET = delete(people).where(people.c.refused_at < bindparam("stale", type_=people.c.refused_at.type))
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
