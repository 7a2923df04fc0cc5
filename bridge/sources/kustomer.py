"""Kustomer: outbound webhooks. https://developer.kustomer.com/docs/events/event-catalog.md

The signature: https://developer.kustomer.com/docs/events/delivery-and-retries.md. Public code knows another header
name than the documented one, so a connection may override it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import Hmac
from bridge.sources import Source
from bridge.sources._fields import Flag, Line, Moment, Part, Parts, Reading, Text, read
from bridge.sources._people import candidates, fill
from bridge.sources._reading import identity_of, key_in_body, native_kind, read_object

SIGNATURE = "x-kustomer-webhook-signature"

# A secret is the webhook's `token`.
SCHEME = Hmac(header=SIGNATURE, encoding="hex")

_ADVICE = "Kustomer sends JSON by itself: look for a proxy that changes the body."

# Their words for a conversation's status: https://developer.kustomer.com/docs/events/event-catalog.md
STATUSES = {"open": "open", "snoozed": "pending", "done": "solved"}


# Channels on which an answer has reached the customer's phone by itself, so that a text would say it again.
_ON_THE_PHONE = {"sms", "mms", "voice", "whatsapp"}
# What a message is sent as that answers nobody: one to many people, and the question how it was.
_ROUND = {"bulk", "satisfaction"}


class _Phone(Reading):
    phone = Text()
    type = Text()


class _Email(Reading):
    email = Text()


class _Person(Reading):
    """A customer's attributes. `displayName` is left out: without a name it is a nickname like "Silver Scissors"."""

    name = Line()
    first_name = Text(data_key="firstName")
    locale = Text()
    phones = Parts(_Phone)
    emails = Parts(_Email)

    def make(self, values: dict[str, Any]) -> Customer:
        # A stable sort: mobiles first, for they are who can be texted.
        phones = sorted(values["phones"], key=lambda phone: phone["type"] != "mobile")
        return Customer(
            name=values["name"],
            first_name=first_name(values["first_name"], values["name"]),
            phone=next((phone["phone"] for phone in phones if phone["phone"]), None),
            email=next((email["email"] for email in values["emails"] if email["email"]), None),
            locale=values["locale"],
            phones=candidates(("customer", phone["phone"], None) for phone in phones),
        )


class _Record(Reading):
    id = Text()
    attributes = Part(_Person)


class _Answer(Reading):
    data = Part(_Record)


class _Reference(Reading):
    id = Text()
    type = Text()


class _Attributes(Reading):
    """What conversations and messages have; the names do not overlap."""

    subject = Text(data_key="name")
    preview = Text()
    status = Text()
    channel = Text()
    direction = Text()
    direction_type = Text(data_key="directionType")
    source = Text()
    imported_at = Text(data_key="importedAt")
    reference = Part(_Reference)
    auto = Flag()
    spam = Flag()


class _Related(Reading):
    data = Part(_Reference)


class _Relationships(Reading):
    customer = Part(_Related)
    conversation = Part(_Related)


class _Data(Reading):
    id = Text()
    attributes = Part(_Attributes)
    relationships = Part(_Relationships)


class _StatusChange(Reading):
    before = Text()
    after = Text()


class _ChangedAttributes(Reading):
    status = Part(_StatusChange)


class _Changes(Reading):
    attributes = Part(_ChangedAttributes)


class _Body(Reading):
    id = Text()
    name = Text()
    created_at = Moment(data_key="createdAt")
    data = Part(_Data)
    changes = Part(_Changes)


_BODY = _Body()
_ANSWER = _Answer()


def delivery_key(delivery: Delivery) -> str | None:
    """The event's own id, which is in the signed body."""
    return key_in_body(delivery.body)


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    topic = (body["name"] or "").removeprefix("kustomer.")
    if not topic:
        raise Unreadable("The body has no `name`, so it is unknown what happened.")
    kind = _kind(topic, body["data"]["attributes"], body["changes"]["attributes"]["status"])
    customer, lookup = _customer(topic, body["data"], payload)
    return (
        Event(
            kind=kind,
            source="kustomer",
            connection=delivery.connection,
            occurred_at=body["created_at"] or delivery.received_at,
            identity=_identity(kind, body),
            customer=customer,
            ticket=_ticket(topic, body["data"]),
            raw=payload,
            lookup=lookup,
            by_agent=kind == "ticket.replied",
        ),
    )


def _kind(topic: str, attributes: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    # What is brought in from another helpdesk happened long ago.
    if attributes["spam"] or (attributes["imported_at"] and topic.endswith(".create")):
        return native_kind("kustomer", topic)
    if topic == "conversation.create":
        # A conversation that an agent begins is no question to thank for.
        return native_kind("kustomer", topic) if attributes["direction"] == "out" else "ticket.created"
    # conversation.update comes for every counter that moves; only a status that became another one is news.
    if topic == "conversation.update" and status["after"] and status["after"] != status["before"]:
        if status["after"] == "done":
            return "ticket.solved"
        return "ticket.reopened" if status["before"] == "done" else "ticket.updated"
    if topic == "message.create" and _is_answer(attributes):
        return "ticket.replied"
    return native_kind("kustomer", topic)


def _is_answer(message: Mapping[str, Any]) -> bool:
    """Whether an agent answers the customer, who would not see it on the phone otherwise."""
    return (
        message["direction"] == "out"
        # With this one an agent begins a conversation: https://help.kustomer.com/direction-vs-direction-type-HkMK13aIQ
        and message["direction_type"] != "initial-out"
        # To somebody else.
        and message["reference"]["type"] != "forward"
        and message["source"] not in _ROUND
        and not message["auto"]
        and message["status"] != "error"
        and (message["channel"] or "").lower() not in _ON_THE_PHONE
    )


def _identity(kind: str, body: Mapping[str, Any]) -> str | None:
    if kind == "ticket.replied" and body["data"]["id"]:
        return identity_of(kind, "comment", body["data"]["id"])
    return identity_of(kind, "event", body["id"])


def _customer(topic: str, data: Mapping[str, Any], payload: Mapping[str, object]) -> tuple[Customer, Lookup | None]:
    """The person, who is in the body of customer events only, and whom to ask for otherwise."""
    if topic.startswith("customer."):
        return _person(payload), None
    customer_id = data["relationships"]["customer"]["data"]["id"]
    return Customer(id=customer_id), Lookup(what="customer", id=customer_id) if customer_id else None


def _ticket(topic: str, data: Mapping[str, Any]) -> Ticket:
    attributes = data["attributes"]
    if topic.startswith("message."):
        return Ticket(id=data["relationships"]["conversation"]["data"]["id"], comment=attributes["preview"])
    if topic.startswith("conversation."):
        status = STATUSES.get((attributes["status"] or "").lower())
        return Ticket(id=data["id"], subject=attributes["subject"], status=status, comment=attributes["preview"])
    return Ticket()


def _person(payload: Mapping[str, object]) -> Customer:
    record = read(_ANSWER, payload)["data"]
    person: Customer = record["attributes"]
    return replace(person, id=record["id"])


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the customer's record adds, which looks as it does in a customer event."""
    return replace(event, customer=fill(event.customer, _person(found)), lookup=None)


SOURCE = Source(
    name="kustomer",
    title="Kustomer",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    headers=frozenset({"content-type", "x-kustomer-webhook-event", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
)
