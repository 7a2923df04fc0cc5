"""All rows about a person, an order or a shop: found by keyed hash where there is one, else by opening and looking."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, or_, select, tuple_

from bridge import sources
from bridge.errors import BridgeError
from bridge.events import Delivery
from bridge.privacy.about import About, is_of_person, is_one_of, is_told_by
from bridge.settings import Settings
from bridge.sighting_json import from_json
from bridge.store.browsing import is_about
from bridge.store.database import Database
from bridge.store.hashing import hashes
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries, messages, postings, sightings

_OPENED = 200
_SHOP_HEADER = "x-shopify-shop-domain"
_PICTURE = re.compile(r"/media/(\w+)\.jpg$")


@dataclass(kw_only=True)
class Found:
    """What there is: ids, places of sightings (account, key), hashes of numbers, names of pictures.

    `unopened` counts the deliveries that no key opens, so that nobody can say whose they are.
    """

    deliveries: set[int] = field(default_factory=set)
    messages: set[int] = field(default_factory=set)
    postings: set[int] = field(default_factory=set)
    sightings: set[tuple[str, str]] = field(default_factory=set)
    recipients: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    unopened: int = 0


def find(database: Database, settings: Settings, about: About, connection: str | None = None) -> Found:
    """All that is kept about them, of one connection or of all. Reads everything there is, a small part at a time."""
    found = Found()
    named = set(about.orders)
    shops = set[str]()
    for row in _deliveries(database, connection, also_erased=about.shop is not None):
        shops.add(_shop_of(row))
        if is_unopened(row.body) and not about.shop:
            found.unopened += 1
        elif _is_theirs(row, about, settings):
            found.deliveries.add(row.id)
    # What is known of parcels does not say of which shop it is, where a connection has several.
    is_whole = about.shop is not None and shops <= {about.shop.lower(), ""}
    for place, sighting in _sightings(database):
        if connection not in (None, sighting.connection):
            continue
        is_theirs = is_of_person(sighting.customer, about) or is_one_of(sighting.order, about)
        if is_theirs or is_whole:
            found.sightings.add(place)
            # Under these a text is found whose webhook is erased already.
            named |= {one for one in (sighting.order.id,) if one and is_theirs}
    with database.read() as reading:
        recipient = hashes(reading).of(about.phone) if about.phone else None
    for message in _messages(database, connection, recipient, sorted(named), found.deliveries):
        found.messages.add(message.id)
        if message.recipient:
            found.recipients.add(message.recipient)
        if picture := _PICTURE.search(message.media_url or ""):
            found.pictures.add(picture[1])
    if recipient:
        found.recipients.add(recipient)
    found.postings = find_postings(database, found, connection, recipient, sorted(named))
    found.pictures -= _still_wanted(database, found)
    return found


def _is_theirs(row: Row[Any], about: About, settings: Settings) -> bool:
    if about.shop:
        return _shop_of(row) == about.shop.lower()
    return is_told_by(row.body, about) or (bool(about.orders) and _tells_of_order(row, about, settings))


def _tells_of_order(row: Row[Any], about: About, settings: Settings) -> bool:
    """Whether an event of the webhook is about one of the orders. The platform is not asked."""
    connection = settings.connections.get(row.connection)
    if connection is None:
        return False
    source = sources.find(connection.source)
    delivery = Delivery(
        id=row.id, connection=row.connection, headers=row.headers, body=row.body, received_at=row.received_at
    )
    try:
        parsed = source.parse(delivery) if not (source.ask and source.ask(delivery)) else ()
    except (BridgeError, ValueError, LookupError, TypeError, AttributeError):
        return False
    return isinstance(parsed, tuple) and any(is_one_of(event.order, about) for event in parsed)


def _shop_of(row: Row[Any]) -> str:
    return str(row.headers.get(_SHOP_HEADER, "")).lower()


def _deliveries(database: Database, connection: str | None, *, also_erased: bool) -> Iterator[Row[Any]]:
    columns = (deliveries.c.id, deliveries.c.connection, deliveries.c.headers, deliveries.c.body)
    query = select(*columns, deliveries.c.received_at).limit(_OPENED)
    if not also_erased:
        query = query.where(deliveries.c.erased_at.is_(None))
    if connection is not None:
        query = query.where(deliveries.c.connection == connection)
    yield from _walk(database, query.order_by(deliveries.c.id), deliveries.c.id)


def _messages(
    database: Database, connection: str | None, recipient: str | None, orders: Sequence[str], of: Collection[int]
) -> Iterator[Row[Any]]:
    """The texts to this number, about these orders, or made of these deliveries."""
    columns = (messages.c.id, messages.c.delivery_id, messages.c.recipient, messages.c.media_url)
    conditions = [is_about(messages, order) for order in orders]
    if recipient:
        conditions.append(messages.c.recipient == recipient)
    query = select(*columns).where(messages.c.erased_at.is_(None)).order_by(messages.c.id).limit(_OPENED)
    if connection is not None:
        query = query.where(messages.c.connection == connection)
    if conditions:
        yield from _walk(database, query.where(or_(*conditions)), messages.c.id)
    chosen = sorted(of)
    for start in range(0, len(chosen), _OPENED):
        made = query.limit(None).where(messages.c.delivery_id.in_(chosen[start : start + _OPENED]))
        with database.read() as reading:
            yield from list[Row[Any]](reading.execute(made))


def find_messages_of(database: Database, of: Collection[int]) -> set[int]:
    """The texts that were made of these deliveries."""
    return {row.id for row in _messages(database, None, None, (), of)}


def find_postings(
    database: Database, found: Found, connection: str | None, recipient: str | None, orders: Sequence[str]
) -> set[int]:
    """What was put on tickets and orders about these texts, by these webhooks, for this number, or on these orders."""
    ids = set[int]()
    for key, chosen in (
        (postings.c.message_id, sorted(found.messages)),
        (postings.c.delivery_id, sorted(found.deliveries)),
        (postings.c.recipient, [recipient] if recipient else []),
        (postings.c.order_id, orders),
    ):
        for start in range(0, len(chosen), _OPENED):
            query = select(postings.c.id).where(key.in_(chosen[start : start + _OPENED]))
            query = query.where(postings.c.erased_at.is_(None))
            if connection is not None and key.name in ("recipient", "order_id"):
                query = query.where(postings.c.connection == connection)
            with database.read() as reading:
                ids.update(reading.execute(query).scalars())
    return ids


def _walk(database: Database, query: Any, key: Any) -> Iterator[Row[Any]]:
    """The rows of a query that begins at an id and has a limit, batch by batch."""
    last = 0
    while True:
        with database.read() as reading:
            rows = reading.execute(query.where(key > last)).all()
        if not rows:
            return
        last = rows[-1].id
        yield from rows


def _sightings(database: Database) -> Iterator[tuple[tuple[str, str], Any]]:
    place = (sightings.c.account, sightings.c.key)
    query = select(*place, sightings.c.identity, sightings.c.known).order_by(*place).limit(_OPENED)
    last: tuple[str, str] = ("", "")
    while True:
        with database.read() as reading:
            rows = reading.execute(query.where(tuple_(*place) > tuple_(*last))).all()
        if not rows:
            return
        last = (rows[-1].account, rows[-1].key)
        for row in rows:
            if not is_unopened(row.known):
                known = from_json(row.known, account=row.account, key=row.key, identity=row.identity)
                yield (row.account, row.key), known


def _still_wanted(database: Database, found: Found) -> set[str]:
    """Those of the pictures that texts of others wait to leave with."""
    if not found.pictures:
        return set()
    waiting = select(messages.c.id, messages.c.media_url).where(
        messages.c.state.in_(("queued", "sending", "held")), messages.c.media_url.is_not(None)
    )
    with database.read() as reading:
        rows = [row for row in reading.execute(waiting) if row.id not in found.messages]
    return {picture[1] for row in rows if (picture := _PICTURE.search(row.media_url))}


def of_connection(settings: Settings, connection: str | None) -> set[str] | None:
    """The accounts that are concerned; None for all."""
    if connection is None:
        return None
    known = settings.connections.get(connection)
    callers = {caller.account for caller in settings.callers if caller.name == connection}
    return {known.account} if known else callers
