"""What Shopify's topics and statuses mean: payloads to events."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from bridge.events import Customer, Event, Lookup, Order, Shipment
from bridge.sources._fields import read
from bridge.sources._news import PLACED_WITHIN, is_old, is_old_parcel
from bridge.sources._people import fill
from bridge.sources._reading import identity_of
from bridge.sources.shopify.payloads import (
    ANSWER,
    BUYER,
    FULFILMENT,
    ORDER,
    REFUND,
    Record,
    buyer_of,
    customer_of,
    order_of,
    order_of_fulfilment,
    order_of_refund,
    recipient_of,
    shipment_of,
)

Payload = Mapping[str, object]
Events = tuple[Event, ...]

# A fulfilment that never left: https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillment (`status`)
_NOT_LIVE = {"pending", "open", "cancelled", "error", "failure"}

# `shipment_status` of a live one, our kind, and our word for it:
# https://shopify.dev/docs/api/admin-graphql/latest/enums/FulfillmentEventStatus
# delayed, ready_for_pickup and picked_up have no kind: they stay native.
_SHIPMENT_KINDS: dict[str | None, tuple[str, str]] = {
    None: ("order.shipped", "shipped"),
    "confirmed": ("order.shipped", "shipped"),
    "label_purchased": ("order.shipped", "shipped"),
    "label_printed": ("order.shipped", "shipped"),
    "carrier_picked_up": ("order.shipped", "shipped"),
    "in_transit": ("order.shipped", "shipped"),
    "out_for_delivery": ("order.out_for_delivery", "out_for_delivery"),
    "delivered": ("order.delivered", "delivered"),
    "attempted_delivery": ("order.delivery_failed", "failed"),
    "failure": ("order.delivery_failed", "failed"),
}


def events_of(topic: str, payload: Payload, blank: Event) -> Events:
    """The events of a webhook, made from `blank`, which is the native event of its topic."""
    return _READERS.get(topic, _native)(payload, blank)


def _order(payload: Payload, blank: Event, *, kind: str, when: str) -> Events:
    order = read(ORDER, payload)
    if kind == "order.created" and _is_over_the_counter(order):
        kind = blank.kind
    if kind in {"order.created", "order.paid"} and _is_brought_along(order):
        kind = blank.kind
    return (
        replace(
            blank,
            kind=kind,
            occurred_at=order[when] or order["updated_at"] or blank.occurred_at,
            identity=identity_of(kind, order["id"]),
            order=order_of(order),
            customer=customer_of(order),
        ),
    )


def _is_over_the_counter(order: Record) -> bool:
    """Whether it was sold in the shop and carried home: nothing is ever on its way."""
    return order["source_name"] == "pos" and not any(order["shipping_address"].values())


def _is_brought_along(order: Record) -> bool:
    """Whether it was placed elsewhere, long before it was written down here: a shop that moves brings thousands.

    `processed_at` of https://shopify.dev/docs/api/admin-rest/latest/resources/order
    """
    return is_old(order["processed_at"], order["created_at"], PLACED_WITHIN)


def _order_fulfilled(payload: Payload, blank: Event) -> Events:
    """An event for each parcel: the same ones that fulfillments/create and fulfillments/update tell."""
    order = read(ORDER, payload)
    blank = replace(blank, order=order_of(order), customer=customer_of(order))
    events = []
    for fulfilment in order["fulfillments"]:
        kind, shipment = _shipment(fulfilment, order["updated_at"])
        if kind and not _is_over_the_counter(order) and not _is_brought_with(order, fulfilment):
            events.append(
                replace(
                    blank,
                    kind=kind,
                    occurred_at=fulfilment["updated_at"] or order["updated_at"] or blank.occurred_at,
                    identity=identity_of(kind, fulfilment["id"]),
                    customer=_recipient_first(blank.customer, recipient_of(fulfilment)),
                    shipment=shipment,
                )
            )
    # Digital goods and orders marked by hand have no parcel.
    return tuple(events) or (replace(blank, identity=identity_of(blank.kind, order["id"])),)


def _is_brought_with(order: Record, fulfilment: Record) -> bool:
    """Whether an order was brought along with this parcel, which left where the shop was before."""
    left_later = is_old(order["created_at"], fulfilment["created_at"], PLACED_WITHIN)
    return _is_brought_along(order) and not left_later


def _recipient_first(buyer: Customer, recipient: Customer) -> Customer:
    """The buyer with the parcel's own number and zones before the order's: fulfillments/create knows no others."""
    known = fill(buyer, recipient)
    phones = tuple(dict.fromkeys((*recipient.phones, *known.phones)))
    return replace(known, phones=phones, time_zones=recipient.time_zones or known.time_zones)


def _fulfilment(payload: Payload, blank: Event) -> Events:
    fulfilment = read(FULFILMENT, payload)
    kind, shipment = _shipment(fulfilment, fulfilment["updated_at"])
    state = f"{fulfilment['status']}/{fulfilment['shipment_status']}"
    return (
        replace(
            blank,
            kind=kind or blank.kind,
            occurred_at=fulfilment["updated_at"] or fulfilment["created_at"] or blank.occurred_at,
            identity=identity_of(kind, fulfilment["id"]) if kind else identity_of(blank.kind, fulfilment["id"], state),
            order=order_of_fulfilment(fulfilment),
            customer=recipient_of(fulfilment),
            shipment=shipment,
            lookup=_lookup(fulfilment["order_id"]),
        ),
    )


def _refund(payload: Payload, blank: Event) -> Events:
    refund = read(REFUND, payload)
    return (
        replace(
            blank,
            kind="order.refunded",
            occurred_at=refund["created_at"] or blank.occurred_at,
            identity=identity_of("order.refunded", refund["id"]),
            order=order_of_refund(refund),
            lookup=_lookup(refund["order_id"]),
        ),
    )


def _native(payload: Payload, blank: Event) -> Events:
    """An event that has none of our words, with what can be read from it all the same."""
    family = blank.kind.split(".")[1]
    if family in {"orders", "checkouts", "draft_orders"}:
        order = read(ORDER, payload)
        return (replace(blank, order=order_of(order), customer=customer_of(order)),)
    if family == "customers":
        return (replace(blank, customer=buyer_of(read(BUYER, payload))),)
    return (blank,)


def _shipment(fulfilment: Record, told: datetime | None) -> tuple[str | None, Shipment]:
    """The kind of event a fulfilment's state is, or None where that is none or was long ago, and the parcel."""
    kind, status = _SHIPMENT_KINDS.get(fulfilment["shipment_status"], (None, None))
    if fulfilment["status"] in _NOT_LIVE or (kind and is_old_parcel(kind, fulfilment["created_at"], told)):
        kind, status = None, None
    return kind, shipment_of(fulfilment, status)


def _lookup(order_id: str | None) -> Lookup | None:
    """What to ask for if a template or its number needs more than the parcel or the refund says of its order."""
    return Lookup(what="order", id=order_id) if order_id else None


def absorb(event: Event, found: Payload) -> Event:
    """The event with what its order's record adds: https://shopify.dev/docs/api/admin-rest/latest/resources/order"""
    record = read(ANSWER, found)["order"]
    order: Order = fill(event.order, order_of(record))
    return replace(event, order=order, customer=fill(event.customer, customer_of(record)), lookup=None)


# Their topics: https://shopify.dev/docs/api/webhooks. Those that are not here stay native.
_READERS: dict[str, Callable[[Payload, Event], Events]] = {
    "orders/create": partial(_order, kind="order.created", when="created_at"),
    "orders/paid": partial(_order, kind="order.paid", when="updated_at"),
    "orders/cancelled": partial(_order, kind="order.cancelled", when="cancelled_at"),
    "orders/fulfilled": _order_fulfilled,
    "fulfillments/create": _fulfilment,
    "fulfillments/update": _fulfilment,
    "refunds/create": _refund,
}
