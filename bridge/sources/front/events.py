"""What a Front event means in our words. https://dev.frontapp.com/reference/events"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.events import Customer, Event, Lookup, Ticket
from bridge.greeting import first_name
from bridge.sources._fields import read
from bridge.sources._people import candidates, fill
from bridge.sources._reading import identity_of, native_kind
from bridge.sources.front.payloads import Contact, Conversation, Message

Record = Mapping[str, Any]

# Their words for what happened, those of applications and those of events, and theirs for the same in short.
TYPES = {
    "inbound_received": "inbound",
    "inbound": "inbound",
    "outbound_sent": "outbound",
    "outbound": "outbound",
    "out_reply": "outbound",
    "conversation_archived": "archive",
    "archive": "archive",
    "conversation_reopened": "reopen",
    "reopen": "reopen",
}

# Their words for the status of a conversation, and where ticketing is on, for the category of its ticket status.
STATUSES = {
    "unassigned": "open",
    "assigned": "open",
    "open": "open",
    "snoozed": "pending",
    "waiting": "pending",
    "archived": "solved",
    "resolved": "solved",
}
_GONE = {"spam", "deleted", "trashed"}
# Types of messages that have reached the customer's phone by themselves, so that a text would say it again.
_ON_THE_PHONE = {"sms", "whatsapp", "call", "phone-call", "truly-call"}

# A conversation begins with its first message; clocks and a slow import may part the two a little.
_BEGINS_WITHIN = timedelta(minutes=5)
_BEGINS_AT_ONCE = timedelta(seconds=1)

_CONTACT = re.compile(r"/contacts/([A-Za-z0-9_]{1,64})\Z", re.ASCII)
# Digits alone may be somebody's id at Facebook or in a chat, and just as well a stranger's number.
_PHONE = re.compile(r"(?:\+|(?=.*\D))[\d\s().-]{7,25}", re.ASCII)

_CONVERSATION, _MESSAGE, _RECORD = Conversation(), Message(), Contact()


def told(topic: str, happened: Record, blank: Event) -> Event:
    """`blank` with what happened, to which conversation and with whom."""
    conversation, message = happened["conversation"], happened["target"]["data"]
    means = TYPES.get(topic)
    kind = _kind(topic, conversation, message)
    customer, contact = _customer(means, conversation, message)
    return replace(
        blank,
        kind=kind,
        identity=_identity(kind, happened),
        customer=customer,
        ticket=_ticket(kind, means, conversation, message),
        lookup=_next(contact, conversation, customer),
    )


def _kind(topic: str, conversation: Record, message: Record) -> str:
    means, native = TYPES.get(topic), native_kind("front", topic)
    if conversation["status"] in _GONE:
        return native
    if means == "inbound":
        begins = message["is_inbound"] and _begins(conversation, message, _BEGINS_WITHIN)
        return "ticket.created" if begins else native
    if means == "outbound":
        return "ticket.replied" if _is_reply(topic, conversation, message) else native
    if means == "archive":
        # Where ticketing is on, an archived conversation may well wait for something.
        return native if conversation["status_category"] in {"open", "waiting"} else "ticket.solved"
    return "ticket.reopened" if means == "reopen" else native


def _begins(conversation: Record, message: Record, within: timedelta) -> bool:
    """Whether a conversation may have begun with this message; where nothing speaks against it, yes."""
    if message["links"]["related"]["message_replied_to"]:
        return False
    began, written = conversation["created_at"], message["created_at"]
    return not (began and written) or written - began <= within


def _is_reply(topic: str, conversation: Record, message: Record) -> bool:
    """Whether an agent answers the customer. Automatic answers have no author, and an agent may write to others."""
    if not message["author"]["id"] or message["is_inbound"] is not False or message["is_draft"]:
        return False
    if message["type"] in _ON_THE_PHONE:
        return False
    customer = conversation["recipient"]["handle"]
    others = {one["handle"] for one in message["recipients"] if one["role"] in {"to", "cc", "bcc"}}
    # Other companies' channels for texts have types of their own ("custom"); there people are known by their numbers.
    if any(_PHONE.fullmatch(handle or "") for handle in (customer, *others)):
        return False
    if customer and others and customer not in others:
        return False
    knows_when = conversation["created_at"] and message["created_at"]
    return topic == "out_reply" or not (knows_when and _begins(conversation, message, _BEGINS_AT_ONCE))


def _identity(kind: str, event: Record) -> str | None:
    if kind == "ticket.created":
        return identity_of(kind, "conversation", event["conversation"]["id"]) or identity_of(kind, "event", event["id"])
    if kind == "ticket.replied" and event["target"]["data"]["id"]:
        return identity_of(kind, "comment", event["target"]["data"]["id"])
    return identity_of(kind, "event", event["id"])


def _ticket(kind: str, means: str | None, conversation: Record, message: Record) -> Ticket:
    # What colleagues say to each other is a target with a body, too.
    # The text is without the signature and the quoted mail that are in the body.
    words = message["text"] or message["body"] if means in {"inbound", "outbound"} else None
    author = message["author"]
    name = " ".join(part for part in (author["first_name"], author["last_name"]) if part)
    return Ticket(
        id=conversation["id"],
        subject=conversation["subject"],
        status=STATUSES.get(conversation["status_category"] or "") or STATUSES.get(conversation["status"] or ""),
        comment=words,
        agent=name or None if kind == "ticket.replied" else None,
    )


def _customer(means: str | None, conversation: Record, message: Record) -> tuple[Customer, str | None]:
    """The person a conversation is with, and the id of their record."""
    person = conversation["recipient"]
    if not person["handle"]:
        role = {"inbound": "from", "outbound": "to"}.get(means or "")
        person = next((one for one in message["recipients"] if one["role"] == role), person)
    contact = _CONTACT.search(person["links"]["related"]["contact"] or "")
    return _as_customer(person, contact[1] if contact else None), contact[1] if contact else None


def _as_customer(person: Record, contact: str | None) -> Customer:
    handle = person["handle"] or ""
    phone = handle if _PHONE.fullmatch(handle) else None
    return Customer(
        id=contact,
        name=person["name"],
        first_name=first_name(person["name"]),
        phone=phone,
        email=handle if "@" in handle[1:] else None,
        phones=candidates([("customer", phone, None)]),
    )


def _next(contact: str | None, conversation: Record, customer: Customer) -> Lookup | None:
    """Whom to ask for; in a preview, first what the conversation knows of them."""
    if contact:
        return Lookup(what="contact", id=contact)
    unknown = not (customer.phone or customer.email) and conversation["id"]
    return Lookup(what="conversation", id=conversation["id"]) if unknown else None


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what a conversation or a contact's record adds."""
    if event.lookup and event.lookup.what == "conversation":
        customer, contact = _customer(None, read(_CONVERSATION, found), read(_MESSAGE, None))
        follows = Lookup(what="contact", id=contact) if contact else None
        return replace(event, customer=fill(event.customer, customer), lookup=follows)
    return replace(event, customer=fill(event.customer, read(_RECORD, found)), lookup=None)
