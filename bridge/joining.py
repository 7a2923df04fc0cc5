"""JOIN: whose parcel a carrier tells of, by what shops told before; and one identity for all who tell of a parcel.

What is made of an event is unique by its identity, so a shop and a carrier that tell of one parcel text its person
once: the parcel bears the identity of who told of it first, and everybody else takes that over. Two workers that have
the two at the same moment find out when they write it down, in turn: the second one's delivery is processed again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.errors import ShipmentAwaited
from bridge.events import Customer, Delivery, Event, Order, Shipment
from bridge.messages import Processed
from bridge.reasons import Reason
from bridge.route import Route
from bridge.sighting import (
    Sighting,
    are_different,
    are_one_person,
    are_two_people,
    is_only_ones,
    order_keys,
    parcel_key,
)
from bridge.sources._people import fill
from bridge.sources._reading import identity_of
from bridge.store import sightings
from bridge.store.database import Database

#: What happens to a parcel. A second attempt to deliver is told as one by shops, too.
_OF_A_PARCEL = frozenset({"order.shipped", "order.out_for_delivery", "order.delivered", "order.delivery_failed"})
#: How long a carrier's webhook waits for the shop's that tells whose the parcel is.
_AWAITED_FOR = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Joined:
    """An event under the identity of its parcel, and with its person where a carrier tells it.

    `reason` says why nobody is known to text. `is_first` says that nobody told of the parcel before.
    """

    event: Event
    reason: Reason | None = None
    is_first: bool = False


def remembering(routes: Mapping[str, Route], database: Database, *, days: int) -> dict[str, Route]:
    """The routes with what was told before, as far as it is kept at all."""
    find = sightings.finder(database) if days else None
    return {name: replace(route, find=find) for name, route in routes.items()}


def in_hindsight(routes: Mapping[str, Route], database: Database, *, days: int) -> dict[str, Route]:
    """The same for webhooks of the past, which wait for nobody."""
    return {
        name: replace(route, awaits_shops=False) for name, route in remembering(routes, database, days=days).items()
    }


def join(event: Event, route: Route) -> Joined:
    """The event with what was told before of its parcel. Raises StoreUnavailable."""
    key = parcel_key(event.shipment) if event.kind in _OF_A_PARCEL else None
    if key and (route.source.joins or not _parcel_identity(event)):
        # A shop tells each order that it sends in one box; a carrier does not know of them.
        order = () if route.source.joins else order_keys(event.order)[:1]
        event = _told_as(event, ":".join((key.replace("tracking:", "parcel:"), *map(_short, order))))
    if route.source.joins:
        return _with_person(event, key, route)
    if key is None or route.find is None:
        return Joined(event=event)
    known = route.find(route.account.name, [key]).get(key)
    return Joined(event=_as_first_told(event, known) if known else event, is_first=known is None)


def wait_for_shop(joined: Joined, route: Route, delivery: Delivery, now: datetime) -> None:
    """Raises ShipmentAwaited while a shop may still tell whose parcel it is: carriers are sometimes faster."""
    if joined.reason and route.find and route.awaits_shops and now - delivery.received_at < _AWAITED_FOR:
        raise ShipmentAwaited(joined.reason.sentence)


def told(joined: Joined, event: Event, route: Route, delivery: Delivery) -> tuple[Sighting, ...]:
    """What there is to remember of an event; `event` is the joined one, or what a look-up made of it.

    Nothing of a webhook that could not be verified. Carriers tell of the parcel only, and only if they are the first.
    """
    if route.find is None or delivery.unverified is not None or not event.kind.startswith("order."):
        return ()
    key = parcel_key(event.shipment) if event.kind in _OF_A_PARCEL else None
    order = replace(event.order, line_items=(), cancel_reason=None, refund_amount=None)
    known = Sighting(
        account=route.account.name, key="", connection=event.connection, customer=event.customer, order=order
    )
    parcel = replace(
        known, key=key or "", identity=_parcel_identity(event), shipment=replace(event.shipment, status=None)
    )
    if route.source.joins:
        return (parcel,) if key and joined.is_first and joined.reason is None else ()
    customer = event.customer
    is_somebody = bool(customer.phone or customer.phones or customer.email)
    orders = (replace(known, key=one) for one in order_keys(order)) if is_somebody else ()
    return (*([parcel] if key else []), *orders)


def keep(connection: Connection, results: Sequence[tuple[Delivery, Processed]], now: datetime) -> set[int | None]:
    """Remember what processed deliveries tell; the ids of those to process again.

    They made their messages under an identity of their own, while another worker wrote down another one for the parcel.
    """
    seen = [sighting for _, result in results for sighting in result.sightings]
    if not seen:
        return set()
    known = sightings.read(connection, {(one.account, one.key) for one in seen})
    changed: dict[sightings.Place, Sighting] = {}
    overtaken: set[int | None] = set()
    for delivery, result in results:
        if any(_is_overtaken(one, known.get((one.account, one.key))) for one in result.sightings):
            overtaken.add(delivery.id)
            continue
        for one in result.sightings:
            place = (one.account, one.key)
            merged = meet(known[place], one) if place in known else one
            if merged != known.get(place):
                known[place] = changed[place] = merged
    sightings.write(connection, list(changed.values()), now)
    return overtaken


def meet(known: Sighting, new: Sighting) -> Sighting:
    """What is known after `new`: what one shop tells later of the same counts more, and nothing known is lost.

    Two people under one key make it nobody's.
    """
    if known.is_shared:
        return known
    is_parcel = new.key.startswith("tracking:")
    if known.connection == new.connection and not are_different(known.order, new.order):
        first, second = new, known
    # Two shops both have an order 1001; a tracking number is the same parcel's, unless people differ.
    elif not (is_parcel or are_one_person(known.customer, new.customer)) or are_two_people(
        known.customer, new.customer
    ):
        return replace(known, customer=Customer(), order=Order(), shipment=Shipment(), is_shared=True)
    else:
        first, second = known, new
    return replace(
        known,
        identity=known.identity or new.identity,
        customer=fill(first.customer, second.customer),
        order=fill(first.order, second.order),
        shipment=fill(first.shipment, second.shipment),
    )


def _is_overtaken(new: Sighting, known: Sighting | None) -> bool:
    if known is None or new.identity is None or known.identity in (None, new.identity):
        return False
    return known.connection != new.connection


def _with_person(event: Event, key: str | None, route: Route) -> Joined:
    """A carrier's event with the person, the order and what it lacks of the parcel, where a shop told of them."""
    keys = (*([key] if key else []), *order_keys(event.order))
    found = dict(route.find(route.account.name, keys)) if route.find else {}
    parcel = found.pop(key, None) if key else None
    if parcel and parcel.identity:
        event = _told_as(event, parcel.identity)
    about = [one for one in (parcel, *map(found.get, order_keys(event.order))) if one and _is_about(one, event)]
    usable = [one for one in about if _is_sure(one, parcel, event, route)]
    if usable and not usable[-1].customer.phones and route.find:
        # A parcel is often told of without its person, whom the order names.
        more = [name for name in order_keys(usable[0].order) if name not in keys]
        orders = route.find(route.account.name, more).values()
        usable += [one for one in orders if _is_about(one, event) and _is_sure(one, parcel, event, route)]
    if not usable:
        has_phone = event.customer.phone or event.customer.phones
        unsure = "More than one person's order has this number." if parcel or found else ""
        unsure = "More than one shop may have an order of this number." if about else unsure
        return Joined(
            event=event,
            reason=None if has_phone else Reason(code="shipment_unknown", detail=unsure),
            is_first=parcel is None,
        )
    return Joined(event=_filled(event, usable), is_first=parcel is None)


def _is_about(known: Sighting, event: Event) -> bool:
    return not known.is_shared and not are_two_people(known.customer, event.customer)


def _is_sure(known: Sighting, parcel: Sighting | None, event: Event, route: Route) -> bool:
    """Whether an order is the one that is meant, and not one that another shop of the account numbers alike.

    It may have told of its own before the bridge was there, or tell of it later.
    """
    if not route.has_many_shops or known.key.startswith("tracking:"):
        return True
    if parcel and parcel.connection == known.connection:
        return True
    return is_only_ones(known.key) or are_one_person(known.customer, event.customer)


def _filled(event: Event, known: Sequence[Sighting]) -> Event:
    """The event with the shop's words for the person and the order, and the carrier's for the parcel."""
    customer, order, shipment = known[0].customer, known[0].order, event.shipment
    for one in known[1:]:
        # The numbers of who told first: texts about one parcel go to one number.
        customer = _with_phones_of(fill(customer, one.customer), customer, one.customer)
        order = fill(order, one.order)
    # An order may have other parcels.
    for one in (parcel for parcel in known if parcel.key.startswith("tracking:")):
        shipment = fill(shipment, one.shipment)
        # As the shop writes it: texts about one parcel are one thread.
        shipment = replace(shipment, tracking_number=one.shipment.tracking_number or shipment.tracking_number)
    customer = _with_phones_of(fill(customer, event.customer), customer, event.customer)
    return replace(event, customer=customer, order=fill(order, event.order), shipment=shipment)


def _with_phones_of(customer: Customer, *first: Customer) -> Customer:
    """The customer with the numbers of the first of these that has any."""
    owner = next((one for one in first if one.phones or one.phone), customer)
    return replace(customer, phone=owner.phone, phones=owner.phones)


def _as_first_told(event: Event, known: Sighting) -> Event:
    """A shop's event under the identity that its parcel got from who told of it first, and to the same number."""
    if known.identity is None:
        return event
    if known.connection == event.connection:
        # One shop sends two orders in one box, and tells each; and each attempt to deliver, if it tells them apart. And
        # what it writes on two people's parcels, say LOCAL-0001 on all that it delivers itself, is no parcel's number.
        is_own = event.kind == "order.delivery_failed" or are_different(known.order, event.order)
        return event if is_own or known.is_shared else _told_as(event, known.identity)
    customer = _with_phones_of(event.customer, known.customer, event.customer)
    if are_two_people(known.customer, event.customer):
        customer = event.customer
    return replace(_told_as(event, known.identity), customer=customer)


def _told_as(event: Event, parcel: str) -> Event:
    return replace(event, identity=identity_of(event.kind, parcel)) if event.kind in _OF_A_PARCEL else event


def _short(key: str) -> str:
    """A few plain characters in place of an order's id or name, which may be anything."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _parcel_identity(event: Event) -> str | None:
    """What tells the event's parcel from others in its identity; None of an identity that is a hash."""
    before, kind, parcel = (event.identity or "").partition(f"{event.kind}:")
    return parcel if kind and not before and parcel else None
