"""Gorgias: HTTP integrations. https://docs.gorgias.com/en-US/http-integrations-81822

Who sets one up chooses triggers and writes the body; there are no conditions. So a trigger fires alike for a customer's
words, an agent's and a note, and the body must carry what tells them apart: `message` and `ticket` beside the canonical
fields. Nothing is signed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Parsed
from bridge.greeting import first_name
from bridge.schemes import Token
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._fields import Flag, Line, Part, Parts, Reading, Text, read, text_of
from bridge.sources._people import candidates, fill
from bridge.sources._reading import identity_of, native_kind, read_written_object

_ADVICE = "Set the HTTP integration to method POST and content type application/json, and paste the canonical body."

# Their triggers: https://developers.gorgias.com/reference/the-integration-object
# A change of status says with the status which of the two it is.
TRIGGERS = {
    "ticket-created": "ticket.created",
    "ticket-message-created": "ticket.replied",
    "ticket-status-updated": "ticket.solved",
}
_NATIVE = {kind: trigger for trigger, kind in TRIGGERS.items()}

# What Gorgias' template language writes where there is nothing: it is Python's, and writes "True" and "False" as well.
_UNFILLED = {"none", "null", "undefined"}
_NOTHING = {"", "false", "0", *_UNFILLED}

# The channels of a message that has reached the customer's phone by itself, so that a text would say it again.
_ON_THE_PHONE = {"sms", "phone", "whatsapp"}
# The channels of a customer that are phone numbers.
_PHONES = {"phone", "sms", "whatsapp"}


class _Sender(Reading):
    name = Line()


class _Message(Reading):
    id = Text()
    from_agent = Flag()
    public = Flag()
    via = Text()
    channel = Text()
    rule_id = Text()
    stripped_text = Text()
    body_text = Text()
    body_html = Text()
    sender = Part(_Sender)


class _Channel(Reading):
    type = Text()
    address = Text()


class _Person(Reading):
    """A customer of Gorgias, in the body and in the answer of its API."""

    id = Text()
    name = Line()
    firstname = Line()
    email = Text()
    language = Text()
    channels = Parts(_Channel)

    def make(self, values: dict[str, Any]) -> Customer:
        numbers = [one["address"] for one in values["channels"] if one["type"] in _PHONES and one["address"]]
        return Customer(
            id=values["id"],
            name=values["name"],
            first_name=first_name(values["firstname"], values["name"]),
            phone=numbers[0] if numbers else None,
            email=values["email"],
            locale=values["language"],
            phones=candidates(("customer", number, None) for number in numbers),
        )


class _Ticket(Reading):
    id = Text()
    subject = Line()
    status = Text()
    from_agent = Flag()
    spam = Flag()
    snooze_datetime = Text()
    trashed_datetime = Text()
    customer = Part(_Person)


class _Happened(Reading):
    type = Text()


class _Body(Reading):
    id = Text()
    message = Part(_Message)
    ticket = Part(_Ticket)
    customer = Part(_Person)
    event = Part(_Happened)


_BODY = _Body()
_PERSON = _Person()


def delivery_key(delivery: Delivery) -> None:  # noqa: ARG001 (the form of all sources)
    """None: Gorgias gives its requests no id. A repeated request has the same body."""
    return


def parse(delivery: Delivery) -> Parsed:
    """The event of a canonical body, or of Gorgias' whole context. Raises Unreadable."""
    payload = read_written_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, _without_nothing(payload))
    word = text_of(payload.get("event")) or body["event"]["type"]
    if word is None:
        raise Unreadable(f"The body has no `event`. {_ADVICE}")
    kind = TRIGGERS.get(word) or (native_kind("gorgias", word) if word.startswith("ticket-") else word)
    canonical = {**payload, "event": kind} if text_of(payload.get("event")) else _from_context(body, kind)
    parsed = parse_canonical(_without_nothing(canonical), delivery, source="gorgias")
    if not isinstance(parsed, tuple):
        return parsed
    return tuple(replace(_judged(event, body), raw=payload) for event in parsed)


def _without_nothing(body: Mapping[str, object]) -> dict[str, object]:
    """The canonical body, and its parts, without the texts that a placeholder leaves where Gorgias has no value."""
    return {
        name: _without_nothing(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if not (isinstance(value, str) and value.strip().lower() in _UNFILLED)
    }


def _from_context(body: Mapping[str, Any], kind: str) -> dict[str, object]:
    """The canonical body that somebody would have written who had the whole context."""
    message, ticket = body["message"], body["ticket"]
    return {
        "event": kind,
        "id": message["id"] if kind == "ticket.replied" else ticket["id"] if kind == "ticket.created" else None,
        "ticket": {
            "id": ticket["id"],
            "subject": ticket["subject"],
            "status": ticket["status"],
            "comment": message["stripped_text"] or message["body_html"] or message["body_text"],
            "agent": message["sender"]["name"] if message["from_agent"] else None,
        },
    }


def _judged(event: Event, body: Mapping[str, Any]) -> Event:
    """The event under the kind that it really is, with its person."""
    kind = _kind(event, body)
    person = fill(event.customer, fill(body["customer"], body["ticket"]["customer"]))
    event = replace(event, customer=person, lookup=Lookup(what="customer", id=person.id) if person.id else None)
    if kind == event.kind:
        # Gorgias' own cut is without the signature and the quoted mail, in whatever language.
        event = replace(event, by_agent=kind == "ticket.replied")
        words = body["message"]["stripped_text"] if kind == "ticket.replied" else None
        return replace(event, ticket=replace(event.ticket, comment=words)) if words else event
    identity = identity_of(kind, event.connection, body["id"])
    if kind == "ticket.reopened":
        return replace(event, kind=kind, identity=identity)
    # Whose words these are, or for whom, is not known well enough for a template to meet them.
    return replace(event, kind=kind, identity=identity, ticket=replace(event.ticket, comment=None, agent=None))


def _kind(event: Event, body: Mapping[str, Any]) -> str:
    message, ticket = body["message"], body["ticket"]
    if event.kind == "ticket.created":
        fits = not (ticket["from_agent"] or ticket["spam"])
    elif event.kind == "ticket.replied":
        # Not without a word for it: the trigger fires for the customer's own messages, and for notes.
        is_agents = message["from_agent"] is True and message["public"] is True
        fits = is_agents and not _is_automatic(message) and message["channel"] not in _ON_THE_PHONE
    elif event.kind == "ticket.solved":
        if event.ticket.status == "open":
            return "ticket.reopened"
        fits = event.ticket.status in {"closed", "solved"} and not _is_put_away(ticket)
    else:
        fits = True
    return event.kind if fits else native_kind("gorgias", _NATIVE[event.kind])


def _is_put_away(ticket: Mapping[str, Any]) -> bool:
    """Whether a ticket is closed without being solved: a snoozed one is closed until its time comes."""
    return (
        ticket["spam"] is True or _is_something(ticket["snooze_datetime"]) or _is_something(ticket["trashed_datetime"])
    )


def _is_something(text: str | None) -> bool:
    return (text or "").lower() not in _NOTHING


def _is_automatic(message: Mapping[str, Any]) -> bool:
    return message["via"] == "rule" or _is_something(message["rule_id"])


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the customer's record adds: https://developers.gorgias.com/reference/the-customer-object"""
    return replace(event, customer=fill(event.customer, read(_PERSON, found)), lookup=None)


SOURCE = Source(
    name="gorgias",
    title="Gorgias",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened"}),
    takes_canonical=True,
    headers=frozenset({"content-type"}),
    scheme=Token(),
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
)
