"""Square: orders, their fulfilments, payments and refunds. https://developer.squareup.com/docs/webhooks/overview

The signature: https://developer.squareup.com/docs/webhooks/step3validate
"""

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Lookup, Parsed
from bridge.schemes import Hmac
from bridge.sources import Source
from bridge.sources._fields import read
from bridge.sources._reading import key_in_body, native_kind, read_object
from bridge.sources.square.events import absorb, events_of, order_to_ask_for
from bridge.sources.square.payloads import BODY

SIGNATURE = "x-square-hmacsha256-signature"
ENVIRONMENT = "square-environment"

_ADVICE = "Square sends JSON by itself: look for a proxy that changes the body."


def _signed(delivery: Delivery, timestamp: str) -> bytes:  # noqa: ARG001 (no time is signed)
    return delivery.url.encode("utf-8", "replace") + delivery.body


SCHEME = Hmac(header=SIGNATURE, signed=_signed, signs_url=True)


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body."""
    return key_in_body(delivery.body, "event_id")


def ask(delivery: Delivery) -> Lookup | None:
    """The order, where only it knows whether anything is to be sent, and with which carrier."""
    try:
        body = read(BODY, read_object(delivery.body, advice=_ADVICE))
    except Unreadable:
        return None
    order_id = order_to_ask_for(body)
    return Lookup(what="order", id=order_id, told_by=delivery_key(delivery)) if order_id else None


def parse(delivery: Delivery) -> Parsed:
    """The events. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(BODY, payload)
    if not body["type"]:
        raise Unreadable("The body has no `type`, so it is unknown what happened.")
    blank = Event(
        kind=native_kind("square", body["type"]),
        source="square",
        connection=delivery.connection,
        occurred_at=body["created_at"] or delivery.received_at,
        raw=payload,
    )
    is_test = delivery.headers.get(ENVIRONMENT, "").strip().lower() == "sandbox"
    return events_of(body, delivery.found or {}, blank, is_test=is_test)


SOURCE = Source(
    name="square",
    title="Square",
    kinds=frozenset(
        {"order.created", "order.paid", "order.cancelled", "order.refunded", "order.shipped", "order.delivered"}
    ),
    headers=frozenset(
        {
            "content-type",
            "square-initial-delivery-timestamp",
            "square-retry-number",
            "square-retry-reason",
            ENVIRONMENT,
            SIGNATURE,
        }
    ),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
    ask=ask,
)
