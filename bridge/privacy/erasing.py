"""ERASE: all that is kept of a person, an order or a shop, in small batches while everything runs."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select

from bridge.privacy import finding
from bridge.privacy.about import About
from bridge.settings import Settings
from bridge.store import account_health, deeds, erasing
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages, postings
from bridge.wording import counted

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Erased:
    """How many rows were erased. `withdrawn` texts will not be sent; `busy` rows are under way, and must wait."""

    deliveries: int = 0
    messages: int = 0
    withdrawn: int = 0
    postings: int = 0
    sightings: int = 0
    people: int = 0
    pictures: int = 0
    busy: int = 0
    unopened: int = 0

    @property
    def is_any(self) -> bool:
        """Whether anything was erased."""
        return any((self.deliveries, self.messages, self.postings, self.sightings, self.people, self.pictures))

    @property
    def words(self) -> str:
        """In a line, without saying whose."""
        parts = [
            counted(self.deliveries, "webhook"),
            f"{counted(self.messages, 'text')} ({self.withdrawn} not sent)",
            counted(self.postings, "note or answer", "notes and answers"),
            counted(self.sightings, "order or parcel", "orders and parcels"),
            counted(self.people, "record of refusals", "records of refusals"),
            counted(self.pictures, "picture"),
        ]
        return ", ".join(parts)


def plan(database: Database, settings: Settings, about: About, connection: str | None) -> Erased:
    """What `erase` would erase."""
    found = finding.find(database, settings, about, connection)
    return Erased(
        deliveries=len(found.deliveries),
        messages=len(found.messages),
        postings=len(found.postings),
        sightings=len(found.sightings),
        pictures=len(found.pictures),
        unopened=found.unopened,
    )


def erase(
    database: Database, settings: Settings, about: About, connection: str | None, *, now: datetime, who: str
) -> Erased:
    """Erase all that is kept about them, and note on the audit list how much, if anything. Once more changes nothing.

    First the deliveries: no new text is made of them then.
    """
    found = finding.find(database, settings, about, connection)
    emptied = texts = withdrawn = known = 0
    for ids in _batches(found.deliveries):
        with database.write() as writing:
            account_health.read(writing)
            emptied += erasing.deliveries_of(writing, ids, now)
    # What was being processed may have made a text meanwhile.
    found.messages |= finding.find_messages_of(database, found.deliveries)
    for ids in _batches(found.messages):
        with database.write() as writing:
            account_health.read(writing)
            count, stopped = erasing.messages_of(writing, ids, now)
            texts, withdrawn = texts + count, withdrawn + stopped
    found.postings |= finding.find_postings(database, found, connection, None, ())
    posted = 0
    for ids in _batches(found.postings):
        with database.write() as writing:
            account_health.read(writing)
            posted += erasing.postings_of(writing, ids, now)
    for places in _batches(found.sightings):
        with database.write() as writing:
            account_health.read(writing)
            known += erasing.sightings_of(writing, places)
    busy = _busy(database, found)
    with database.write() as writing:
        account_health.read(writing)
        accounts = finding.of_connection(settings, connection)
        people = erasing.people_of(writing, found.recipients, accounts) if found.recipients else 0
        pictures = erasing.pictures_of(writing, found.pictures) if found.pictures else 0
        done = Erased(
            deliveries=emptied, messages=texts, withdrawn=withdrawn, postings=posted, sightings=known,
            people=people, pictures=pictures, busy=busy, unopened=found.unopened,
        )  # fmt: skip
        if done.is_any:
            deeds.told(writing, "erase", about.words, who=who, now=now, how_much=done.words)
    database.clear_journal()
    return done


def _busy(database: Database, found: finding.Found) -> int:
    """How many of the rows somebody is working on."""
    count = 0
    with database.read() as reading:
        for ids in _batches(found.deliveries):
            held = select(deliveries.c.id).where(deliveries.c.id.in_(ids), deliveries.c.erased_at.is_(None))
            count += len(reading.execute(held).all())
        for ids in _batches(found.messages):
            held = select(messages.c.id).where(messages.c.id.in_(ids), messages.c.erased_at.is_(None))
            count += len(reading.execute(held).all())
        for ids in _batches(found.postings):
            under_way = select(postings.c.id).where(postings.c.id.in_(ids), postings.c.erased_at.is_(None))
            count += len(reading.execute(under_way).all())
    return count


def _batches(items: Collection[_Item]) -> Iterator[Sequence[_Item]]:
    ordered = sorted(items)  # type: ignore[type-var]  # ids and pairs of words
    for start in range(0, len(ordered), erasing.AT_ONCE):
        yield ordered[start : start + erasing.AT_ONCE]
