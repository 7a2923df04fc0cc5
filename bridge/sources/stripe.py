"""Stripe: payments and refunds. https://docs.stripe.com/webhooks

The signature: https://docs.stripe.com/webhooks#verify-manually
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bridge import zones
from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Order, Parsed
from bridge.greeting import first_name
from bridge.schemes import PAIRS, Hmac, seconds, time_and_body
from bridge.sources import Source
from bridge.sources._fields import Amount, Country, Flag, Line, Part, Reading, Text, read
from bridge.sources._moments import UnixMoment
from bridge.sources._money import ISO_4217, currency_of, in_units
from bridge.sources._naming import order_name
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, key_in_body, native_kind, read_object

SIGNATURE = "stripe-signature"

# The key is the whole secret, `whsec_` and all.
SCHEME = Hmac(header=SIGNATURE, encoding="hex", signed=time_and_body("."), timestamp=seconds(None), layout=PAIRS)

_ADVICE = "Stripe sends JSON by itself: look for a proxy that changes the body."

# Zero-decimal and three-decimal currencies, and the special cases: https://docs.stripe.com/currencies#minor-units
_DIGITS = {**ISO_4217, "ISK": 2, "UGX": 2, "MGA": 0}

Record = Mapping[str, Any]


class _Address(Reading):
    country = Country()
    state = Text()


class _Person(Reading):
    name = Line()
    email = Text()
    phone = Text()
    address = Part(_Address)


class _Collected(Reading):
    shipping_details = Part(_Person)


class _Metadata(Reading):
    order_name = Text()
    order_number = Text()
    order_id = Text()


class _Object(Reading):
    """What checkout sessions, payment intents and charges have; where names overlap they mean the same."""

    id = Text()
    mode = Text()
    payment_status = Text()
    payment_intent = Text()
    invoice = Text()
    customer = Text()
    currency = Text()
    amount = Amount()
    amount_total = Amount()
    amount_received = Amount()
    amount_refunded = Amount()
    created = UnixMoment()
    locale = Text()
    receipt_email = Text()
    metadata = Part(_Metadata)
    customer_details = Part(_Person)
    collected_information = Part(_Collected)
    shipping_details = Part(_Person)
    shipping = Part(_Person)
    billing_details = Part(_Person)


class _Previous(Reading):
    amount_refunded = Amount()


class _Data(Reading):
    object = Part(_Object)
    previous_attributes = Part(_Previous)


class _Body(Reading):
    type = Text()
    created = UnixMoment()
    livemode = Flag()
    data = Part(_Data)


_BODY = _Body()


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body and stays the same when it is sent again."""
    return key_in_body(delivery.body)


def parse(delivery: Delivery) -> Parsed:
    """The events. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    if not body["type"]:
        raise Unreadable("The body has no `type`, so it is unknown what happened.")
    record = body["data"]["object"]
    blank = Event(
        kind=native_kind("stripe", body["type"]),
        source="stripe",
        connection=delivery.connection,
        occurred_at=body["created"] or delivery.received_at,
        raw=payload,
    )
    if body["type"].startswith(("checkout.session.", "payment_intent.", "charge.")):
        blank = replace(blank, order=_order(record, is_test=body["livemode"] is False), customer=_customer(record))
    reader = _READERS.get(body["type"])
    return (reader(body["data"], blank) if reader else ()) or (blank,)


def _completed(data: Record, blank: Event) -> tuple[Event, ...]:
    """A finished checkout. A subscription and a saved card are no orders; some payments take days to arrive."""
    session = data["object"]
    if session["mode"] != "payment":
        return ()
    identity = identity_of("order.created", session["id"])
    created = replace(blank, kind="order.created", identity=identity)
    return (created, *_paid(data, blank)) if session["payment_status"] == "paid" else (created,)


def _paid(data: Record, blank: Event) -> tuple[Event, ...]:
    """A payment, told by its checkout and by itself, once. One that an invoice made belongs to a subscription."""
    record = data["object"]
    is_invoice = record["mode"] is None and record["invoice"]
    if record["mode"] not in {None, "payment"} or is_invoice:
        return ()
    identity = identity_of("order.paid", record["payment_intent"] or record["id"])
    return (replace(blank, kind="order.paid", identity=identity),)


def _refunded(data: Record, blank: Event) -> tuple[Event, ...]:
    """Money goes back. A charge knows the sum of all that went back, and what it was before."""
    charge, before = data["object"], data["previous_attributes"]["amount_refunded"]
    total: Decimal | None = charge["amount_refunded"]
    amount = in_units(total - before, charge["currency"], _DIGITS) if total is not None and before is not None else None
    return (
        replace(
            blank,
            kind="order.refunded",
            identity=identity_of("order.refunded", charge["id"], str(total) if total is not None else None),
            order=replace(blank.order, refund_amount=amount),
        ),
    )


def _order(record: Record, *, is_test: bool) -> Order:
    """What was paid for. Its number is known where the shop writes it into Stripe's metadata."""
    amounts = (record["amount_total"], record["amount_received"] or None, record["amount"])
    numbers = record["metadata"]
    names = (numbers["order_name"], numbers["order_number"], numbers["order_id"])
    return Order(
        id=record["payment_intent"] or record["id"],
        name=next((name for name in map(order_name, names) if name), None),
        total=in_units(next((each for each in amounts if each is not None), None), record["currency"], _DIGITS),
        currency=currency_of(record["currency"]),
        created_at=record["created"],
        test=is_test,
    )


def _customer(record: Record) -> Customer:
    """Who paid, as they wrote it at the checkout. Parcels go to the shipping address."""
    buyer, billing = record["customer_details"], record["billing_details"]
    places = (record["collected_information"]["shipping_details"], record["shipping_details"], record["shipping"])
    shipping = next((place for place in places if place["name"] or place["address"]["country"]), places[0])
    people = (buyer, shipping, billing)
    country = next((person["address"]["country"] for person in people if person["address"]["country"]), None)
    phones = candidates(
        [
            ("customer", buyer["phone"], buyer["address"]["country"] or country),
            ("shipping", shipping["phone"], shipping["address"]["country"] or country),
            ("billing", billing["phone"], billing["address"]["country"] or country),
        ]
    )
    name = next((person["name"] for person in people if person["name"]), None)
    return Customer(
        id=record["customer"],
        name=name,
        first_name=first_name(name),
        phone=phones[0].number if phones else None,
        email=buyer["email"] or billing["email"] or record["receipt_email"],
        country=country,
        # "auto": as the browser has it, which is not told.
        locale=record["locale"] if record["locale"] != "auto" else None,
        phones=phones,
        time_zones=zones.of_address(shipping["address"]["country"], shipping["address"]["state"]),
    )


# Their types: https://docs.stripe.com/api/events/types. Those that are not here stay native.
_READERS: dict[str, Callable[[Record, Event], tuple[Event, ...]]] = {
    "checkout.session.completed": _completed,
    "checkout.session.async_payment_succeeded": _paid,
    "payment_intent.succeeded": _paid,
    "charge.refunded": _refunded,
}


SOURCE = Source(
    name="stripe",
    title="Stripe",
    kinds=frozenset({"order.created", "order.paid", "order.refunded"}),
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
)
