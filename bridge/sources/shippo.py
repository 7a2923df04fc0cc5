"""Shippo: tracking webhooks. https://docs.goshippo.com/docs/tracking/webhooks

The proof, a signature on request or a token in the address: https://docs.goshippo.com/docs/Tracking/WebhookSecurity
"""

import re
from collections.abc import Mapping
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Order, Parsed
from bridge.schemes import PAIRS, AnyOf, Hmac, Token, seconds, time_and_body
from bridge.sources import Source
from bridge.sources._carriers import parcel, parcel_identity
from bridge.sources._fields import Flag, Line, Moment, Part, Reading, Text, read
from bridge.sources._reading import native_kind, read_object

SIGNATURE = "shippo-auth-signature"

SCHEME = AnyOf(
    (
        Hmac(header=SIGNATURE, encoding="hex", timestamp=seconds(None), signed=time_and_body("."), layout=PAIRS),
        Token(),
    )
)

_ADVICE = "Shippo sends JSON by itself: look for a proxy that changes the body."

# `tracking_status.status`: https://docs.goshippo.com/docs/tracking/tracking. UNKNOWN and PRE_TRANSIT are before the
# carrier has the parcel; RETURNED is on its way back to the shop.
KINDS = {
    "transit": "order.shipped",
    "delivered": "order.delivered",
    "failure": "order.delivery_failed",
}

# `substatus.code` of a parcel in TRANSIT that says more than that it moves; None has no kind of ours.
SUBSTATUS_KINDS: dict[str, str | None] = {
    "out_for_delivery": "order.out_for_delivery",
    "delivery_attempted": "order.delivery_failed",
    "notice_left": "order.delivery_failed",
    "location_inaccessible": "order.delivery_failed",
    "address_issue": "order.delivery_failed",
    "reschedule_delivery": "order.delivery_failed",
    "contact_carrier": "order.delivery_failed",
    "pickup_available": None,
    "package_damaged": None,
    "package_held": None,
    "return_to_sender": None,
}

# What shops write on a label to know its order again, such as "Order #4182". Other notes are no order's name.
_ORDER = re.compile(r"(?:order[ :]*)?(#?[A-Za-z0-9-]{0,20}[0-9][A-Za-z0-9-]{0,20})", re.ASCII | re.IGNORECASE)


class _Substatus(Reading):
    code = Text()


class _Status(Reading):
    status = Text()
    substatus = Part(_Substatus)
    status_date = Moment()


class _Track(Reading):
    tracking_number = Text()
    carrier = Text()
    tracking_url_provider = Text()
    tracking_status = Part(_Status)
    metadata = Line()


class _Body(Reading):
    event = Text()
    test = Flag()
    data = Part(_Track)


_BODY = _Body()


def delivery_key(delivery: Delivery) -> str | None:  # noqa: ARG001 (the form of all sources)
    """None: Shippo gives its webhooks no id."""
    return None


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    if not body["event"]:
        raise Unreadable("The body has no `event`, so it is unknown what happened.")
    track = body["data"]
    state = track["tracking_status"]
    kind = _kind(body["event"], state)
    shipment = parcel(
        kind, carrier=track["carrier"], number=track["tracking_number"], url=track["tracking_url_provider"]
    )
    return (
        Event(
            kind=kind,
            source="shippo",
            connection=delivery.connection,
            occurred_at=state["status_date"] or delivery.received_at,
            identity=parcel_identity(kind, shipment, state["substatus"]["code"]) if state["status"] else None,
            order=Order(name=_order_name(track["metadata"]), test=bool(body["test"])),
            shipment=shipment,
            raw=payload,
        ),
    )


def _kind(event: str, state: Mapping[str, Any]) -> str:
    """The kind that the parcel's state is."""
    status = (state["status"] or "").lower()
    if event != "track_updated" or not status:
        return native_kind("shippo", event)
    kind, detail = KINDS.get(status), (state["substatus"]["code"] or "").lower()
    if status == "transit" and detail in SUBSTATUS_KINDS:
        kind, status = SUBSTATUS_KINDS[detail], detail
    return kind or native_kind("shippo", f"{event}/{status}")


def _order_name(metadata: str | None) -> str | None:
    found = _ORDER.fullmatch(metadata or "")
    return found[1] if found else None


SOURCE = Source(
    name="shippo",
    title="Shippo",
    kinds=frozenset({"order.shipped", "order.out_for_delivery", "order.delivered", "order.delivery_failed"}),
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    joins=True,
)
