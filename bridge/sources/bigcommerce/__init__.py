"""BigCommerce: orders and shipments. https://developer.bigcommerce.com/docs/integrations/webhooks

A webhook holds ids and hardly more, so the rest is asked for: https://developer.bigcommerce.com/docs/rest-management/orders
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Order, Parsed, Shipment
from bridge.schemes import VERSIONS, AnyOf, Hmac, Token, seconds
from bridge.sources import Source
from bridge.sources._fields import read
from bridge.sources._news import PLACED_WITHIN, is_old, is_old_parcel
from bridge.sources._people import fill
from bridge.sources._reading import bounded_key, identity_of, native_kind, read_object
from bridge.sources.bigcommerce.payloads import (
    BODY,
    ORDER,
    SHIPMENTS,
    buyer_of,
    order_of,
    recipient_of,
    shipment_of,
)

SIGNATURE, SENT_AT, SENT_ID = "webhook-signature", "webhook-timestamp", "webhook-id"

_ADVICE = "BigCommerce sends JSON by itself: look for a proxy that changes the body."

# Their states of an order: https://developer.bigcommerce.com/docs/rest-management/orders/order-status
# Incomplete and Pending are a checkout that was not finished.
_NOT_ORDERED = frozenset({"0", "1"})
# Awaiting Payment, Awaiting Pickup, Awaiting Shipment, Awaiting Fulfillment, Manual Verification Required.
_ORDERED = frozenset({"7", "8", "9", "11", "12"})
# Those of them that say the payment is confirmed.
_PAID = frozenset({"8", "9", "11"})
_UNPAID = frozenset({"0", "1", "7"})
_REFUNDED, _CANCELLED, _PARTLY_REFUNDED = "4", "5", "14"

_SHIPMENT_SCOPES = frozenset({"store/shipment/created", "store/shipment/updated"})
_CREATED, _STATUS_UPDATED = "store/order/created", "store/order/statusupdated"


def _signed(delivery: Delivery, timestamp: str) -> bytes:
    return f"{delivery.headers.get(SENT_ID, '')}.{timestamp}.".encode("utf-8", "replace") + delivery.body


# Standard Webhooks with the app's client secret as it stands; or a header that was given to the webhook, where
# BigCommerce does not sign.
SCHEME = AnyOf(
    (
        Hmac(
            header=SIGNATURE,
            signed=_signed,
            timestamp=seconds(SENT_AT),
            layout=VERSIONS,
            needs=frozenset({SENT_ID}),
        ),
        Token(),
    )
)


def delivery_key(delivery: Delivery) -> str | None:
    """The hash in the body and its time: nobody says whether the hash alone differs when an order changes twice."""
    try:
        body = read(BODY, read_object(delivery.body, advice=_ADVICE))
    except Unreadable:
        return None
    moment = body["created_at"]
    return bounded_key(f"{body['hash']}:{int(moment.timestamp()) if moment else ''}") if body["hash"] else None


def ask(delivery: Delivery) -> Lookup | None:
    """A new order, which may be an unfinished checkout, and the order's parcels, for a text needs their links."""
    try:
        body = read(BODY, read_object(delivery.body, advice=_ADVICE))
    except Unreadable:
        return None
    scope, data = (body["scope"] or "").lower(), body["data"]
    if scope == _CREATED and data["id"]:
        return Lookup(what="order", id=data["id"], told_by=delivery_key(delivery))
    if scope in _SHIPMENT_SCOPES and data["order_id"]:
        return Lookup(what="shipments", id=data["order_id"], told_by=delivery_key(delivery))
    return None


def parse(delivery: Delivery) -> Parsed:
    """The events. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(BODY, payload)
    if not body["scope"]:
        raise Unreadable("The body has no `scope`, so it is unknown what happened.")
    scope = body["scope"].lower()
    blank = Event(
        kind=native_kind("bigcommerce", scope.removeprefix("store/")),
        source="bigcommerce",
        connection=delivery.connection,
        occurred_at=body["created_at"] or delivery.received_at,
        raw=payload,
    )
    if scope in _SHIPMENT_SCOPES:
        return (_shipment(body["data"], delivery.found or {}, blank),)
    if scope.startswith("store/order/"):
        return _order(scope, body["data"], delivery.found, blank)
    return (blank,)


def _order(scope: str, data: Mapping[str, Any], found: Mapping[str, object] | None, blank: Event) -> tuple[Event, ...]:
    before, now = data["status"]["previous_status_id"], data["status"]["new_status_id"]
    blank = replace(blank, order=_named(data["id"]), lookup=_lookup(data["id"]))
    if scope == _CREATED:
        record = read(ORDER, found)
        # A shop that moves to BigCommerce brings the orders of years along.
        is_brought_along = is_old(record["date_created"], blank.occurred_at, PLACED_WITHIN)
        before, now = "0", None if is_brought_along else record["status_id"]
        blank = _with_order(blank, found or {})
    kinds = _kinds(before, now) if scope in {_CREATED, _STATUS_UPDATED} else ()
    if not kinds:
        identity = identity_of(blank.kind, blank.connection, data["id"], now) if now else None
        return (replace(blank, identity=identity),)
    # The same order may be refunded in parts, so a refund is told by the state it leads to.
    ends = {"order.refunded": now}
    return tuple(
        replace(
            blank,
            kind=kind,
            identity=identity_of(kind, blank.connection, data["id"], *([ends[kind]] if kind in ends else [])),
        )
        for kind in kinds
    )


def _kinds(before: str | None, now: str | None) -> tuple[str, ...]:
    """What a change of state says has happened. Shipped is told by the parcels, of which an order has several."""
    if before == now or before is None or now is None:
        return ()
    kinds = ["order.created"] if before in _NOT_ORDERED and now in _ORDERED else []
    kinds += ["order.paid"] if before in _UNPAID and now in _PAID else []
    # A checkout that is given up was no order yet.
    kinds += ["order.cancelled"] if now == _CANCELLED and before not in _NOT_ORDERED else []
    kinds += ["order.refunded"] if now in {_REFUNDED, _PARTLY_REFUNDED} else []
    return tuple(kinds)


def _shipment(data: Mapping[str, Any], found: Mapping[str, object], blank: Event) -> Event:
    parcel = next((item for item in read(SHIPMENTS, found)["items"] if item["id"] == data["id"]), None)
    shipment = shipment_of(parcel) if parcel else Shipment(id=data["id"], status="shipped")
    kind = "order.shipped"
    if parcel and is_old_parcel(kind, parcel["date_created"], blank.occurred_at):
        kind, shipment = blank.kind, replace(shipment, status=None)
    return replace(
        blank,
        kind=kind,
        identity=identity_of(kind, blank.connection, data["order_id"], data["id"]),
        order=_named(data["order_id"]),
        customer=recipient_of(parcel) if parcel else Customer(),
        shipment=shipment,
        lookup=_lookup(data["order_id"]),
    )


def _named(order_id: str | None) -> Order:
    return Order(id=order_id, name=f"#{order_id}" if order_id else None)


def _lookup(order_id: str | None) -> Lookup | None:
    return Lookup(what="order", id=order_id) if order_id else None


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what its order's record adds."""
    return replace(_with_order(event, found), lookup=None)


def _with_order(event: Event, found: Mapping[str, object]) -> Event:
    record = read(ORDER, found)
    previous = read(BODY, event.raw)["data"]["status"]["previous_status_id"]
    # What has gone back is a sum: after a part of it, what goes back now is unknown.
    knows_refund = event.kind == "order.refunded" and previous not in {_REFUNDED, _PARTLY_REFUNDED}
    return replace(
        event,
        order=fill(event.order, order_of(record, knows_refund=knows_refund)),
        customer=fill(event.customer, buyer_of(record)),
        lookup=None,
    )


SOURCE = Source(
    name="bigcommerce",
    title="BigCommerce",
    kinds=frozenset({"order.created", "order.paid", "order.cancelled", "order.refunded", "order.shipped"}),
    headers=frozenset({"content-type", SIGNATURE, SENT_AT, SENT_ID}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
    ask=ask,
)
