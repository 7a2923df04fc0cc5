"""EasyPost: tracker webhooks. https://docs.easypost.com/docs/trackers

The signature: https://docs.easypost.com/guides/webhooks-guide, as EasyPost's own libraries verify it.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Order, Parsed, Shipment
from bridge.schemes import Hmac
from bridge.signing import verbatim
from bridge.sources import Source
from bridge.sources._carriers import PAGES, carrier_name, parcel, parcel_identity
from bridge.sources._fields import Flag, Moment, Part, Parts, Reading, Text, read
from bridge.sources._news import SEEN_WITHIN, is_old
from bridge.sources._reading import identity_of, key_in_body, native_kind, read_object

SIGNATURE = "x-hmac-signature"


def key(secret: str) -> bytes:
    """The key that a secret is: EasyPost splits an é into e and its accent first (NFKD)."""
    return verbatim(unicodedata.normalize("NFKD", secret))


SCHEME = Hmac(header=SIGNATURE, encoding="hex", prefix="hmac-sha256-hex=", key=key)

_ADVICE = "EasyPost sends JSON by itself: look for a proxy that changes the body."

# A tracker's `status`: https://docs.easypost.com/docs/trackers/tracking-statuses. unknown and pre_transit are before
# the carrier has the parcel; available_for_pickup, return_to_sender, cancelled and error have no kind of ours.
KINDS = {
    "in_transit": "order.shipped",
    "out_for_delivery": "order.out_for_delivery",
    "delivered": "order.delivered",
    "failure": "order.delivery_failed",
}

# A failure that the customer knows of, or that ends with the parcel on its way back: no news to text about.
_NO_NEWS = {"refused", "return", "cancelled"}


class _Scan(Reading):
    datetime = Moment()


class _Tracker(Reading):
    id = Text()
    object = Text()
    mode = Text()
    tracking_code = Text()
    status = Text()
    status_detail = Text()
    carrier = Text()
    public_url = Text()
    is_return = Flag()
    updated_at = Moment()
    tracking_details = Parts(_Scan)


class _Body(Reading):
    id = Text()
    description = Text()
    mode = Text()
    created_at = Moment()
    result = Part(_Tracker)


_BODY = _Body()


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body."""
    return key_in_body(delivery.body)


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    topic, tracker = body["description"], body["result"]
    if not topic:
        raise Unreadable("The body has no `description`, so it is unknown what happened.")
    kind = _kind(topic, tracker, body["created_at"])
    carrier = tracker["carrier"]
    shipment = parcel(
        kind,
        id=tracker["id"],
        carrier=carrier,
        number=tracker["tracking_code"],
        # The carrier's own page first: it is the one that shops link to.
        url=None if carrier_name(carrier) in PAGES else tracker["public_url"],
    )
    return (
        Event(
            kind=kind,
            source="easypost",
            connection=delivery.connection,
            occurred_at=tracker["updated_at"] or body["created_at"] or delivery.received_at,
            identity=_identity(kind, shipment, body),
            order=Order(test="test" in (body["mode"], tracker["mode"])),
            shipment=shipment,
            raw=payload,
        ),
    )


def _identity(kind: str, shipment: Shipment, body: Mapping[str, Any]) -> str | None:
    detail = body["result"]["status_detail"]
    return parcel_identity(kind, shipment, detail) or identity_of(kind, "event", body["id"])


def _kind(topic: str, tracker: Mapping[str, Any], told: datetime | None) -> str:
    """The kind that the parcel's state is. A parcel that goes back to the shop is nobody's delivery, and a tracker that
    is made for a parcel of last month tells what its customer knows."""
    status = tracker["status"]
    if not topic.startswith("tracker.") or not status:
        return native_kind("easypost", topic)
    seen = max((scan["datetime"] for scan in tracker["tracking_details"] if scan["datetime"]), default=None)
    # What test mode has seen is of a month ago.
    is_news = not tracker["is_return"] and (tracker["mode"] == "test" or not is_old(seen, told, SEEN_WITHIN))
    if is_news and tracker["status_detail"] not in _NO_NEWS and (kind := KINDS.get(status)):
        return kind
    return native_kind("easypost", f"tracker/{status}")


SOURCE = Source(
    name="easypost",
    title="EasyPost",
    kinds=frozenset(KINDS.values()),
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    joins=True,
)
