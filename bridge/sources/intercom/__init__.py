"""Intercom: app webhooks. https://developers.intercom.com/docs/references/webhooks/webhook-models

An item is a conversation, a ticket or a contact. Some ticket topics wrap it: `item.ticket` beside `item.ticket_part`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Lookup, Nothing, Parsed, Ticket
from bridge.greeting import first_name
from bridge.reasons import Reason
from bridge.schemes import Hmac
from bridge.sources import Answer, Source
from bridge.sources._fields import read
from bridge.sources._people import fill
from bridge.sources._reading import identity_of, key_in_body, native_kind, read_object
from bridge.sources.intercom.payloads import Body, Item, Person, Wrapped

SIGNATURE = "x-hub-signature"

# A secret is the app's client secret.
SCHEME = Hmac(header=SIGNATURE, algorithm="sha1", encoding="hex", prefix="sha1=")

_ADVICE = "Intercom sends JSON by itself: look for a proxy that changes the body."

# Their words for who wrote something: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/conversation
_CUSTOMERS = {"user", "lead", "contact"}
_AGENTS = {"admin", "team"}
# The parts of a conversation that the customer sees words in. Those of a note are for colleagues.
_PUBLIC_PARTS = {"comment", "quick_reply", "close"}
# The first answer to what nobody works on is told as its assignment to whoever wrote it. Where somebody else gets it,
# the words may be for them.
_ASSIGNMENTS = {"assignment", "assign_and_reopen", "assign_and_unsnooze"}
# Where a conversation takes place on the customer's phone, so that a text would say an answer again.
_ON_THE_PHONE = {"sms", "whatsapp"}
_REPLIES = {"conversation.admin.replied", "ticket.admin.replied"}
# Tickets that only colleagues see.
_INTERNAL = {"back-office", "back_office", "tracker"}

# Topics that say all by themselves.
KINDS = {
    "conversation.admin.closed": "ticket.solved",
    "conversation.admin.opened": "ticket.reopened",
    "conversation.admin.snoozed": "ticket.updated",
    "conversation.admin.unsnoozed": "ticket.updated",
}

# Their words for the state of a conversation or a ticket.
STATUSES = {
    "open": "open",
    "closed": "closed",
    "snoozed": "pending",
    "submitted": "new",
    "in_progress": "open",
    "waiting_on_customer": "pending",
    "resolved": "solved",
}


_BODY, _ITEM, _WRAPPED, _PERSON = Body(), Item(), Wrapped(), Person()


def handshake(delivery: Delivery) -> Answer | None:
    """200 to the HEAD that the Developer Hub sends before it saves an address."""
    return Answer() if delivery.method == "HEAD" else None


def delivery_key(delivery: Delivery) -> str | None:
    """The notification's own id, which is in the signed body and stays when it is sent again."""
    return key_in_body(delivery.body)


def parse(delivery: Delivery) -> Parsed:
    """The event. Raises Unreadable."""
    payload = read_object(delivery.body, advice=_ADVICE)
    body = read(_BODY, payload)
    topic = body["topic"]
    if not topic:
        raise Unreadable("The body has no `topic`, so it is unknown what happened.")
    if topic == "ping":
        return Nothing(reason=Reason(code="no_event", detail="It is Intercom's ping, and its signature is good."))
    data = payload.get("data")
    given = data.get("item") if isinstance(data, dict) else None
    item, pieces = _item(given)
    kind = _kind(topic, item, pieces)
    customer, lookup = _customer(topic, item, given)
    return (
        Event(
            kind=kind,
            source="intercom",
            connection=delivery.connection,
            occurred_at=body["created_at"] or body["first_sent_at"] or delivery.received_at,
            identity=_identity(kind, body["id"], item, pieces),
            customer=customer,
            ticket=_ticket(kind, item, pieces) if topic.startswith(("conversation.", "ticket.")) else Ticket(),
            raw=payload,
            lookup=lookup,
        ),
    )


def _item(given: object) -> tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...]]:
    """The conversation or ticket, and what was newly said in it."""
    item, wrapped = read(_ITEM, given), read(_WRAPPED, given)
    inside = (given.get("ticket") or given.get("conversation")) if isinstance(given, dict) else None
    if isinstance(inside, dict):
        item = read(_ITEM, inside)
    alone = tuple(piece for piece in (wrapped["ticket_part"], wrapped["conversation_part"]) if piece["part_type"])
    kept = item["conversation_parts"]["conversation_parts"] + item["ticket_parts"]["ticket_parts"]
    return item, alone or kept


def _kind(topic: str, item: Mapping[str, Any], pieces: tuple[Mapping[str, Any], ...]) -> str:
    native = native_kind("intercom", topic)
    if _is_internal(item):
        return native
    if topic in _REPLIES:
        is_on_the_phone = not _ON_THE_PHONE.isdisjoint({item["source"]["type"], item["channel"]})
        return "ticket.replied" if _reply(pieces) and not is_on_the_phone else native
    if topic == "conversation.user.created":
        # The topic is for conversations that customers begin; one that an agent began is not to be thanked for.
        return "ticket.created" if item["source"]["author"]["type"] in {None, *_CUSTOMERS} else native
    if topic == "ticket.created":
        # An agent makes tickets too, of conversations that were thanked for. Programs note what they see in any.
        people = (piece["author"]["type"] for piece in pieces if piece["author"]["type"] != "bot")
        return "ticket.created" if next(people, None) in _CUSTOMERS else native
    if topic == "ticket.state.updated":
        return _state_kind(item, pieces) or native
    return KINDS.get(topic, native)


def _is_internal(item: Mapping[str, Any]) -> bool:
    category = item["category"] or item["ticket_type"]["category"] or ""
    return item["is_shared"] is False or category.lower() in _INTERNAL


def _state_kind(item: Mapping[str, Any], pieces: tuple[Mapping[str, Any], ...]) -> str | None:
    """What a change of a ticket's state is; None where the state is as it was."""
    changes = [piece for piece in pieces if piece["previous_ticket_state"]]
    before = changes[-1]["previous_ticket_state"] if changes else None
    now = item["ticket_state"] or (changes[-1]["ticket_state"] if changes else None)
    if now is None or now == before:
        return None
    if now == "resolved":
        return "ticket.solved"
    return "ticket.reopened" if before == "resolved" else "ticket.updated"


def _reply(pieces: tuple[Mapping[str, Any], ...]) -> Mapping[str, Any] | None:
    """The newest part that an agent said in public, if there is one. A program's answer is none."""
    said = [
        piece
        for piece in pieces
        if _is_public(piece)
        and piece["author"]["type"] in _AGENTS
        and not (piece["author"]["from_ai_agent"] or piece["author"]["is_ai_answer"] or piece["redacted"])
        and piece["body"]
    ]
    return said[-1] if said else None


def _is_public(piece: Mapping[str, Any]) -> bool:
    by, to = piece["author"]["id"], piece["assigned_to"]["id"]
    return piece["part_type"] in _PUBLIC_PARTS or (piece["part_type"] in _ASSIGNMENTS and by is not None and by == to)


def _identity(
    kind: str, notification: str | None, item: Mapping[str, Any], pieces: tuple[Mapping[str, Any], ...]
) -> str | None:
    if kind == "ticket.created":
        # A ticket that a conversation became keeps the conversation's id.
        return identity_of(kind, "conversation", item["id"]) or identity_of(kind, "event", notification)
    if kind == "ticket.replied" and (reply := _reply(pieces)) and reply["id"]:
        return identity_of(kind, "comment", reply["id"])
    return identity_of(kind, "event", notification)


def _ticket(kind: str, item: Mapping[str, Any], pieces: tuple[Mapping[str, Any], ...]) -> Ticket:
    comment = agent = None
    if kind == "ticket.created":
        comment = item["source"]["body"] or item["ticket_attributes"]["description"]
    elif kind == "ticket.replied" and (reply := _reply(pieces)):
        comment, agent = reply["body"], reply["author"]["name"]
    return Ticket(
        # Of a ticket, the number that its customer sees.
        id=item["ticket_id"] or item["id"],
        subject=item["title"] or item["ticket_attributes"]["title"] or item["source"]["subject"],
        status="solved" if kind == "ticket.solved" else STATUSES.get(item["ticket_state"] or item["state"] or ""),
        comment=comment,
        agent=agent,
    )


def _customer(topic: str, item: Mapping[str, Any], given: object) -> tuple[Customer, Lookup | None]:
    """The person, who is in the body of contact events only, and whom to ask for otherwise."""
    if topic.startswith("contact.") and item["type"] == "contact":
        return read(_PERSON, given), None
    contacts, author = item["contacts"]["contacts"], item["source"]["author"]
    person = contacts[0]["id"] if contacts else None
    if author["type"] in _CUSTOMERS and person in {None, author["id"]}:
        known = Customer(
            id=author["id"], name=author["name"], first_name=first_name(author["name"]), email=author["email"]
        )
    else:
        known = Customer(id=person)
    return known, Lookup(what="contact", id=known.id) if known.id else None


def absorb(event: Event, found: Mapping[str, object]) -> Event:
    """The event with what the contact's record adds, which looks as it does in a contact event."""
    return replace(event, customer=fill(event.customer, read(_PERSON, found)), lookup=None)


SOURCE = Source(
    name="intercom",
    title="Intercom",
    kinds=frozenset({"ticket.created", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.updated"}),
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    absorb=absorb,
    handshake=handshake,
)
