"""Help Scout: webhooks of the Inbox API 2.0. https://developer.helpscout.com/webhooks/

The body is the conversation (or customer) itself. What happened stands in a header only, which is not signed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import Hmac
from bridge.sources import Source
from bridge.sources._fields import read
from bridge.sources._people import candidates, fill
from bridge.sources._reading import bounded_key, identity_of, native_kind, read_object
from bridge.sources.helpscout.payloads import CONVERSATION, PERSON

EVENT = "x-helpscout-event"
SIGNATURE = "x-helpscout-signature"

SCHEME = Hmac(header=SIGNATURE, algorithm="sha1")

_ADVICE = "Help Scout sends JSON by itself: look for a proxy that changes the body."

# Their words for a conversation's status: https://developer.helpscout.com/mailbox-api/endpoints/conversations/get/
# A customer's answer opens a closed one again, so closed is what we call solved. spam has no word of ours.
STATUSES = {"active": "open", "open": "open", "pending": "pending", "closed": "solved"}

# Types of threads that reach the customer: https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/
_REPLIES = {"message", "reply"}
# Where a thread comes from that no person wrote.
_AUTOMATIC = {"workflow", "workflows"}


def delivery_key(delivery: Delivery) -> str | None:
    """Event and body's hash: there is no id, and one body may be told under several events."""
    digest = hashlib.sha256(delivery.body).hexdigest()
    return bounded_key(f"{_event(delivery)}:{digest}") if _event(delivery) else None


def signed_bytes(delivery: Delivery) -> bytes:
    """Event and body. The header with the event is not signed."""
    return _event(delivery).encode("utf-8", "replace") + b"\n" + delivery.body


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    event = _event(delivery)
    if not event:
        raise Unreadable(f"The {EVENT} header is missing, so it is unknown what happened.")
    payload = read_object(delivery.body, advice=_ADVICE)
    blank = Event(
        kind=native_kind("helpscout", event),
        source="helpscout",
        connection=delivery.connection,
        occurred_at=delivery.received_at,
        raw=payload,
    )
    if event.startswith("customer."):
        return (replace(blank, customer=read(PERSON, payload)),)
    if not event.startswith("convo."):
        return (blank,)
    return (_told(event, read(CONVERSATION, payload), blank),)


def _event(delivery: Delivery) -> str:
    return delivery.headers.get(EVENT, "").strip().lower()


def _told(event: str, conversation: Mapping[str, Any], blank: Event) -> Event:
    threads = _newest_first(conversation["threads"])
    reply = next((thread for thread in threads if thread["type"] in _REPLIES), None)
    kind = _kind(event, conversation, threads, reply) or blank.kind
    person = conversation["person"]
    return replace(
        blank,
        kind=kind,
        occurred_at=_moment(kind, conversation) or blank.occurred_at,
        identity=_identity(kind, conversation, reply),
        customer=Customer(
            id=person["id"],
            name=person["name"],
            first_name=first_name(person["given"], person["name"]),
            phone=person["phone"],
            email=person["email"],
            phones=candidates([("customer", person["phone"], None)]),
        ),
        ticket=_ticket(kind, conversation, threads, reply),
        lookup=Lookup(what="customer", id=person["id"]) if person["id"] else None,
    )


def _newest_first(threads: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """They come so, unless one without a time makes it impossible to tell."""
    if not all(thread["created_at"] for thread in threads):
        return list(threads)
    return sorted(threads, key=lambda thread: thread["created_at"], reverse=True)


def _kind(
    event: str,
    conversation: Mapping[str, Any],
    threads: Sequence[Mapping[str, Any]],
    reply: Mapping[str, Any] | None,
) -> str | None:
    if conversation["status"] == "spam":
        return None
    if event == "convo.created":
        return "ticket.created" if _is_asked(conversation) else None
    if event == "convo.agent.reply.created":
        return "ticket.replied" if reply and _is_published_by_an_agent(reply) else None
    if event == "convo.status" and conversation["status"] in STATUSES:
        if conversation["status"] == "closed":
            return "ticket.solved"
        return "ticket.reopened" if _was_closed(conversation, threads) else "ticket.updated"
    return None


def _is_asked(conversation: Mapping[str, Any]) -> bool:
    """Whether the customer began it. One that an agent begins is no question to thank for, nor is a draft."""
    begun_by = {conversation["created_by"]["type"], conversation["source"]["via"]}
    return "customer" in begun_by and "user" not in begun_by and conversation["state"] in (None, "published")


def _is_published_by_an_agent(reply: Mapping[str, Any]) -> bool:
    """Whether a person's words have reached the customer: no draft, nothing held for review, no workflow's answer."""
    return (
        reply["state"] in (None, "published")
        and reply["created_by"]["type"] != "customer"
        and reply["source"]["via"] != "customer"
        and reply["source"]["type"] not in _AUTOMATIC
    )


def _was_closed(conversation: Mapping[str, Any], threads: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the status before was closed: each thread that changed it says to what."""
    statuses = [thread["status"] for thread in threads if thread["status"] not in (None, "nochange")]
    before = [status for status in statuses if status != conversation["status"]]
    return before[0] == "closed" if before else conversation["closed_at"] is not None


def _moment(kind: str, conversation: Mapping[str, Any]) -> datetime | None:
    created: datetime | None = conversation["created_at"]
    updated: datetime | None = conversation["updated_at"]
    return created if kind == "ticket.created" else updated or created


def _identity(kind: str, conversation: Mapping[str, Any], reply: Mapping[str, Any] | None) -> str | None:
    if kind == "ticket.created":
        return identity_of(kind, "conversation", conversation["id"])
    if kind == "ticket.replied":
        return identity_of(kind, "thread", reply["id"] if reply else None)
    closed = conversation["closed_at"] if kind == "ticket.solved" else None
    updated = conversation["updated_at"].isoformat() if conversation["updated_at"] else None
    return identity_of(kind, "conversation", conversation["id"], closed or updated)


def _ticket(
    kind: str,
    conversation: Mapping[str, Any],
    threads: Sequence[Mapping[str, Any]],
    reply: Mapping[str, Any] | None,
) -> Ticket:
    first = next((thread for thread in reversed(threads) if thread["type"] == "customer"), None)
    said = {"ticket.created": first, "ticket.replied": reply}.get(kind)
    agent = reply["created_by"]["name"] if reply and kind == "ticket.replied" else None
    return Ticket(
        # The number is what people see and quote.
        id=conversation["number"] or conversation["id"],
        subject=conversation["subject"],
        status=STATUSES.get(conversation["status"] or ""),
        # Notes among colleagues are in `raw` only, where no template meets them by accident.
        comment=said["body"] if said else None,
        agent=agent,
    )


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the customer's record adds; its numbers are a question of their own where it has none.

    https://developer.helpscout.com/mailbox-api/endpoints/customers/get/
    """
    person: Customer = read(PERSON, found)
    embedded = found.get("_embedded")
    is_whole = isinstance(embedded, Mapping) and "phones" in embedded
    more = Lookup(what="phones", id=person.id) if person.id and not is_whole else None
    return replace(event, customer=fill(event.customer, person), lookup=more)


SOURCE = Source(
    name="helpscout",
    title="Help Scout",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    headers=frozenset({"content-type", EVENT, SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    signed_bytes=signed_bytes,
    parse=parse,
    absorb=absorb,
)
