"""Front: application webhooks (https://dev.frontapp.com/docs/application-webhooks) and rule webhooks
(https://dev.frontapp.com/docs/rule-webhooks), which are signed in another way under the same header.

Both tell events, whole or as a preview: who wrote what, and to whom, is not in a preview, so Front is asked for it.
"""

import re
from collections.abc import Mapping
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing, Parsed
from bridge.reasons import Reason
from bridge.schemes import AnyOf, Hmac, milliseconds, time_and_body
from bridge.sources import Answer, Source
from bridge.sources._fields import read
from bridge.sources._reading import bounded_key, native_kind, read_object
from bridge.sources.front.events import TYPES, absorb, told
from bridge.sources.front.payloads import Envelope, Happened

SIGNATURE = "x-front-signature"
TIMESTAMP = "x-front-request-timestamp"
CHALLENGE = "x-front-challenge"

# Judged by whether there is a time: an application webhook has one, a rule webhook has none. Their secrets differ, the
# app's signing key and the company's API secret.
SCHEME = AnyOf(
    (
        Hmac(header=SIGNATURE, timestamp=milliseconds(TIMESTAMP), signed=time_and_body(":")),
        Hmac(header=SIGNATURE, algorithm="sha1"),
    )
)

_ADVICE = "Front sends JSON by itself: look for a proxy that changes the body."

_CHALLENGE = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}", re.ASCII)
_ENVELOPE, _EVENT = Envelope(), Happened()


def handshake(delivery: Delivery) -> Answer | None:
    """The challenge that Front sends when an application's webhook is saved, as plain text."""
    challenge = delivery.headers.get(CHALLENGE, "")
    if delivery.method != "POST" or not _CHALLENGE.fullmatch(challenge):
        return None
    try:
        is_sync = read_object(delivery.body, advice=_ADVICE).get("type") == "sync"
    except Unreadable:
        is_sync = not delivery.body.strip()
    return Answer(text=challenge) if is_sync else None


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body."""
    try:
        return bounded_key(_told(read_object(delivery.body, advice=_ADVICE))[1]["id"])
    except Unreadable:
        return None


def ask(delivery: Delivery) -> Lookup | None:
    """The whole event, where the preview of a message says neither who wrote it nor what."""
    try:
        topic, event = _told(read_object(delivery.body, advice=_ADVICE))
    except Unreadable:
        return None
    is_preview = event["target"]["data"]["is_inbound"] is None
    asks = TYPES.get(topic or "") in {"inbound", "outbound"} and is_preview and event["id"]
    return Lookup(what="event", id=event["id"]) if asks else None


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    topic, event = _told(payload)
    if not topic:
        raise Unreadable("The body has no `type`, so it is unknown what happened.")
    if topic == "sync":
        return Nothing(reason=Reason(code="no_event", detail="It is Front's test of the address."))
    blank = Event(
        kind=native_kind("front", topic),
        source="front",
        connection=delivery.connection,
        occurred_at=event["emitted_at"] or delivery.received_at,
        raw=payload,
    )
    return (told(topic, _completed(event, delivery.found), blank),)


def _told(payload: Mapping[str, object]) -> tuple[str | None, Mapping[str, Any]]:
    """What happened, in Front's word, and the event, which an application's webhook has in an envelope."""
    envelope = read(_ENVELOPE, payload)
    if isinstance(payload.get("payload"), dict):
        event = envelope["payload"]
        return envelope["type"] or event["type"], event
    return envelope["type"], read(_EVENT, payload)


def _completed(event: Mapping[str, Any], found: Mapping[str, object] | None) -> Mapping[str, Any]:
    """The event with the message and the conversation that Front was asked for."""
    whole = read(_EVENT, found)
    if whole["id"] != event["id"] or event["id"] is None:
        return event
    conversation = whole["conversation"] if whole["conversation"]["id"] else event["conversation"]
    return {**event, "target": whole["target"], "conversation": conversation}


SOURCE = Source(
    name="front",
    title="Front",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened"}),
    headers=frozenset({"content-type", SIGNATURE, TIMESTAMP}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    ask=ask,
    absorb=absorb,
    handshake=handshake,
)
