"""Parcels and orders that shops told of, and whose they are: found, kept, forgotten. The keys are hashed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy import func as sql

from bridge.sighting import Find, Sighting
from bridge.sighting_json import from_json, to_json
from bridge.store.database import Database
from bridge.store.hashing import hashes
from bridge.store.sealed import is_unopened
from bridge.store.tables import inserts, sightings

# So many in one turn: whoever waits for it waits no longer for that.
_FORGOTTEN_AT_ONCE = 2000

#: An account's name and a key, such as `order_name:4182`.
Place = tuple[str, str]


def finder(database: Database) -> Find:
    """Finds what is known, from any thread. What it gives raises StoreUnavailable."""

    def find_now(account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
        with database.read() as connection:
            return find(connection, account, keys)

    return find_now


def find(connection: Connection, account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
    """What is known in an account under these keys, by key."""
    if not keys:
        return {}
    hash_of = hashes(connection).of
    by_hash = {hash_of(key): key for key in keys}
    rows = connection.execute(_FIND, {"account": account, "keys": sorted(by_hash)})
    return {
        by_hash[row.key]: from_json(row.known, account=account, key=by_hash[row.key], identity=row.identity)
        for row in rows
        if not is_unopened(row.known)
    }


def read(connection: Connection, places: Iterable[Place]) -> dict[Place, Sighting]:
    """What is known at these places."""
    by_account: dict[str, set[str]] = defaultdict(set)
    for account, key in places:
        by_account[account].add(key)
    return {
        (account, key): sighting
        for account, keys in by_account.items()
        for key, sighting in find(connection, account, keys).items()
    }


def write(connection: Connection, new: Collection[Sighting], now: datetime) -> None:
    """Keep what is known now. An identity that is there stays: messages have been made under it."""
    if new:
        hash_of = hashes(connection).of
        rows = [
            {
                "account": sighting.account,
                "key": hash_of(sighting.key),
                "identity": sighting.identity,
                "known": to_json(sighting),
                "seen_at": now,
            }
            for sighting in new
        ]
        # In one order, so that two workers do not wait for each other's.
        rows.sort(key=lambda row: (row["account"], row["key"]))
        connection.execute(_WRITE[connection.dialect.name], rows)


def forget(connection: Connection, now: datetime, days: int) -> int:
    """Delete some of those that nobody has told of for so many days; how many."""
    old = select(sightings.c.account, sightings.c.key).where(sightings.c.seen_at < now - timedelta(days=days))
    rows = connection.execute(old.order_by(sightings.c.seen_at).limit(_FORGOTTEN_AT_ONCE)).all()
    if rows:
        connection.execute(_FORGET, [{"this_account": row.account, "this_key": row.key} for row in rows])
    return len(rows)


_FIND = select(sightings.c.key, sightings.c.identity, sightings.c.known).where(
    sightings.c.account == bindparam("account"), sightings.c.key.in_(bindparam("keys", expanding=True))
)
_FORGET = delete(sightings).where(
    sightings.c.account == bindparam("this_account"), sightings.c.key == bindparam("this_key")
)
_WRITE = {
    name: made.on_conflict_do_update(
        index_elements=["account", "key"],
        set_={
            "identity": sql.coalesce(sightings.c.identity, made.excluded.identity),
            "known": made.excluded.known,
            "seen_at": made.excluded.seen_at,
        },
    )
    for name, made in inserts(sightings).items()
}
