"""Old rows brought up to date: sealed with the newest key while all runs, hashed with a new secret while none does."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, func, insert, select, tuple_, type_coerce, update
from sqlalchemy.types import LargeBinary

from bridge.store import account_health, hashing, tables
from bridge.store.database import Database
from bridge.store.hashing import Hashes, hashes, on_top
from bridge.store.sealed import Sealed, is_unopened, keys_of

# So many rows are looked at without a lock, and so many are written at once: others wait for that.
_LOOKED_AT = 1000
_WRITTEN = {tables.pictures.name: 5}
_WRITTEN_OF_OTHERS = 100
# More than what tells the key of a sealed value.
_HEAD = 16


@dataclass(frozen=True, kw_only=True)
class Resealed:
    """What a batch came to: rows that are sealed with the newest key now, and those that no key opens."""

    table: str
    rows: int = 0
    unopened: int = 0


def reseal(database: Database) -> Iterator[Resealed]:
    """Seal what is not sealed with the newest key, a small batch at a time; what each came to."""
    for table in tables.metadata.sorted_tables:
        sealed = [column for column in table.c if isinstance(column.type, Sealed)]
        if sealed:
            yield from _reseal_table(database, table, sealed)


def _reseal_table(database: Database, table: Table, sealed: Sequence[Column[Any]]) -> Iterator[Resealed]:
    key = list(table.primary_key.columns)
    heads = [_head(column).label(f"head_{column.name}") for column in sealed]
    keys = keys_of(database.engine.dialect)
    query = select(*key, *heads).order_by(*key).limit(_LOOKED_AT)
    last: Sequence[Any] | None = None
    while True:
        with database.read() as connection:
            found = connection.execute(query.where(tuple_(*key) > tuple_(*last)) if last else query).all()
        if not found:
            return
        last = found[-1][: len(key)]
        old = [row[: len(key)] for row in found if not all(keys.is_current(bytes(h or b"")) for h in row[len(key) :])]
        at_once = _WRITTEN.get(table.name, _WRITTEN_OF_OTHERS)
        for start in range(0, len(old), at_once):
            with database.write() as connection:
                # As every turn of a worker begins: nobody waits for the other's rows crosswise.
                account_health.read(connection)
                batch = _reseal_rows(connection, table, sealed, old[start : start + at_once])
            yield batch


def _reseal_rows(
    connection: Connection, table: Table, sealed: Sequence[Column[Any]], chosen: Sequence[Sequence[Any]]
) -> Resealed:
    key = list(table.primary_key.columns)
    # Each by itself: SQLite would look for the tuples in the whole table.
    ours = [column == bindparam(f"this_{column.name}") for column in key]
    find = select(*sealed).where(*ours).with_for_update()
    done = unopened = 0
    for values in chosen:
        this = {f"this_{column.name}": value for column, value in zip(key, values, strict=True)}
        row = connection.execute(find, this).first()
        if row is None:
            continue
        if is_unopened(*row):
            unopened += 1
            continue
        connection.execute(update(table).where(*ours).values(dict(zip(sealed, row, strict=True))), this)
        done += 1
    return Resealed(table=table.name, rows=done, unopened=unopened)


def _head(column: Column[Any]) -> Any:
    raw = type_coerce(column, LargeBinary)
    return type_coerce(func.substr(raw, 1, _HEAD), LargeBinary)


def rehash(connection: Connection) -> int:
    """Key all hashes with one more secret, in one transaction; of how many rows. No other process may run meanwhile."""
    secret = os.urandom(32)
    number = len(hashes(connection).secrets) + 1
    connection.execute(insert(tables.hash_secrets).values(number=number, secret=secret))
    hashing.forget(connection)
    return (
        _rehash_messages(connection, secret)
        + _rehash_postings(connection, secret)
        + _rehash_keys(connection, tables.people.c.account, tables.people.c.recipient, secret)
        + _rehash_keys(connection, tables.opt_outs.c.account, tables.opt_outs.c.recipient, secret)
        + _rehash_keys(connection, tables.sightings.c.account, tables.sightings.c.key, secret)
    )


def _rehash_messages(connection: Connection, secret: bytes) -> int:
    messages = tables.messages
    columns = (messages.c.id, messages.c.recipient, messages.c.once)
    new = Hashes(secrets=(secret,))
    last = count = 0
    while True:
        query = select(*columns).where(messages.c.id > last).order_by(messages.c.id).limit(_LOOKED_AT)
        found = connection.execute(query).all()
        if not found:
            return count
        last, count = found[-1].id, count + len(found)
        rows = [
            {
                "this": row.id,
                "recipient": on_top(row.recipient, new.secrets) if row.recipient else None,
                "once": new.once_on_top(row.once) if row.once else None,
            }
            for row in found
        ]
        connection.execute(update(messages).where(messages.c.id == bindparam("this")), rows)


def _rehash_postings(connection: Connection, secret: bytes) -> int:
    postings = tables.postings
    names = ("once", "recipient", "text_hash")
    found = connection.execute(select(postings.c.id, *(postings.c[name] for name in names))).all()
    rows = [
        {"this": row.id} | {name: on_top(old, (secret,)) if (old := getattr(row, name)) else None for name in names}
        for row in found
    ]
    if rows:
        connection.execute(update(postings).where(postings.c.id == bindparam("this")), rows)
    return len(rows)


def _rehash_keys(connection: Connection, account: Column[str], key: Column[str], secret: bytes) -> int:
    old = connection.execute(select(account, key)).all()
    rows = [{"of": of, "old": made, key.name: on_top(made, (secret,))} for of, made in old]
    if rows:
        connection.execute(update(key.table).where(account == bindparam("of"), key == bindparam("old")), rows)
    return len(rows)
