"""WooCommerce: orders. https://woocommerce.com/document/webhooks/

The signature and the headers: https://github.com/woocommerce/woocommerce (`includes/class-wc-webhook.php`).
"""

import hashlib
import re

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Parsed
from bridge.schemes import Hmac
from bridge.signing import verbatim
from bridge.sources import Answer, Source
from bridge.sources._fields import text_of
from bridge.sources._reading import bounded_key, native_kind, read_object
from bridge.sources.woocommerce.events import events_of

SIGNATURE = "x-wc-webhook-signature"
TOPIC = "x-wc-webhook-topic"
SHOP = "x-wc-webhook-source"

_ADVICE = "WooCommerce sends JSON by itself: look for a plugin or proxy that changes the body."
# No shop can be there (RFC 2606). Samples are of the day on which they were recorded.
_SAMPLES_SHOP = re.compile(r"https://[a-z0-9.-]+\.example(?:/|$)", re.ASCII)
_PING = re.compile(rb"\s*webhook_id=\d{1,20}\s*")

# `wp_specialchars_decode` with ENT_QUOTES: https://developer.wordpress.org/reference/functions/wp_specialchars_decode/
_ENTITIES = re.compile(r"&(?:amp|lt|gt|quot|#0*(?:38|39|34|60|62)|#[xX]0*(?:26|27|22));", re.ASCII)
_CHARACTERS = {
    "&amp;": "&",
    "&#38;": "&",
    "&#x26;": "&",
    "&lt;": "<",
    "&#60;": "<",
    "&gt;": ">",
    "&#62;": ">",
    "&quot;": '"',
    "&#34;": '"',
    "&#x22;": '"',
    "&#39;": "'",
    "&#x27;": "'",
}
_ZEROS = re.compile(r"(?<=&#)(x?)0+", re.IGNORECASE)


def decoded(secret: str) -> bytes:
    """The key that a secret is: its entities are characters, each decoded once."""
    return verbatim(_ENTITIES.sub(_character, secret))


def _character(match: re.Match[str]) -> str:
    return _CHARACTERS[_ZEROS.sub(r"\1", match[0]).lower()]


SCHEME = Hmac(header=SIGNATURE, key=decoded)


def handshake(delivery: Delivery) -> Answer | None:
    """200 to the ping that comes when a webhook is saved: a form with its id, unsigned. Nothing else will do."""
    is_ping = SIGNATURE not in delivery.headers and TOPIC not in delivery.headers and _PING.fullmatch(delivery.body)
    return Answer() if is_ping and delivery.method == "POST" else None


def delivery_key(delivery: Delivery) -> str | None:
    """Topic and body: WooCommerce's own id is that of a webhook and a second, which two orders may share.

    It sends nothing a second time by itself. The topic counts, because a new order and its update can look the same.
    """
    topic = _topic(delivery)
    return bounded_key(f"{topic}:{hashlib.sha256(delivery.body).hexdigest()}") if topic else None


def parse(delivery: Delivery) -> Parsed:
    """What the order's state and parcels say has happened. Raises Unreadable."""
    topic = _topic(delivery)
    if not topic:
        raise Unreadable(f"The {TOPIC} header is missing, so it is unknown what happened.")
    payload = read_object(delivery.body, advice=_ADVICE)
    code = text_of(payload.get("code"))
    if code and code.startswith("woocommerce_rest_"):
        raise Unreadable(
            f"WooCommerce sent the error {code[:60]} instead of the order: save the webhook once more as a user who may"
            " see orders, such as an administrator."
        )
    blank = Event(
        kind=native_kind("woocommerce", topic),
        source="woocommerce",
        connection=delivery.connection,
        occurred_at=delivery.received_at,
        raw=payload,
    )
    is_sample = bool(_SAMPLES_SHOP.match(delivery.headers.get(SHOP, "")))
    return events_of(topic, payload, blank, received_at=None if is_sample else delivery.received_at)


def _topic(delivery: Delivery) -> str:
    return delivery.headers.get(TOPIC, "").strip().lower()


SOURCE = Source(
    name="woocommerce",
    title="WooCommerce",
    kinds=frozenset({"order.created", "order.paid", "order.cancelled", "order.refunded", "order.shipped"}),
    headers=frozenset(
        {
            "content-type",
            "x-wc-webhook-delivery-id",
            "x-wc-webhook-event",
            "x-wc-webhook-id",
            "x-wc-webhook-resource",
            SHOP,
            SIGNATURE,
            TOPIC,
        }
    ),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    handshake=handshake,
)
