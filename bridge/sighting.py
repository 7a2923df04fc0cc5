"""A sighting: what shops told of an order or a parcel, kept so that a carrier's webhook finds whose it is. Pure.

Carriers tell of parcels and know no people. What is known of one stands under up to three keys: the parcel's tracking
number, the order's id and the order's name. All are of one account, so that two brands never mix.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from bridge.events import Customer, Order, Shipment

# "PENDING", "n/a" and "1" are no tracking numbers. The shortest real ones have eight characters.
_SHORTEST_NUMBER = 6
# Shopify's, Square's and Stripe's ids; WooCommerce and BigCommerce count from 1.
_SHORTEST_UNIQUE_ID = 11
_NOT_IN_NUMBERS = re.compile(r"[^A-Z0-9]+", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[#\s]+")


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What is known under one key. `connection` told of it first.

    `identity` tells the parcel from others in the identity of its events, without their kind; an order has none.
    `is_shared` says that two people's orders have this key, so that nobody can be found by it.
    """

    account: str
    key: str
    connection: str
    identity: str | None = None
    customer: Customer = field(default_factory=Customer)
    order: Order = field(default_factory=Order)
    shipment: Shipment = field(default_factory=Shipment)
    is_shared: bool = False


#: Finds what is known in an account under some keys, by key.
Find = Callable[[str, Collection[str]], Mapping[str, Sighting]]


def number_of(tracking_number: str | None) -> str | None:
    """A tracking number as everybody writes it in the end: capitals and digits; None for what cannot be one."""
    number = _NOT_IN_NUMBERS.sub("", (tracking_number or "").upper())
    is_number = len(number) >= _SHORTEST_NUMBER and any(character.isdigit() for character in number)
    return number if is_number else None


def parcel_key(shipment: Shipment) -> str | None:
    """The key of a parcel, by its tracking number."""
    number = number_of(shipment.tracking_number)
    return f"tracking:{number}" if number else None


def order_keys(order: Order) -> tuple[str, ...]:
    """The keys of an order, the surest first: its id, and its name without `#` and blanks."""
    name = _NOT_IN_NAMES.sub("", order.name or "").lower()
    return (*([f"order:{order.id}"] if order.id else []), *([f"order_name:{name}"] if name else []))


def is_only_ones(order_key: str) -> bool:
    """Whether no two shops have an order of this key: a long id. A name, and an id that counts, may be anybody's."""
    kind, _, id_ = order_key.partition(":")
    return kind == "order" and len(id_) >= _SHORTEST_UNIQUE_ID


def are_different(one: Order, other: Order) -> bool:
    """Whether these are two orders of the same shop: their ids differ, or their names where an id is unknown."""
    if one.id and other.id:
        return one.id != other.id
    names = {key for order in (one, other) for key in order_keys(order) if key.startswith("order_name:")}
    return len(names) > 1


def are_one_person(one: Customer, other: Customer) -> bool:
    """Whether two records have a phone number or an e-mail address in common."""
    return bool(_phones(one) & _phones(other) or _emails(one) & _emails(other))


def are_two_people(one: Customer, other: Customer) -> bool:
    """Whether both records have phone numbers, or both an e-mail address, and nothing in common."""
    if are_one_person(one, other):
        return False
    return bool((_phones(one) and _phones(other)) or (_emails(one) and _emails(other)))


def _phones(customer: Customer) -> set[str]:
    written = {customer.phone or "", *(candidate.number for candidate in customer.phones)}
    # With or without the country's code it is the same number.
    return {digits[-9:] for number in written if (digits := re.sub(r"\D", "", number))}


def _emails(customer: Customer) -> set[str]:
    return {customer.email.casefold()} if customer.email else set()
