"""Shopify: orders, refunds and fulfilments. https://shopify.dev/docs/api/webhooks

The signature: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
"""

import uuid

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Nothing, Parsed
from bridge.reasons import Reason
from bridge.schemes import Hmac
from bridge.sources import Source
from bridge.sources._reading import bounded_key, native_kind, read_object
from bridge.sources.shopify import privacy
from bridge.sources.shopify.events import absorb, events_of

EVENT_ID = "x-shopify-event-id"
SIGNATURE = "x-shopify-hmac-sha256"
TOPIC = "x-shopify-topic"
WEBHOOK_ID = "x-shopify-webhook-id"

SCHEME = Hmac(header=SIGNATURE)

_ADVICE = "Set the webhook's format to JSON."


def delivery_key(delivery: Delivery) -> str | None:
    """Topic and event id, as two subscriptions tell one event twice; else the webhook id, which retries keep."""
    sent = delivery.headers.get(EVENT_ID, "").strip() or delivery.headers.get(WEBHOOK_ID, "").strip()
    return bounded_key(f"{_topic(delivery)}:{sent}") if sent else None


def signed_bytes(delivery: Delivery) -> bytes:
    """Topic and body. No header is signed, so that a captured request could come again under new ids."""
    return _topic(delivery).encode("utf-8", "replace") + b"\n" + delivery.body


def parse(delivery: Delivery) -> Parsed:
    """The events: one, or one for each parcel of `orders/fulfilled`. Raises Unreadable."""
    topic = _topic(delivery)
    if not topic:
        raise Unreadable(f"The {TOPIC} header is missing, so it is unknown what happened.")
    payload = read_object(delivery.body, advice=_ADVICE)
    if asked := privacy.request_of(topic, payload):
        return Nothing(reason=Reason(code="privacy_request"), asked=asked)
    blank = Event(
        kind=native_kind("shopify", topic),
        source="shopify",
        connection=delivery.connection,
        occurred_at=delivery.received_at,
        raw=payload,
    )
    return events_of(topic, payload, blank)


def _topic(delivery: Delivery) -> str:
    return delivery.headers.get(TOPIC, "").strip().lower()


def fresh_headers() -> dict[str, str]:
    """A new event, told for the first time."""
    return {EVENT_ID: str(uuid.uuid4()), WEBHOOK_ID: str(uuid.uuid4())}


SOURCE = Source(
    name="shopify",
    title="Shopify",
    kinds=frozenset(
        {
            "order.created",
            "order.paid",
            "order.cancelled",
            "order.refunded",
            "order.shipped",
            "order.out_for_delivery",
            "order.delivered",
            "order.delivery_failed",
        }
    ),
    headers=frozenset(
        {
            "content-type",
            "x-shopify-api-version",
            "x-shopify-name",
            "x-shopify-order-id",
            "x-shopify-shop-domain",
            "x-shopify-sub-topic",
            "x-shopify-test",
            "x-shopify-triggered-at",
            EVENT_ID,
            SIGNATURE,
            TOPIC,
            WEBHOOK_ID,
        }
    ),
    scheme=SCHEME,
    delivery_key=delivery_key,
    signed_bytes=signed_bytes,
    parse=parse,
    absorb=absorb,
    fresh_headers=fresh_headers,
)
