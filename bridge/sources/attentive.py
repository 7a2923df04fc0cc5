"""Attentive's own webhooks: texts that left, people who came, went or answered.

The payloads: https://docs.attentive.com/pages/webhooks/webhook-payloads; the signature, of Attentive's examples:
https://github.com/attentive-mobile/api-examples. They have no words of ours: they tell of texts, not of tickets or
orders. What they tell of our own texts, and of who wants them, is a `Notice`.
"""

import hashlib
from datetime import datetime
from typing import Any, Literal

from bridge import phone
from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Notice, Parsed
from bridge.schemes import Hmac, read_unix
from bridge.sources import Source
from bridge.sources._fields import Part, Reading, Text, Tolerant, read, text_of
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, native_kind, read_object

SIGNATURE = "x-attentive-hmac-sha256"
SCHEME = Hmac(header=SIGNATURE, encoding="hex")

_ADVICE = "Attentive sends JSON by itself: look for a proxy that changes the body."


class _Subscriber(Reading):
    external_id = Text()
    phone = Text()
    email = Text()

    def make(self, values: dict[str, Any]) -> Customer:
        phones = candidates([("customer", values["phone"], None)])
        return Customer(id=values["external_id"], phone=values["phone"], email=values["email"], phones=phones)


class _Pictures(Tolerant):
    """The addresses of pictures: one, or a list of them or of objects that have one."""

    def read(self, value: object) -> tuple[str, ...]:
        """Those that are addresses, each once."""
        items = value if isinstance(value, list) else [value]
        given = (next(filter(None, map(one.get, _ADDRESSES)), None) if isinstance(one, dict) else one for one in items)
        urls = (text_of(one) or "" for one in given)
        return tuple(dict.fromkeys(url for url in urls if url.startswith(("https://", "http://"))))[:_MOST_PICTURES]


# No page says where a picture stands in an answer, so it is looked for under the names that Attentive uses elsewhere.
_ADDRESSES = ("url", "mediaUrl", "media_url")
_MOST_PICTURES = 10


class _Message(Reading):
    text = Text()
    to_phone = Text()
    media_url = _Pictures(data_key="mediaUrl")
    media_url_too = _Pictures(data_key="media_url")
    media = _Pictures()
    media_urls = _Pictures(data_key="mediaUrls")


class _Subscription(Reading):
    type = Text()


class _Company(Reading):
    display_name = Text()


class _Body(Reading):
    type = Text()
    timestamp = Text()
    subscriber = Part(_Subscriber)
    message = Part(_Message)
    subscription = Part(_Subscription)
    company = Part(_Company)


_BODY = _Body()

_WHAT: dict[str, Literal["sent", "left", "joined", "answered"]] = {
    "sms.sent": "sent",
    "sms.inbound_message": "answered",
    "sms.unsubscribed": "left",
    "sms.subscribed": "joined",
}


def delivery_key(delivery: Delivery) -> str:
    """A hash of the body, which has the moment in it: there is no id, and a repetition may come three days later."""
    return f"body:{hashlib.sha256(delivery.body).hexdigest()}"


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    if body["type"] is None:
        raise Unreadable("The body has no `type`, so it is unknown what happened.")
    kind = native_kind("attentive", body["type"])
    try:
        occurred_at = read_unix(body["timestamp"] or "")
    except ValueError:
        occurred_at = delivery.received_at
    return (
        Event(
            kind=kind,
            source="attentive",
            connection=delivery.connection,
            occurred_at=occurred_at,
            identity=identity_of(kind, delivery_key(delivery)),
            customer=body["subscriber"],
            raw=payload,
            # By a clock that is fast, what comes later would be older.
            notice=_notice(body, min(occurred_at, delivery.received_at)),
        ),
    )


def _notice(body: dict[str, Any], at: datetime) -> Notice | None:
    """What the webhook tells of one of our texts or of somebody's wish, or None."""
    what, message = _WHAT.get(body["type"]), body["message"]
    number = body["subscriber"].phone or (message["to_phone"] if what == "sent" else None)
    e164 = phone.read(number, "US").e164 if number else None
    if what is None or e164 is None:
        return None
    if what == "sent":
        text, brand = message["text"], body["company"]["display_name"]
        return Notice(what=what, phone=e164, at=at, text=text, brand=brand) if text else None
    if what == "answered":
        names = ("media_url", "media_url_too", "media", "media_urls")
        media = tuple(dict.fromkeys(url for name in names for url in message[name]))
        text = message["text"] or ""
        return Notice(what=what, phone=e164, at=at, text=text, media=media) if text or media else None
    # Who leaves marketing still wants to know where the parcel is; and who joins it has not said so of other texts.
    is_ours = body["subscription"]["type"] in (None, "TRANSACTIONAL")
    return Notice(what=what, phone=e164, at=at) if is_ours else None


SOURCE = Source(
    name="attentive",
    title="Attentive",
    kinds=frozenset(),
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
)
