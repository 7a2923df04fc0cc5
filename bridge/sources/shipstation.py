"""ShipStation: webhooks of API V1, which say only what to ask for, and of API V2 (once ShipEngine), which tell.

V1: https://docs.shipstation.com/apis/shipstation-v1/docs/models/webhook. It signs nothing.
V2: https://docs.shipstation.com/apis/docs/guides/webhooks-schemas, and how it signs:
https://docs.shipstation.com/apis/docs/guides/webhooks-validation
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from bridge import zones
from bridge.environment import split_url
from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Nothing, Order, Parsed
from bridge.greeting import first_name
from bridge.reasons import Reason
from bridge.schemes import AnyOf, Token, iso, time_and_body
from bridge.schemes.public_keys import Rsa
from bridge.sources import Source
from bridge.sources._carriers import parcel, parcel_identity
from bridge.sources._fields import Country, Flag, Line, Moment, Part, Parts, Reading, Text, read
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, native_kind, read_object

SIGNATURE = "x-shipengine-rsa-sha256-signature"
KEY_ID = "x-shipengine-rsa-sha256-key-id"
TIMESTAMP = "x-shipengine-timestamp"

SCHEME = AnyOf((Token(), Rsa(header=SIGNATURE, key_id=KEY_ID, timestamp=iso(TIMESTAMP), signed=time_and_body("."))))

_ADVICE = "ShipStation sends JSON by itself: look for a proxy that changes the body."

# V1's webhooks of shipments, which tell where to ask for them.
_SHIPPED = {"SHIP_NOTIFY", "ITEM_SHIP_NOTIFY"}
# V2's of a parcel's way.
_TRACKED = {"API_TRACK", "TRACK_EVENT_V2"}

# Only these may stand in a webhook, and even they are never asked: the configured address is.
_HOST = re.compile(r"ssapi[0-9]*\.shipstation\.com", re.ASCII)
# Parameters of `resource_url`, in lower case, and what is asked for in their stead, the narrowest first.
_ASKED_FOR = {"shipmentid": "shipment", "batchid": "batch", "orderid": "order"}

# `status_code`: https://docs.shipstation.com/apis/docs/tracking. UN, AC and NY are before the carrier has the parcel
# for sure; EX is a hitch; SP is a pick-up point.
KINDS = {
    "IT": "order.shipped",
    "DE": "order.delivered",
    "AT": "order.delivery_failed",
}
# `status_detail_code`, which says more than the code:
DETAIL_KINDS = {
    "OUT_FOR_DELIVERY": "order.out_for_delivery",
    "ATTEMPTED_DELIVERY": "order.delivery_failed",
    "ATTEMPTED_DELIVERY_FINAL": "order.delivery_failed",
    "CUSTOMER_CARDED": "order.delivery_failed",
}


class _Address(Reading):
    name = Line()
    phone = Text()
    country = Country()
    state = Text()


class _Options(Reading):
    storeId = Text()  # noqa: N815 (their word)


class _Shipment(Reading):
    id = Text(data_key="shipmentId")
    order_key = Text(data_key="orderKey")
    order_number = Line(data_key="orderNumber")
    email = Text(data_key="customerEmail")
    tracking_number = Text(data_key="trackingNumber")
    carrier = Text(data_key="carrierCode")
    is_return = Flag(data_key="isReturnLabel")
    voided = Flag()
    to = Part(_Address, data_key="shipTo")
    options = Part(_Options, data_key="advancedOptions")


class _Found(Reading):
    shipments = Parts(_Shipment)


class _Step(Reading):
    occurred_at = Moment()


class _Track(Reading):
    tracking_number = Text()
    tracking_url = Text()
    carrier_code = Text()
    status_code = Text()
    status_detail_code = Text()
    events = Parts(_Step)


class _Body(Reading):
    resource_type = Text()
    resource_url = Text()
    data = Part(_Track)


_BODY = _Body()
_FOUND = _Found()


def delivery_key(delivery: Delivery) -> str | None:  # noqa: ARG001 (the form of all sources)
    """None: neither API gives its webhooks an id."""
    return None


def ask(delivery: Delivery) -> Lookup | None:
    """The shipments that a webhook of V1 is about; None for all others. Raises Unreadable."""
    body = read(_BODY, read_object(delivery.body, advice=_ADVICE))
    if body["resource_type"] not in _SHIPPED:
        return None
    parameters = _parameters(body["resource_url"])
    for name, what in _ASKED_FOR.items():
        if value := parameters.get(name):
            return Lookup(what=what, id=value)
    # A store's shipments without more would be all it ever sent.
    raise Unreadable("`resource_url` names no batchId, shipmentId or orderId, so it is unknown what was shipped.")


def parse(delivery: Delivery) -> Parsed:
    """The event of a webhook of V2, or one for each parcel that V1 knew when asked. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    if not body["resource_type"]:
        raise Unreadable("The body has no `resource_type`, so it is unknown what happened.")
    blank = Event(
        kind=native_kind("shipstation", body["resource_type"]),
        source="shipstation",
        connection=delivery.connection,
        occurred_at=delivery.received_at,
        raw=payload,
    )
    if body["resource_type"] in _SHIPPED:
        store = _parameters(body["resource_url"]).get("storeid")
        shipments = [one for one in read(_FOUND, delivery.found)["shipments"] if _is_news(one, store)]
        if not shipments:
            return Nothing(reason=Reason(code="no_event", detail="ShipStation has no such shipment on its way."))
        return tuple(_shipped(one, blank) for one in shipments)
    return (_tracked(body, blank) if body["resource_type"] in _TRACKED else blank,)


def _parameters(url: str | None) -> Mapping[str, str]:
    """The parameters of an address of V1, by name in lower case. Raises Unreadable for any other address."""
    parts = split_url(url or "")
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc.lower()):
        raise Unreadable("`resource_url` is no https address of ssapi.shipstation.com, so nothing is asked for.")
    return _query(url)


def _query(url: str | None) -> Mapping[str, str]:
    return {name.lower(): value for name, value in parse_qsl(split_url(url or "").query)}


def _is_news(shipment: Mapping[str, Any], store: str | None) -> bool:
    """Whether it is a parcel on its way to a customer, of the store that the webhook is set up for."""
    is_of_store = not store or shipment["options"]["storeId"] in (store, None)
    return is_of_store and not shipment["voided"] and not shipment["is_return"]


def _shipped(one: Mapping[str, Any], blank: Event) -> Event:
    """That a parcel is on its way. Their times are without an offset, so it is as of the webhook."""
    kind, to = "order.shipped", one["to"]
    shipment = parcel(kind, id=one["id"], carrier=one["carrier"], number=one["tracking_number"])
    customer = Customer(
        name=to["name"],
        first_name=first_name(None, to["name"]),
        phone=to["phone"],
        email=one["email"],
        country=to["country"],
        phones=candidates([("shipping", to["phone"], to["country"])]),
        time_zones=zones.of_address(to["country"], to["state"]),
    )
    return replace(
        blank,
        kind=kind,
        # The number before the id: all who follow the parcel know it.
        identity=parcel_identity(kind, shipment) or identity_of(kind, "shipment", one["id"]),
        customer=customer,
        order=Order(id=one["order_key"], name=one["order_number"]),
        shipment=shipment,
    )


def _tracked(body: Mapping[str, Any], blank: Event) -> Event:
    track = body["data"]
    kind = _kind(track, blank.kind)
    # ShipEngine names the carrier in its address only, which is read and never followed.
    carrier = track["carrier_code"] or _query(body["resource_url"]).get("carrier_code")
    shipment = parcel(kind, carrier=carrier, number=track["tracking_number"], url=track["tracking_url"])
    moments = [step["occurred_at"] for step in track["events"] if step["occurred_at"]]
    return replace(
        blank,
        kind=kind,
        occurred_at=max(moments, default=blank.occurred_at),
        identity=parcel_identity(kind, shipment, track["status_detail_code"]) if track["status_code"] else None,
        shipment=shipment,
    )


def _kind(track: Mapping[str, Any], native: str) -> str:
    """The kind that the parcel's state is. A parcel that goes back to the shop is nobody's delivery."""
    status, detail = (track["status_code"] or "").upper(), (track["status_detail_code"] or "").upper()
    if "RETURN" not in detail and (kind := DETAIL_KINDS.get(detail) or KINDS.get(status)):
        return kind
    return native_kind("shipstation", f"{native.removeprefix('shipstation.')}/{status}") if status else native


SOURCE = Source(
    name="shipstation",
    title="ShipStation",
    kinds=frozenset({"order.shipped", "order.out_for_delivery", "order.delivered", "order.delivery_failed"}),
    headers=frozenset({"content-type", SIGNATURE, KEY_ID, TIMESTAMP}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    ask=ask,
    joins=True,
)
