"""Gladly: webhooks of its developer platform. https://github.com/gladly/webhook-examples

They are not signed, and thin: ids only.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Nothing, Parsed, Ticket
from bridge.greeting import first_name
from bridge.reasons import Reason
from bridge.schemes import Token
from bridge.sources import Source
from bridge.sources._fields import Country, Flag, Line, Moment, Part, Parts, Reading, Text, read
from bridge.sources._people import candidates, fill
from bridge.sources._reading import bounded_key, identity_of, native_kind, read_object

_ADVICE = "Gladly sends JSON by itself: look for a proxy that changes the body."

# Their words for what happened, and ours: https://github.com/gladly/webhook-examples
# Customers' messages, contacts and automation have no word of ours, and no event tells an agent's answer.
KINDS = {"CONVERSATION/CREATED": "ticket.created", "CONVERSATION/CLOSED": "ticket.solved"}
STATUSES = {"CONVERSATION/CREATED": "new", "CONVERSATION/CLOSED": "closed"}


class _Initiator(Reading):
    type = Text()


class _Content(Reading):
    conversation_id = Text(data_key="conversationId")
    customer_id = Text(data_key="customerId")


class _Body(Reading):
    id = Text()
    type = Text()
    timestamp = Moment()
    initiator = Part(_Initiator)
    content = Part(_Content)


class _Phone(Reading):
    original = Text()
    normalized = Text()
    type = Text()
    primary = Flag()
    country = Country(data_key="regionCode")


class _Email(Reading):
    original = Text()
    primary = Flag()


class _Profile(Reading):
    """A customer's profile. The primary number first, then mobiles, for they are who can be texted."""

    id = Text()
    name = Line()
    phones = Parts(_Phone)
    emails = Parts(_Email)

    def make(self, values: dict[str, Any]) -> Customer:
        phones = sorted(values["phones"], key=lambda phone: (not phone["primary"], phone["type"] != "MOBILE"))
        # The normalised one has its country's code, which people leave out.
        numbers = [(phone["normalized"] or phone["original"], phone["country"]) for phone in phones]
        emails = sorted(values["emails"], key=lambda email: not email["primary"])
        return Customer(
            id=values["id"],
            name=values["name"],
            first_name=first_name(values["name"]),
            phone=next((number for number, _ in numbers if number), None),
            email=next((email["original"] for email in emails if email["original"]), None),
            phones=candidates(("customer", number, country) for number, country in numbers),
        )


_BODY = _Body()
_PROFILE = _Profile()


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, where it has one."""
    try:
        return bounded_key(_occurrence(read(_BODY, read_object(delivery.body, advice=_ADVICE))))
    except Unreadable:
        return None


def parse(delivery: Delivery) -> Parsed:
    """The event, or Nothing for the PING of a webhook that is being saved. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    topic = body["type"] or ""
    if not topic:
        raise Unreadable("The body has no `type`, so it is unknown what happened.")
    if topic == "PING":
        return Nothing(reason=Reason(code="no_event", detail="Gladly tried the address: PING."))
    content = body["content"]
    kind = _kind(topic, body)
    person = content["customer_id"]
    return (
        Event(
            kind=kind,
            source="gladly",
            connection=delivery.connection,
            occurred_at=body["timestamp"] or delivery.received_at,
            identity=_identity(kind, body),
            customer=Customer(id=person),
            ticket=Ticket(id=content["conversation_id"], status=STATUSES.get(topic)),
            raw=payload,
            lookup=Lookup(what="customer", id=person) if person else None,
        ),
    )


def _kind(topic: str, body: Mapping[str, Any]) -> str:
    # A conversation that an agent begins is no question to thank for.
    if topic == "CONVERSATION/CREATED" and (body["initiator"]["type"] or "").upper() == "AGENT":
        return native_kind("gladly", topic)
    return KINDS.get(topic) or native_kind("gladly", topic)


def _occurrence(body: Mapping[str, Any]) -> str | None:
    """The event's id. One that is the conversation's or the customer's would be the same for all that happens."""
    of_things = {body["content"]["conversation_id"], body["content"]["customer_id"]}
    return body["id"] if body["id"] not in of_things else None


def _identity(kind: str, body: Mapping[str, Any]) -> str | None:
    conversation = body["content"]["conversation_id"]
    if kind == "ticket.created":
        return identity_of(kind, "conversation", conversation)
    when = body["timestamp"].isoformat() if body["timestamp"] else None
    return identity_of(kind, "event", _occurrence(body)) or identity_of(kind, conversation, when)


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the customer's profile adds."""
    return replace(event, customer=fill(event.customer, read(_PROFILE, found)), lookup=None)


SOURCE = Source(
    name="gladly",
    title="Gladly",
    kinds=frozenset({"ticket.created", "ticket.solved"}),
    headers=frozenset({"content-type"}),
    scheme=Token(),
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
)
