"""INBOX: deliveries stored durably before they are acknowledged."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import Any

from bridge.errors import RowRefused
from bridge.events import Delivery
from bridge.store.database import Database
from bridge.store.group_commit import GroupCommit
from bridge.store.inbox_statements import InboxStatements

#: A delivery known only by a hash of its body may come again after this time and is then a new one.
BODY_KEY_GOOD_FOR = timedelta(hours=24)

# No sender's id begins like this: what nobody vouches for must not make a genuine webhook known.
_UNVERIFIED = "unverified:"

# The column's length, less what an old body key is given to retire.
_LONGEST_KEY = 250


@dataclass(frozen=True, kw_only=True)
class _Arrival:
    """A delivery's row on its way to the disk, as the driver takes it: by column, and in the order of the insert.

    `is_lasting` says that its key is good for as long as the row is kept.
    """

    values: Mapping[str, Any]
    in_order: Sequence[Any]
    is_lasting: bool


class Inbox:
    """Stores deliveries in one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._statements = InboxStatements(database.engine.dialect)
        # Always in the order of their keys: two processes with the same keys would else wait for each other's.
        self._commits = GroupCommit(database, self._store, order=lambda arrival: str(arrival.values["key"]))

    def add(
        self,
        delivery: Delivery,
        *,
        key: str | None,
        signed_bytes: bytes | None,
        headers: Mapping[str, str],
        secret: str | None = None,
        good_for: timedelta | None = None,
    ) -> bool:
        """Store a delivery durably; True if it is new, False if it is known.

        `key` is the sender's id, `signed_bytes` what the signature covers where it does not cover the id,
        `headers` those to keep, `secret` the fingerprint of the one that proves it. After `good_for` the same key is
        a new delivery's. Raises StoreUnavailable.
        """
        by_id = key is not None
        signed_hash = hashlib.sha256(signed_bytes).hexdigest() if by_id and signed_bytes is not None else None
        if not by_id:
            good_for = BODY_KEY_GOOD_FOR
        stored_as = _storable(key) if key is not None else "body-sha256:" + hashlib.sha256(delivery.body).hexdigest()
        proof = {"signed_hash": signed_hash, "secret": secret}
        return self._add(delivery, stored_as, proof, headers, good_for=good_for)

    def add_unverified(self, delivery: Delivery, *, cause: str, headers: Mapping[str, str]) -> bool:
        """Store a delivery that would be refused for `cause`; True if it is new. Raises StoreUnavailable.

        It never has a key that a genuine one could have.
        """
        key = _UNVERIFIED + hashlib.sha256(delivery.body).hexdigest()
        return self._add(replace(delivery, unverified=cause), key, {}, headers, good_for=BODY_KEY_GOOD_FOR)

    def _add(
        self,
        delivery: Delivery,
        key: str,
        proof: Mapping[str, str | None],
        headers: Mapping[str, str],
        *,
        good_for: timedelta | None,
    ) -> bool:
        row = {
            "connection": delivery.connection,
            "key": key,
            "signed_hash": proof.get("signed_hash"),
            "secret": proof.get("secret"),
            "headers": dict(headers),
            "body": delivery.body,
            "received_at": delivery.received_at,
            "unverified": delivery.unverified,
            # Of a key that is good for ever nothing is retired.
            "outdated": delivery.received_at - (BODY_KEY_GOOD_FOR if good_for is None else good_for),
        }
        try:
            # Here and not where the rows are stored: there every other thread would wait for it.
            values = self._statements.converted(row)
        except ValueError as error:
            raise RowRefused(type(error).__name__) from error
        in_order = [values[name] for name in self._statements.places]
        return self._commits.add(_Arrival(values=values, in_order=in_order, is_lasting=good_for is None))

    def _store(self, cursor: Any, arrivals: Sequence[_Arrival]) -> list[bool]:
        """Insert these rows with one statement; of each whether it is new."""
        ids = self._insert(cursor, arrivals)
        if len(ids) == len(arrivals):
            return [True] * len(arrivals)
        new = set(ids)
        return [self._is_among(new, cursor, arrival) or self._is_new_again(cursor, arrival) for arrival in arrivals]

    def _insert(self, cursor: Any, arrivals: Sequence[_Arrival]) -> Sequence[int]:
        """Insert what is not known; the ids of it."""
        statement = self._statements.insert(len(arrivals))
        cursor.execute(statement.text, [*chain.from_iterable(arrival.in_order for arrival in arrivals)])
        return self._statements.inserted_ids(cursor)

    def _is_among(self, new: set[int], cursor: Any, arrival: _Arrival) -> bool:
        """Whether this is the arrival that was inserted under its key; another of the batch may have the same key."""
        find = self._statements.find
        cursor.execute(find.text, find.parameters(arrival.values))
        found = {row[0] for row in cursor.fetchall()} & new
        new -= found
        return bool(found)

    def _is_new_again(self, cursor: Any, arrival: _Arrival) -> bool:
        """Insert a known delivery once more if the other was long ago.

        A body's hash says "the same webhook again" only for a day; after that the older row gives the key up.
        """
        if arrival.is_lasting:
            return False
        retire = self._statements.retire
        cursor.execute(retire.text, retire.parameters(arrival.values))
        return cursor.rowcount == 1 and len(self._insert(cursor, [arrival])) == 1


def _storable(key: str) -> str:
    """The sender's id as it is if every database can hold it, else its hash: a genuine webhook is never refused."""
    if len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() and not key.startswith(_UNVERIFIED):
        return key
    return "id-sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
