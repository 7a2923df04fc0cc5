"""What Front's events, conversations and contacts hold, read tolerantly. https://dev.frontapp.com/reference/events"""

from typing import Any

from bridge.events import Customer
from bridge.greeting import first_name
from bridge.sources._fields import Flag, Line, Part, Parts, Reading, Text
from bridge.sources._moments import UnixMoment
from bridge.sources._people import candidates

# The handles of a contact that are phone numbers, the most fitting first:
# https://dev.frontapp.com/reference/contact-handles
_PHONES = {"phone": 0, "whatsapp": 1}


class Meta(Reading):
    """What kind of thing `data` beside it is."""

    type = Text()


class Teammate(Reading):
    """An agent."""

    id = Text()
    first_name = Line()
    last_name = Line()


class Related(Reading):
    """Addresses of what belongs to something. They are read for the ids in them, and never called."""

    contact = Text()
    message_replied_to = Text()


class Links(Reading):
    """The `_links` of something."""

    related = Part(Related)


class Recipient(Reading):
    """Who sent or got a message. `handle` is an e-mail address, a phone number or the like, by the channel."""

    handle = Text()
    role = Text()
    name = Line()
    links = Part(Links, data_key="_links")


class Message(Reading):
    """What an inbound or outbound event is about; in a preview little more than its id."""

    id = Text()
    type = Text()
    is_inbound = Flag()
    is_draft = Flag()
    created_at = UnixMoment()
    body = Text()
    text = Text()
    author = Part(Teammate)
    recipients = Parts(Recipient)
    links = Part(Links, data_key="_links")


class Target(Reading):
    """What an event happened to."""

    meta = Part(Meta, data_key="_meta")
    data = Part(Message)


class Conversation(Reading):
    """A conversation; in a preview its id and subject."""

    id = Text()
    subject = Line()
    status = Text()
    status_category = Text()
    created_at = UnixMoment()
    recipient = Part(Recipient)


class Happened(Reading):
    """An event as Front's API has it, too."""

    id = Text()
    type = Text()
    emitted_at = UnixMoment()
    conversation = Part(Conversation)
    target = Part(Target)


class Envelope(Reading):
    """What application webhooks put around an event."""

    type = Text()
    payload = Part(Happened)


class _Handle(Reading):
    handle = Text()
    source = Text()


class Contact(Reading):
    """A customer's record."""

    id = Text()
    name = Line()
    handles = Parts(_Handle)

    def make(self, values: dict[str, Any]) -> Customer:
        """The customer that a contact is."""
        handles = values["handles"]
        phones = sorted((one for one in handles if one["source"] in _PHONES), key=lambda one: _PHONES[one["source"]])
        numbers = [one["handle"] for one in phones if one["handle"]]
        return Customer(
            id=values["id"],
            name=values["name"],
            first_name=first_name(values["name"]),
            phone=numbers[0] if numbers else None,
            email=next((one["handle"] for one in handles if one["source"] == "email" and one["handle"]), None),
            phones=candidates(("customer", number, None) for number in numbers),
        )
