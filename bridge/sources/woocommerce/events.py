"""What an order's state says has happened. WooCommerce tells an order as it is, and not what changed about it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.events import Event
from bridge.sources._fields import read
from bridge.sources._news import PLACED_WITHIN, SEEN_WITHIN, is_old
from bridge.sources._reading import identity_of
from bridge.sources.woocommerce.payloads import ORDER, Record, customer_of, order_of, refunded, shipment_of

# Their words for an order's state: https://woocommerce.com/document/managing-orders/order-statuses/
# `pending`, `failed`, `checkout-draft`: nobody has ordered yet. `shipped`, `partial-shipped` and `updated-tracking` are
# those of Advanced Shipment Tracking.
_ORDERED = frozenset({"processing", "on-hold"})
_PAID = frozenset({"processing", "completed"})
_ON_ITS_WAY = frozenset({"completed", "shipped", "partial-shipped", "updated-tracking"})
_NOT_ORDERED = frozenset({"pending", "failed", "checkout-draft", "auto-draft", "draft", "trash", "cancelled"})

# Paid later or at the door: such an order is one before it is paid, and is not paid by being processed.
_PAID_LATER = frozenset({"bacs", "cheque", "cod"})

# How an order of WooCommerce's own point of sale came in (`created_via`): its goods are carried home.
_AT_THE_TILL = frozenset({"pos-rest-api"})

# Any change of an old order tells again what became of it long ago.
_NEW_FOR = timedelta(days=1)
_ON_ITS_WAY_FOR = timedelta(days=14)
_CLOSED_WITHIN = timedelta(days=90)
# An order may also be told again as it was long ago, when its shop writes all orders anew: WooCommerce's own storage of
# orders does, https://github.com/woocommerce/woocommerce/issues/62507. Its last change is not always that of a parcel.
_TOLD_WITHIN = timedelta(days=14)


def events_of(
    topic: str, payload: Mapping[str, object], blank: Event, *, received_at: datetime | None
) -> tuple[Event, ...]:
    """The events of a webhook, made from `blank`, which is the native event of its topic.

    `received_at` is None where that says nothing: with a sample of long ago.
    """
    if topic not in {"order.created", "order.updated", "order.deleted", "order.restored"}:
        return (blank,)
    order = read(ORDER, payload)
    blank = replace(
        blank,
        occurred_at=order["date_modified_gmt"] or blank.occurred_at,
        order=order_of(order),
        customer=customer_of(order),
    )
    told, changed = list[Event](), order["date_modified_gmt"]
    if not is_old(changed, received_at, SEEN_WITHIN):
        told += _beginnings(topic, order, blank)
    if not is_old(changed, received_at, _TOLD_WITHIN):
        told += [*_parcels(order, blank), *_endings(order, blank)]
    if told and topic in {"order.created", "order.updated"}:
        return tuple(told)
    # An update that tells nothing: the same state told ten times is one event.
    return (replace(blank, identity=_identity(blank, blank.kind, order["id"], order["status"])),)


def _beginnings(topic: str, order: Record, blank: Event) -> list[Event]:
    """Ordered and paid, while it is news."""
    found = []
    status, created, paid = order["status"], order["date_created_gmt"], order["date_paid_gmt"]
    # An imported order is new here, and was placed long ago.
    is_new = (
        topic == "order.created"
        and status not in _NOT_ORDERED
        and not is_old(created, order["date_modified_gmt"], PLACED_WITHIN)
    )
    is_new = is_new or (status in _ORDERED and _within(_NEW_FOR, created, order))
    if is_new and order["created_via"] not in _AT_THE_TILL:
        found.append(_once(blank, "order.created", order, created))
    if status in _PAID and order["payment_method"] != "cod" and _within(_NEW_FOR, paid, order):
        found.append(_once(blank, "order.paid", order, paid))
    return found


def _parcels(order: Record, blank: Event) -> list[Event]:
    """An event for each parcel that a plugin keeps. Completed orders without one have nothing to follow."""
    if order["status"] not in _ON_ITS_WAY:
        return []
    kind = "order.shipped"
    return [
        replace(
            blank,
            kind=kind,
            occurred_at=order["date_completed_gmt"] or blank.occurred_at,
            identity=_identity(blank, kind, order["id"], parcel["tracking_number"]),
            shipment=shipment_of(parcel),
        )
        for parcel in order["parcels"]
        if parcel["tracking_number"]
        and _within(_ON_ITS_WAY_FOR, parcel["date_shipped"] or order["date_completed_gmt"], order)
    ]


def _endings(order: Record, blank: Event) -> list[Event]:
    """Cancelled, and each refund."""
    if not _within(_CLOSED_WITHIN, order["date_created_gmt"], order):
        return []
    found = []
    # An online payment that was never made: WooCommerce gives the order up by itself, and its customer never had one.
    if order["status"] == "cancelled" and (order["date_paid_gmt"] or order["payment_method"] in _PAID_LATER):
        found.append(_once(blank, "order.cancelled", order, order["date_modified_gmt"]))
    for refund in order["refunds"]:
        amount = refunded(refund)
        identity = _identity(blank, "order.refunded", order["id"], refund["id"])
        event = replace(blank, kind="order.refunded", identity=identity)
        found.append(replace(event, order=replace(event.order, refund_amount=amount)))
    return found


def _once(blank: Event, kind: str, order: Record, when: datetime | None) -> Event:
    return replace(
        blank, kind=kind, occurred_at=when or blank.occurred_at, identity=_identity(blank, kind, order["id"])
    )


def _identity(event: Event, kind: str, *parts: str | None) -> str | None:
    """Every shop counts its orders from 1, so they are told apart by connection."""
    return identity_of(kind, event.connection, *parts)


def _within(time: timedelta, since: datetime | None, order: Record) -> bool:
    """Whether the order was changed no longer than `time` after `since`; where that is unknown, nothing is news."""
    now = order["date_modified_gmt"]
    return since is not None and now is not None and now - since <= time
