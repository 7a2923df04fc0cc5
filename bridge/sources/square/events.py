"""What Square's types and states mean: payloads to events."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.events import Customer, Event, Lookup
from bridge.sources._fields import read
from bridge.sources._people import fill
from bridge.sources._reading import identity_of
from bridge.sources.square.payloads import (
    ANSWER,
    Record,
    customer_of,
    order_of,
    paid_order_of,
    recipient_of,
    refunded_order_of,
    shipment_of,
)

Events = tuple[Event, ...]

# A completed fulfilment, by its type: https://developer.squareup.com/reference/square/enums/FulfillmentType
# For SHIPMENT it says that the parcel has left, for DELIVERY that the shop's courier was there. What is picked up or
# sold in the shop is nothing to text about in our words.
_COMPLETED = {"SHIPMENT": ("order.shipped", "shipped"), "DELIVERY": ("order.delivered", "delivered")}

# What a customer waits for. A payment link for a mere amount has a fulfilment too, of the type DIGITAL:
# https://developer.squareup.com/forums/t/completing-quick-pay-orders/14996
_HANDED_OVER = frozenset({"SHIPMENT", "DELIVERY", "PICKUP"})

# The parts of `data.object` that tell of an order, by type: https://developer.squareup.com/docs/webhooks/v2-events-reference
_CHANGES = {
    "order.created": "order_created",
    "order.updated": "order_updated",
    "order.fulfillment.updated": "order_fulfillment_updated",
}

# Any change of an order or payment tells again that it is open, or paid.
_NEW_FOR = timedelta(days=1)


def order_to_ask_for(body: Record) -> str | None:
    """The id of the order that has to be known before anything can be told, or None."""
    change = _change(body)
    if change is None:
        return None
    is_news = _is_new(body, change) or change["state"] == "CANCELED" or bool(_completed(change))
    order_id: str | None = change["order_id"] if is_news else None
    return order_id


def events_of(body: Record, found: Mapping[str, object], blank: Event, *, is_test: bool) -> Events:
    """The events of a webhook, made from `blank`, which is the native event of its type. `found` is the order."""
    blank = replace(blank, order=replace(blank.order, test=is_test))
    if (change := _change(body)) is not None:
        return _of_order(body, change, read(ANSWER, found)["order"], blank)
    reader = _READERS.get(body["type"])
    return (reader(body["data"]["object"], blank) if reader else ()) or (blank,)


def _of_order(body: Record, change: Record, order: Record, blank: Event) -> Events:
    blank = replace(
        blank,
        order=fill(replace(blank.order, id=change["order_id"]), order_of(order)),
        customer=recipient_of(order),
        lookup=_lookup("customer", order["customer_id"]),
    )
    parcels = [event for uid in _completed(change) for event in _parcel(uid, order, blank)]
    if parcels:
        return tuple(parcels)
    kind = None
    # Without a fulfilment it is a sale in the shop.
    if _is_new(body, change) and any(each["type"] in _HANDED_OVER for each in order["fulfillments"]):
        kind = "order.created"
    # Nobody has ordered what was never paid: it may be a checkout that was given up.
    elif body["type"] == "order.updated" and change["state"] == "CANCELED" and order["tenders"]:
        kind = "order.cancelled"
    if kind:
        return (replace(blank, kind=kind, identity=identity_of(kind, change["order_id"])),)
    states = [f"{update['fulfillment_uid']}={update['new_state']}" for update in change["fulfillment_update"]]
    state = ",".join([change["state"] or "", *states])
    lookup = blank.lookup or _lookup("order", change["order_id"])
    return (replace(blank, identity=identity_of(blank.kind, change["order_id"], state), lookup=lookup),)


def _parcel(uid: str, order: Record, blank: Event) -> list[Event]:
    fulfilment = next((each for each in order["fulfillments"] if each["uid"] == uid), None)
    if fulfilment is None or fulfilment["type"] not in _COMPLETED:
        return []
    kind, status = _COMPLETED[fulfilment["type"]]
    return [
        replace(
            blank,
            kind=kind,
            identity=identity_of(kind, blank.order.id, uid),
            customer=recipient_of(order, fulfilment),
            shipment=shipment_of(blank.order.id, fulfilment, status),
        )
    ]


def _payment(data: Record, blank: Event) -> Events:
    payment = data["payment"]
    blank = replace(
        blank,
        order=fill(blank.order, paid_order_of(payment)),
        customer=Customer(id=payment["customer_id"], email=payment["buyer_email_address"]),
        lookup=_lookup("order", payment["order_id"]) or _lookup("customer", payment["customer_id"]),
    )
    is_refunded = bool(payment["refunded_money"]["amount"])
    if payment["status"] != "COMPLETED" or is_refunded or not _within(payment["created_at"], payment["updated_at"]):
        return (blank,)
    return (replace(blank, kind="order.paid", identity=identity_of("order.paid", payment["id"])),)


def _refund(data: Record, blank: Event) -> Events:
    refund = data["refund"]
    blank = replace(
        blank,
        order=fill(blank.order, refunded_order_of(refund)),
        lookup=_lookup("payment", refund["payment_id"]),
    )
    if refund["status"] != "COMPLETED":
        return (blank,)
    return (replace(blank, kind="order.refunded", identity=identity_of("order.refunded", refund["id"])),)


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what an answer adds: a refund's payment leads to the order, and the order to its customer."""
    answer = read(ANSWER, found)
    payment, order = answer["payment"], answer["order"]
    if event.lookup and event.lookup.what == "payment":
        event = replace(event, order=fill(event.order, paid_order_of(payment)))
        following = _lookup("order", payment["order_id"]) or _lookup("customer", payment["customer_id"])
        return replace(event, lookup=following)
    if event.lookup and event.lookup.what == "order":
        event = replace(event, order=fill(event.order, order_of(order)))
        event = replace(event, customer=fill(event.customer, recipient_of(order)))
        return replace(event, lookup=_lookup("customer", order["customer_id"]))
    return replace(event, customer=fill(event.customer, customer_of(answer["customer"])), lookup=None)


def _change(body: Record) -> Record | None:
    part = _CHANGES.get(body["type"])
    change: Record | None = body["data"]["object"][part] if part else None
    return change


def _is_new(body: Record, change: Record) -> bool:
    """Whether an order is open that was begun a moment ago. A draft becomes one when it is paid."""
    is_told = body["type"] in {"order.created", "order.updated"} and change["state"] == "OPEN"
    return is_told and _within(change["created_at"], body["created_at"])


def _completed(change: Record) -> list[str]:
    updates = change["fulfillment_update"]
    return [each["fulfillment_uid"] for each in updates if each["new_state"] == "COMPLETED" and each["fulfillment_uid"]]


def _within(since: datetime | None, now: datetime | None) -> bool:
    return since is not None and now is not None and now - since <= _NEW_FOR


def _lookup(what: str, id_: str | None) -> Lookup | None:
    return Lookup(what=what, id=id_) if id_ else None


_READERS: dict[str | None, Callable[[Record, Event], Events]] = {
    "payment.created": _payment,
    "payment.updated": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
}
