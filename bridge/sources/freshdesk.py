"""Freshdesk: the action "Trigger webhook" of an automation rule.
https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules-that-run-on-ticket-updates

Its content is "Advanced", the canonical body as an admin wrote it, or "Simple": ticked fields in `freshdesk_webhook`,
of which `triggered_event` says what happened. Nothing is signed.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import Token
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._fields import Line, Part, Reading, Text, read, text_of
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, native_kind, read_written_object

_ADVICE = "Set the webhook's encoding to JSON and its content to Advanced, and paste the canonical body."

_WRAPPER = "freshdesk_webhook"

# Their words for a ticket's status, and the numbers they have for them in `triggered_event`. An account may have more:
# https://support.freshdesk.com/support/solutions/articles/37595
STATUSES = {
    "2": "open",
    "3": "pending",
    "4": "solved",
    "5": "closed",
    "open": "open",
    "pending": "pending",
    "resolved": "solved",
    "closed": "closed",
    "waiting on customer": "pending",
    "waiting on third party": "hold",
}
_DONE = {"solved", "closed"}

# `{ticket_action:created}` and `{status:{from:2,to:4}}`, without quotation marks.
_ACTION = re.compile(r"\{?\s*(\w+)\s*:\s*(\w+)\s*\}?", re.ASCII)
_CHANGE = re.compile(r"\{?\s*(\w+)\s*:\s*\{\s*from\s*:\s*([^,{}]*),\s*to\s*:\s*([^,{}]*)\}\s*\}?", re.ASCII)
# The latest comment comes as "Ben Okafor : <div>...": who wrote it, then what.
_AUTHOR = re.compile(r"\s*([^<>:\n]{1,80}?)\s+:\s+")


class _Person(Reading):
    name = Line()
    phone = Text()
    mobile = Text()


class _Written(Reading):
    """What the canonical body may have for Freshdesk besides: a second number."""

    customer = Part(_Person)


class _Ticked(Reading):
    """The fields of "Simple" content: the names of the placeholders with `_` for each point."""

    triggered_event = Text()
    ticket_id = Text()
    ticket_subject = Line()
    ticket_status = Text()
    ticket_public_url = Text()
    ticket_description = Text()
    ticket_latest_public_comment = Text()
    ticket_agent_name = Line()
    ticket_requester_name = Line()
    ticket_contact_name = Line()
    requester_name = Line()
    ticket_requester_email = Text()
    ticket_contact_email = Text()
    requester_email = Text()
    ticket_requester_phone = Text()
    ticket_contact_phone = Text()
    ticket_requester_mobile = Text()
    ticket_contact_mobile = Text()


_WRITTEN = _Written()
_TICKED = _Ticked()


def delivery_key(delivery: Delivery) -> None:  # noqa: ARG001 (the form of all sources)
    """None: Freshdesk gives its requests no id. A repeated request has the same body."""
    return


def parse(delivery: Delivery) -> Parsed:
    """The event of either content. Raises Unreadable."""
    payload = read_written_object(delivery.body, advice=_ADVICE)
    inside = payload.get(_WRAPPER)
    content: Mapping[str, object] = inside if isinstance(inside, dict) else payload
    if text_of(content.get("event")):
        parsed = parse_canonical(content, delivery, source="freshdesk")
        if not isinstance(parsed, tuple):
            return parsed
        return tuple(replace(_with_author(_with_mobile(event, content)), raw=payload) for event in parsed)
    if content is payload or not text_of(content.get("triggered_event")):
        raise Unreadable(f"The body does not say what happened: it has no `event`. {_ADVICE}")
    return (replace(_ticked(read(_TICKED, content), delivery), raw=payload),)


def _with_mobile(event: Event, content: Mapping[str, object]) -> Event:
    """The event with the mobile number too, which can be texted where the other cannot."""
    mobile = read(_WRITTEN, content)["customer"]["mobile"]
    # A placeholder that this account does not have stays as it was typed.
    if not mobile or "{{" in mobile:
        return event
    known = event.customer
    phones = candidates([("customer", mobile, known.country), ("customer", known.phone, known.country)])
    return replace(event, customer=replace(known, phone=mobile, phones=phones))


def _with_author(event: Event) -> Event:
    """The event with the comment's author as its agent; not as a reply, where that is the customer."""
    ticket = event.ticket
    status = STATUSES.get((ticket.status or "").lower(), ticket.status)
    author, words = _author_and_words(ticket.comment, {ticket.agent, event.customer.name})
    event = replace(event, ticket=replace(ticket, status=status, comment=words, agent=author or ticket.agent))
    if event.kind == "ticket.replied" and author and author == event.customer.name:
        return replace(
            event,
            kind=native_kind("freshdesk", "reply_sent"),
            identity=None,
            ticket=replace(event.ticket, comment=None, agent=None),
        )
    return event


def _author_and_words(comment: str | None, known: set[str | None]) -> tuple[str | None, str | None]:
    """Who wrote a comment, if it begins with that, and the comment without."""
    begins = _AUTHOR.match(comment or "")
    if comment is None or begins is None:
        return None, comment
    author, words = " ".join(begins[1].split()), comment[begins.end() :]
    # "Shipping address : 218 Bergen St" begins like a name. HTML behind it, or a name that is known, tells.
    return (author, words) if author in known or words.startswith("<") else (None, comment)


def _ticked(fields: Mapping[str, Any], delivery: Delivery) -> Event:
    """The event of "Simple" content."""
    customer = _customer(fields)
    author, words = _author_and_words(
        fields["ticket_latest_public_comment"], {fields["ticket_agent_name"], customer.name}
    )
    kind = _kind(fields["triggered_event"], author, fields["ticket_agent_name"])
    comment = {"ticket.created": fields["ticket_description"], "ticket.replied": words}.get(kind)
    return Event(
        kind=kind,
        source="freshdesk",
        connection=delivery.connection,
        occurred_at=delivery.received_at,
        # A ticket is created once. Of all else there is nothing to tell one time from another.
        identity=identity_of(kind, delivery.connection, fields["ticket_id"]) if kind == "ticket.created" else None,
        customer=customer,
        ticket=Ticket(
            id=fields["ticket_id"],
            subject=fields["ticket_subject"],
            status=STATUSES.get((fields["ticket_status"] or "").lower()),
            url=fields["ticket_public_url"],
            comment=comment,
            agent=author if kind == "ticket.replied" else None,
        ),
    )


def _customer(fields: Mapping[str, Any]) -> Customer:
    def first(*names: str) -> str | None:
        return next((fields[name] for name in names if fields[name]), None)

    name = first("ticket_requester_name", "ticket_contact_name", "requester_name")
    mobile = first("ticket_requester_mobile", "ticket_contact_mobile")
    phone = first("ticket_requester_phone", "ticket_contact_phone")
    return Customer(
        name=name,
        first_name=first_name(name),
        phone=mobile or phone,
        email=first("ticket_requester_email", "ticket_contact_email", "requester_email"),
        phones=candidates([("customer", mobile, None), ("customer", phone, None)]),
    )


def _kind(triggered: str, author: str | None, agent: str | None) -> str:
    """The kind of an event that `triggered_event` names."""
    if change := _CHANGE.fullmatch(triggered):
        before, now = (STATUSES.get(word.strip().lower(), word.strip()) for word in change.groups()[1:])
        return _status_kind(before, now) if change[1] == "status" and before != now else _native(change[1])
    action = _ACTION.fullmatch(triggered)
    if action is None:
        return _native("other")
    if action.groups() == ("ticket_action", "created"):
        return "ticket.created"
    # Customers reply, too, and this content says only whose words the latest ones are.
    is_public = action[1] == "reply_sent" or action.groups() == ("note_type", "public")
    return "ticket.replied" if is_public and author and author == agent else _native(action[1])


def _status_kind(before: str, now: str) -> str:
    if now in _DONE and before not in _DONE:
        return "ticket.solved"
    return "ticket.reopened" if before in _DONE and now not in _DONE else "ticket.updated"


def _native(word: str) -> str:
    return native_kind("freshdesk", word)


SOURCE = Source(
    name="freshdesk",
    title="Freshdesk",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    takes_canonical=True,
    headers=frozenset({"content-type"}),
    scheme=Token(),
    delivery_key=delivery_key,
    parse=parse,
)
