"""Zendesk: event webhooks (`zen:event-type:ticket.*`) and trigger webhooks (the canonical body, pasted by an admin).

Both are signed alike: https://developer.zendesk.com/documentation/webhooks/verifying/
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import Hmac, iso, time_and_body
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._fields import Flag, Line, Moment, Part, Reading, Text, read, text_of
from bridge.sources._people import candidates, fill
from bridge.sources._reading import bounded_key, identity_of, native_kind, read_object, read_written_object

INVOCATION = "x-zendesk-webhook-invocation-id"
SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"

# The secret looks like base64 and is used verbatim.
SCHEME = Hmac(header=SIGNATURE, timestamp=iso(TIMESTAMP), signed=time_and_body(""))

_EVENT_TYPE = "zen:event-type:"
# Whose `detail` is a ticket. Other families are of users, organisations and articles.
_TICKETS = {"ticket", "messaging_ticket"}
_ADVICE = "Set the webhook to method POST and request format JSON, and paste the canonical body into its trigger."

# Their words for a ticket's status: https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
# DELETED, ARCHIVED and SCRUBBED have no word of ours.
STATUSES = {
    "NEW": "new",
    "OPEN": "open",
    "PENDING": "pending",
    "HOLD": "hold",
    "SOLVED": "solved",
    "CLOSED": "closed",
}
# Channels on which an answer has reached the customer's phone by itself, so that a text would say it again.
_ON_THE_PHONE = {"sms", "text_message", "connect_sms", "twilio_sms", "messagebird_sms", "google_rcs", "whatsapp"}
# Those of tickets that somebody types in at the screen.
_BY_HAND = {"web", "web_form", "phone_call_outbound", "api_phone_call_outbound"}
# Those of tickets that nobody wrote just now.
_OF_THE_PAST = {"import", "sample_ticket", "sample_interactive_ticket"}
# What Zendesk writes in an agent's name, with the customer's last words behind it, when it merges tickets.
_MERGED = re.compile(r"(?:This request|Requests? #\d.{0,500}?) (?:was|were) closed and merged into (?:this )?request")
_DONE = {"SOLVED", "CLOSED"}
_UNDONE = {"NEW", "OPEN", "PENDING", "HOLD"}


class _Author(Reading):
    id = Text()
    is_staff = Flag()
    name = Line()


class _Comment(Reading):
    id = Text()
    body = Text()
    is_public = Flag()
    author = Part(_Author)


class _Change(Reading):
    comment = Part(_Comment)
    current = Text()
    previous = Text()


class _Via(Reading):
    channel = Text()


class _Detail(Reading):
    id = Text()
    subject = Line()
    status = Text()
    description = Text()
    requester_id = Text()
    submitter_id = Text()
    is_public = Flag()
    via = Part(_Via)
    email = Text()


class _Body(Reading):
    id = Text()
    time = Moment()
    detail = Part(_Detail)
    event = Part(_Change)


class _User(Reading):
    id = Text()
    name = Line()
    email = Text()
    phone = Text()
    locale = Text()


class _Answer(Reading):
    user = Part(_User)


_BODY = _Body()
_ANSWER = _Answer()


def signed_bytes(delivery: Delivery) -> bytes:
    """Timestamp and body: what the signature covers. The topic, if any, is in the body."""
    return delivery.headers.get(TIMESTAMP, "").encode("utf-8", "replace") + delivery.body


def delivery_key(delivery: Delivery) -> str | None:
    """The invocation's id (unsigned: see `signed_bytes`), else an event's own; None for a trigger without either."""
    if key := bounded_key(delivery.headers.get(INVOCATION)):
        return key
    try:
        body = read_object(delivery.body, advice=_ADVICE)
    except Unreadable:
        return None
    # A trigger's `id` is what an admin typed, at worst the ticket's own.
    is_event = (text_of(body.get("type")) or "").startswith(_EVENT_TYPE)
    return bounded_key(text_of(body.get("id"))) if is_event else None


def parse(delivery: Delivery) -> Parsed:
    """The event of an event webhook or of a trigger's canonical body. Raises Unreadable."""
    payload = read_written_object(delivery.body, advice=_ADVICE)
    given = text_of(payload.get("type")) or ""
    topic = given.removeprefix(_EVENT_TYPE)
    if topic in {given, ""}:  # no event of theirs, or no type at all
        return parse_canonical(payload, delivery, source="zendesk")
    body = read(_BODY, payload)
    family, detail = topic.partition(".")[0], body["detail"]
    kind, occurrence = _kind(topic, body["event"], detail)
    person = detail["id"] if family == "user" else detail["requester_id"]
    return (
        Event(
            kind=kind,
            source="zendesk",
            connection=delivery.connection,
            occurred_at=body["time"] or delivery.received_at,
            identity=identity_of(kind, "comment", occurrence) or identity_of(kind, "event", body["id"]),
            customer=Customer(id=person, email=detail["email"]),
            ticket=_ticket(kind, detail, body["event"]) if family in _TICKETS else Ticket(),
            raw=payload,
            lookup=Lookup(what="user", id=person) if person else None,
            by_agent=body["event"]["comment"]["author"]["is_staff"] is True,
        ),
    )


def _ticket(kind: str, detail: Mapping[str, Any], change: Mapping[str, Any]) -> Ticket:
    comment = change["comment"]
    # A note among colleagues is in `raw` only, where no template meets it by accident.
    words = comment["body"] if comment["is_public"] else None
    return Ticket(
        id=detail["id"],
        subject=detail["subject"],
        # `current` is a status only where the status changed; elsewhere it is, say, a priority.
        status=STATUSES.get((change["current"] or "").upper()) or STATUSES.get((detail["status"] or "").upper()),
        comment=detail["description"] if kind == "ticket.created" else words,
        agent=comment["author"]["name"] if comment["author"]["is_staff"] else None,
    )


def _kind(topic: str, change: Mapping[str, Any], ticket: Mapping[str, Any]) -> tuple[str, str | None]:
    """The kind of an event webhook, and the id of the comment it is about."""
    comment = change["comment"]
    if topic == "ticket.created" and _is_asked(ticket):
        return "ticket.created", None
    if topic == "ticket.status_changed":
        return _status_kind(change["previous"] or "", change["current"] or ""), None
    if topic == "ticket.comment_added" and _is_answer(comment, ticket):
        return "ticket.replied", comment["id"]
    return native_kind("zendesk", topic), comment["id"]


def _channel(ticket: Mapping[str, Any]) -> str:
    return (ticket["via"]["channel"] or "").lower()


def _is_asked(ticket: Mapping[str, Any]) -> bool:
    """Whether a customer began it. One that an agent types in is no question to thank for, nor one nobody else sees."""
    is_by_another = ticket["submitter_id"] and ticket["submitter_id"] != ticket["requester_id"]
    channel = _channel(ticket)
    return (
        ticket["is_public"] is not False and channel not in _OF_THE_PAST and not (is_by_another and channel in _BY_HAND)
    )


def _is_answer(comment: Mapping[str, Any], ticket: Mapping[str, Any]) -> bool:
    """Whether an agent answers the customer, who would not see it on the phone otherwise."""
    author = comment["author"]
    return (
        comment["is_public"] is True
        and author["is_staff"] is True
        # Staff ask for help, too.
        and not (author["id"] and author["id"] == ticket["requester_id"])
        and _channel(ticket) not in _ON_THE_PHONE
        and not _MERGED.match(comment["body"] or "")
    )


def _status_kind(previous: str, current: str) -> str:
    previous, current = previous.upper(), current.upper()
    if current == "SOLVED":
        return "ticket.solved"
    if previous in _DONE and current in _UNDONE:
        return "ticket.reopened"
    return "ticket.updated"


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the requester's record adds: https://developer.zendesk.com/api-reference/ticketing/users/users/"""
    user = read(_ANSWER, found)["user"]
    phones = candidates([("customer", user["phone"], None)])
    person = Customer(**user, first_name=first_name(user["name"]), phones=phones)
    return replace(event, customer=fill(event.customer, person), lookup=None)


def fresh_headers() -> dict[str, str]:
    """A new invocation."""
    return {INVOCATION: str(uuid.uuid4().int)[:10]}


SOURCE = Source(
    name="zendesk",
    title="Zendesk",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    takes_canonical=True,
    headers=frozenset(
        {"content-type", "x-zendesk-account-id", "x-zendesk-webhook-id", INVOCATION, SIGNATURE, TIMESTAMP},
    ),
    scheme=SCHEME,
    delivery_key=delivery_key,
    signed_bytes=signed_bytes,
    parse=parse,
    absorb=absorb,
    fresh_headers=fresh_headers,
)
