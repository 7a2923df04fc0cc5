"""What Intercom's webhooks and its Contacts API hold, read tolerantly.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/conversation
"""

from typing import Any

from bridge.events import Customer
from bridge.greeting import first_name
from bridge.sources._fields import Flag, Line, Part, Parts, Reading, Text, Tolerant, text_of
from bridge.sources._moments import UnixMoment
from bridge.sources._people import candidates


class _State(Tolerant):
    """A ticket's state, which is a word up to version 2.11 of the API and an object with a `category` since."""

    def read(self, value: object) -> str | None:
        """The word, or None."""
        return text_of(value.get("category") if isinstance(value, dict) else value)


class Author(Reading):
    """Who wrote something, or whom it is about."""

    type = Text()
    id = Text()
    name = Line()
    email = Text()
    from_ai_agent = Flag()
    is_ai_answer = Flag()


class Piece(Reading):
    """A part of a conversation or of a ticket."""

    id = Text()
    part_type = Text()
    body = Text()
    author = Part(Author)
    assigned_to = Part(Author)
    redacted = Flag()
    previous_ticket_state = _State()
    ticket_state = _State()


class ConversationParts(Reading):
    """What was said in a conversation. A webhook has the new part only."""

    conversation_parts = Parts(Piece)


class TicketParts(Reading):
    """What was said in a ticket, and how its state changed."""

    ticket_parts = Parts(Piece)


class Contacts(Reading):
    """The customers in a conversation, by their ids."""

    contacts = Parts(Author)


class First(Reading):
    """The message that began a conversation."""

    type = Text()
    subject = Line()
    body = Text()
    author = Part(Author)


class Attributes(Reading):
    """The fields of a ticket that every type of ticket has."""

    title = Line(data_key="_default_title_")
    description = Text(data_key="_default_description_")


class TicketType(Reading):
    """For whom tickets of this type are: `category` is Customer, Back-office or Tracker."""

    category = Text()


class Item(Reading):
    """A conversation or a ticket; their names do not overlap in meaning."""

    type = Text()
    id = Text()
    ticket_id = Text()
    title = Line()
    state = Text()
    source = Part(First)
    contacts = Part(Contacts)
    conversation_parts = Part(ConversationParts)
    ticket_parts = Part(TicketParts)
    ticket_attributes = Part(Attributes)
    ticket_state = _State()
    category = Text()
    channel = Text()
    ticket_type = Part(TicketType)
    is_shared = Flag()


class Wrapped(Reading):
    """What stands beside a ticket or conversation in the topics that wrap it."""

    ticket_part = Part(Piece)
    conversation_part = Part(Piece)


class Person(Reading):
    """A contact. Where it is by its IP address says nothing about its phone number, so its `location` is left out."""

    id = Text()
    name = Line()
    email = Text()
    phone = Text()
    language_override = Text()
    browser_language = Text()

    def make(self, values: dict[str, Any]) -> Customer:
        """The customer that a contact is."""
        return Customer(
            id=values["id"],
            name=values["name"],
            first_name=first_name(values["name"]),
            phone=values["phone"],
            email=values["email"],
            locale=values["language_override"] or values["browser_language"],
            phones=candidates([("customer", values["phone"], None)]),
        )


class Body(Reading):
    """The notification around an item."""

    id = Text()
    topic = Text()
    created_at = UnixMoment()
    first_sent_at = UnixMoment()
