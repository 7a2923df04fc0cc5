"""AfterShip: tracking webhooks. https://www.aftership.com/docs/tracking/webhook/webhook-specifications

The signature: https://www.aftership.com/docs/tracking/webhook/webhook-signature. AfterShip's other products sign alike
under other names: https://www.aftership.com/docs/shipping/webhook/webhook-signature.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Order, Parsed, Shipment
from bridge.greeting import first_name
from bridge.schemes import AnyOf, Hmac, read_unix
from bridge.sources import Source
from bridge.sources._carriers import parcel, parcel_identity
from bridge.sources._fields import FirstText, Flag, Line, Part, Parts, Reading, Text, Tolerant, read, text_of
from bridge.sources._moments import GmtMoment
from bridge.sources._news import SEEN_WITHIN, is_old
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, key_in_body, native_kind, read_object

SIGNATURE = "aftership-hmac-sha256"

SCHEME = AnyOf(
    (
        Hmac(header=SIGNATURE),
        Hmac(header="as-signature-hmac-sha256"),
        Hmac(header="am-webhook-signature", prefix="hmac-sha256="),
    )
)

_ADVICE = "AfterShip sends JSON by itself: look for a proxy that changes the body."

# Their `tag`: https://www.aftership.com/docs/tracking/enum/delivery-statuses. Pending and InfoReceived are before the
# carrier has the parcel; AvailableForPickup, Exception and Expired have no kind of ours.
KINDS = {
    "intransit": "order.shipped",
    "outfordelivery": "order.out_for_delivery",
    "delivered": "order.delivered",
    "attemptfail": "order.delivery_failed",
}

# Exceptions that the customer can do something about: moved, held for payment, incorrect address.
# https://www.aftership.com/docs/tracking/enum/delivery-sub-statuses
ACTIONABLE = {"exception_002", "exception_006", "exception_007"}

# The countries that texts go to, as ISO 3166 writes them in three letters.
_COUNTRIES = {"USA": "US", "CAN": "CA", "GBR": "GB"}


class _Seconds(Tolerant):
    """A moment from the number of seconds since 1970; None for one before AfterShip was there."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        try:
            moment = read_unix(text_of(value) or "")
        except ValueError:
            return None
        return moment if moment.year > 2010 else None


class _Person(Reading):
    name = Line()
    email = Text()
    phone_number = Text()


class _Checkpoint(Reading):
    # Most are local hours: a day more or less does not matter here.
    checkpoint_time = GmtMoment()


class _Tracking(Reading):
    id = Text()
    tracking_number = Text()
    slug = Text()
    tag = Text()
    subtag = Text()
    order_id = Text()
    order_number = Line()
    courier_tracking_link = Text()
    return_to_sender = Flag()
    delivery_type = Text()
    customer_name = Line()
    customers = Parts(_Person)
    smses = FirstText()
    phone_number = Text()
    emails = FirstText()
    destination_country_iso3 = Text()
    destination_country_region = Text()
    checkpoints = Parts(_Checkpoint)


class _Body(Reading):
    event = Text()
    event_id = Text()
    ts = _Seconds()
    msg = Part(_Tracking)


_BODY = _Body()


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body."""
    return key_in_body(delivery.body, "event_id")


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    if not body["event"]:
        raise Unreadable("The body has no `event`, so it is unknown what happened.")
    tracking = body["msg"]
    kind = _kind(body["event"], tracking, body["ts"])
    shipment = parcel(
        kind,
        id=tracking["id"],
        carrier=tracking["slug"],
        number=tracking["tracking_number"],
        url=tracking["courier_tracking_link"],
    )
    return (
        Event(
            kind=kind,
            source="aftership",
            connection=delivery.connection,
            occurred_at=body["ts"] or delivery.received_at,
            identity=_identity(kind, shipment, body),
            customer=_customer(tracking),
            order=Order(id=tracking["order_id"], name=tracking["order_number"]),
            shipment=shipment,
            raw=payload,
        ),
    )


def _identity(kind: str, shipment: Shipment, body: Mapping[str, Any]) -> str | None:
    return parcel_identity(kind, shipment, body["msg"]["subtag"]) or identity_of(kind, "event", body["event_id"])


def _kind(event: str, tracking: Mapping[str, Any], told: datetime | None) -> str:
    """The kind that the parcel's state is. What is on its way back to the shop is nobody's delivery, and a parcel of
    last month that is imported tells what its customer knows."""
    tag = tracking["tag"]
    if event != "tracking_update" or not tag:
        return native_kind("aftership", event)
    is_actionable = (tracking["subtag"] or "").lower() in ACTIONABLE
    kind = "order.delivery_failed" if is_actionable else KINDS.get(tag.lower())
    times = [one["checkpoint_time"] for one in tracking["checkpoints"] if one["checkpoint_time"]]
    is_news = not tracking["return_to_sender"] and not is_old(max(times, default=None), told, SEEN_WITHIN)
    # What is delivered to the shop for its customer to pick up is not at the customer's.
    is_near = tracking["delivery_type"] != "pickup_at_store" or kind == "order.shipped"
    if kind and is_news and is_near:
        return kind
    return native_kind("aftership", f"{event}/{tag}")


def _customer(tracking: Mapping[str, Any]) -> Customer:
    """Whom the parcel goes to, where the shop has given AfterShip their name or number."""
    person = next(iter(tracking["customers"]), None) or {"name": None, "email": None, "phone_number": None}
    name = tracking["customer_name"] or person["name"]
    country = _COUNTRIES.get(tracking["destination_country_region"] or tracking["destination_country_iso3"] or "")
    numbers = (tracking["smses"], tracking["phone_number"], person["phone_number"])
    phones = candidates(("order", number, country) for number in numbers)
    return Customer(
        name=name,
        first_name=first_name(None, name),
        phone=phones[0].number if phones else None,
        email=tracking["emails"] or person["email"],
        country=country,
        phones=phones,
    )


SOURCE = Source(
    name="aftership",
    title="AfterShip",
    kinds=frozenset({"order.shipped", "order.out_for_delivery", "order.delivered", "order.delivery_failed"}),
    headers=frozenset({"content-type", "as-webhook-version", SIGNATURE, *SCHEME.also}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    joins=True,
)
