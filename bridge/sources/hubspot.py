"""HubSpot: webhooks of an app, each a list of thin events. https://developers.hubspot.com/docs/api/webhooks

The signature (v3): https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import Hmac, milliseconds
from bridge.sources import Source
from bridge.sources._fields import Line, Part, Parts, Reading, Text, read
from bridge.sources._moments import UnixMoment
from bridge.sources._people import candidates, fill
from bridge.sources._reading import identity_of, native_kind, read_objects

SIGNATURE = "x-hubspot-signature-v3"
TIMESTAMP = "x-hubspot-request-timestamp"

_ADVICE = "HubSpot sends JSON by itself: look for a proxy that changes the body."
_WORKFLOWS = "Workflows' own webhooks cannot be read: subscribe an app to events."

# The escapes that HubSpot signs as the characters they stand for. Its page and those who wrote about it list different
# ones; these are both.
_SIGNED_DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B|26|3D|2B|60|22|3E|3C)", re.IGNORECASE)

# What made a change (`changeSource`) that is no news to a customer: tickets of the past come in, or two become one.
_BOOKKEEPING = {"IMPORT", "MIGRATION", "MERGE_OBJECTS", "MERGE_CONTACTS"}
# What made one that no customer did: those, and somebody at the screen.
_OWN_DOING = {"CRM", "CRM_UI", "CRM_UI_BULK_ACTION", *_BOOKKEEPING}

# Stages of the pipeline that every account begins with: https://developers.hubspot.com/docs/api/crm/tickets
# Those of other pipelines have ids of their own, which only their users know.
STAGES = {"1": "new", "2": "pending", "3": "open", "4": "solved"}

# The number of the type of objects that tickets are, and contacts: newer apps are told it instead of a name.
_NAMES = {"0-5": "ticket", "0-1": "contact"}


class _Change(Reading):
    subscription_type = Text(data_key="subscriptionType")
    object_type = Text(data_key="objectTypeId")
    object_id = Text(data_key="objectId")
    property_name = Text(data_key="propertyName")
    value = Text(data_key="propertyValue")
    source = Text(data_key="changeSource")
    time = UnixMoment(data_key="occurredAt")


class _TicketProperties(Reading):
    subject = Line()
    content = Text()
    stage = Text(data_key="hs_pipeline_stage")


class _Reference(Reading):
    id = Text()


class _References(Reading):
    results = Parts(_Reference)


class _Associations(Reading):
    contacts = Part(_References)


class _TicketRecord(Reading):
    properties = Part(_TicketProperties)
    associations = Part(_Associations)


class _Person(Reading):
    """A contact's properties. A mobile first, for it is who can be texted."""

    first_name = Line(data_key="firstname")
    last_name = Line(data_key="lastname")
    email = Text()
    phone = Text()
    mobile = Text(data_key="mobilephone")
    locale = Text(data_key="hs_language")

    def make(self, values: dict[str, Any]) -> Customer:
        name = " ".join(filter(None, (values["first_name"], values["last_name"]))) or None
        numbers = (values["mobile"], values["phone"])
        return Customer(
            name=name,
            first_name=first_name(values["first_name"], name),
            phone=next(filter(None, numbers), None),
            email=values["email"],
            locale=values["locale"],
            phones=candidates(("customer", number, None) for number in numbers),
        )


class _ContactRecord(Reading):
    id = Text()
    properties = Part(_Person)


_CHANGE = _Change()
_TICKET = _TicketRecord()
_CONTACT = _ContactRecord()


def _signed(delivery: Delivery, timestamp: str) -> bytes:
    """Method, address, body and time. A few escapes in the address are signed as the characters they stand for."""
    address = _SIGNED_DECODED.sub(lambda escape: unquote(escape[0]), delivery.url)
    before = f"{delivery.method}{address}".encode("utf-8", "replace")
    return before + delivery.body + timestamp.encode("utf-8", "replace")


SCHEME = Hmac(header=SIGNATURE, timestamp=milliseconds(TIMESTAMP), signed=_signed, signs_url=True)


def delivery_key(delivery: Delivery) -> str | None:  # noqa: ARG001 (the form of all sources)
    """None: a request has no id, and the ids of its events may be given twice. Each event tells itself apart."""
    return None


def parse(delivery: Delivery) -> Parsed:
    """The events: one for each in the list. Raises Unreadable."""
    payloads = read_objects(delivery.body, advice=_ADVICE)
    changes = [read(_CHANGE, payload) for payload in payloads]
    if not any(change["subscription_type"] for change in changes):
        raise Unreadable(f"No event has a `subscriptionType`, so it is unknown what happened. {_WORKFLOWS}")
    return tuple(_event(change, payload, delivery) for change, payload in zip(changes, payloads, strict=True))


def _event(change: Mapping[str, Any], payload: Mapping[str, object], delivery: Delivery) -> Event:
    topic = _topic(change)
    kind, status = _kind(topic, change)
    family = topic.partition(".")[0]
    object_id = change["object_id"]
    asked = family if family in _NAMES.values() and object_id else None
    return Event(
        kind=kind,
        source="hubspot",
        connection=delivery.connection,
        occurred_at=change["time"] or delivery.received_at,
        identity=_identity(kind, change),
        customer=Customer(id=object_id if family == "contact" else None),
        ticket=Ticket(id=object_id, status=status) if family == "ticket" else Ticket(),
        raw=payload,
        lookup=Lookup(what=asked, id=object_id) if asked else None,
    )


def _topic(change: Mapping[str, Any]) -> str:
    # One that is unlike all others must not cost them their texts.
    topic: str = change["subscription_type"] or "unnamed"
    family, _, what = topic.partition(".")
    return f"{_NAMES.get(change['object_type'] or '', family)}.{what}" if family == "object" else topic


def _kind(topic: str, change: Mapping[str, Any]) -> tuple[str, str | None]:
    """The kind of a change, and the ticket's status where the change says it."""
    native = native_kind("hubspot", topic)
    if topic == "ticket.creation":
        # One that an agent makes is no question to thank for.
        return ("ticket.created", "new") if change["source"] not in _OWN_DOING else (native, None)
    if topic != "ticket.propertyChange" or change["source"] in _BOOKKEEPING:
        return native, None
    if change["property_name"] == "closed_date":
        return ("ticket.solved", "solved") if change["value"] else ("ticket.reopened", "open")
    if change["property_name"] == "hs_pipeline_stage" and (status := STAGES.get(change["value"] or "")):
        return ("ticket.solved" if status == "solved" else "ticket.updated"), status
    return native, None


def _identity(kind: str, change: Mapping[str, Any]) -> str | None:
    """What makes it the same event in another attempt, which has another number and perhaps other events beside it."""
    if kind == "ticket.created":
        return identity_of(kind, "ticket", change["object_id"])
    moment: datetime | None = change["time"]
    if kind in {"ticket.solved", "ticket.reopened"}:
        # Stage and date of closing change within moments of each other, where somebody subscribes to both.
        minute = f"{moment:%Y-%m-%dT%H:%MZ}" if moment else None
        return identity_of(kind, "ticket", change["object_id"], minute)
    when = moment.isoformat() if moment else None
    return identity_of(kind, change["object_id"], change["property_name"] or "object", when)


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the ticket's record adds, and then its contact's.

    https://developers.hubspot.com/docs/api/crm/tickets and https://developers.hubspot.com/docs/api/crm/contacts
    """
    if event.lookup and event.lookup.what == "ticket":
        return _with_ticket(event, found)
    contact = read(_CONTACT, found)
    person = replace(contact["properties"], id=contact["id"])
    return replace(event, customer=fill(event.customer, person), lookup=None)


def _with_ticket(event: Event, found: Mapping[str, object]) -> Event:
    record = read(_TICKET, found)
    known, properties = event.ticket, record["properties"]
    contact = next((contact["id"] for contact in record["associations"]["contacts"]["results"] if contact["id"]), None)
    ticket = replace(
        known,
        subject=known.subject or properties["subject"],
        status=known.status or STAGES.get(properties["stage"] or ""),
        # What the customer wrote at first. It is nobody's answer.
        comment=properties["content"] if event.kind == "ticket.created" else known.comment,
    )
    return replace(event, ticket=ticket, lookup=Lookup(what="contact", id=contact) if contact else None)


SOURCE = Source(
    name="hubspot",
    title="HubSpot",
    kinds=frozenset({"ticket.created", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    headers=frozenset({"content-type", "x-hubspot-signature-version", SIGNATURE, TIMESTAMP}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
)
