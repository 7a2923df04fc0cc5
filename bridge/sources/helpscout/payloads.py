"""What Help Scout's payloads hold: conversations with their threads, and customers.

https://developer.helpscout.com/mailbox-api/endpoints/conversations/get/
"""

from typing import Any

from bridge.events import Customer
from bridge.greeting import first_name
from bridge.sources._fields import Country, Line, Moment, Part, Parts, Reading, Text
from bridge.sources._people import candidates


class _Someone(Reading):
    """A person inside a conversation. The current API says `first`, an older one `firstName`."""

    id = Text()
    type = Text()
    email = Text()
    phone = Text()
    first = Line()
    last = Line()
    first_name = Line(data_key="firstName")
    last_name = Line(data_key="lastName")

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        given = values["first"] or values["first_name"]
        family = values["last"] or values["last_name"]
        return values | {"given": given, "name": " ".join(filter(None, (given, family))) or None}


class _Source(Reading):
    type = Text()
    via = Text()


class _Thread(Reading):
    id = Text()
    type = Text()
    status = Text()
    state = Text()
    body = Text()
    source = Part(_Source)
    created_by = Part(_Someone, data_key="createdBy")
    created_at = Moment(data_key="createdAt")


class _Threads(Reading):
    threads = Parts(_Thread)


class _Conversation(Reading):
    """A conversation; where two names mean one thing, the second is an older version's.

    https://developer.helpscout.com/webhooks/objects/conversation
    """

    id = Text()
    number = Text()
    status = Text()
    state = Text()
    subject = Line()
    source = Part(_Source)
    created_by = Part(_Someone, data_key="createdBy")
    created_at = Moment(data_key="createdAt")
    closed_at = Text(data_key="closedAt")
    updated_at = Moment(data_key="userUpdatedAt")
    modified_at = Moment(data_key="modifiedAt")
    person = Part(_Someone, data_key="primaryCustomer")
    customer = Part(_Someone)
    embedded = Part(_Threads, data_key="_embedded")
    # A number in the current version, of how many there are.
    threads = Parts(_Thread)

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        person = values["person"] if values["person"]["id"] or values["person"]["email"] else values["customer"]
        return values | {
            "updated_at": values["updated_at"] or values["modified_at"],
            "person": person,
            "threads": values["embedded"]["threads"] or values["threads"],
        }


class _Value(Reading):
    value = Text()
    type = Text()


class _Address(Reading):
    country = Country()


class _Details(Reading):
    emails = Parts(_Value)
    phones = Parts(_Value)
    address = Part(_Address)


class _Person(Reading):
    """A customer, as in an event about one and as the API tells: names here, the rest embedded."""

    id = Text()
    first_name = Line(data_key="firstName")
    last_name = Line(data_key="lastName")
    embedded = Part(_Details, data_key="_embedded")

    def make(self, values: dict[str, Any]) -> Customer:
        details = values["embedded"]
        # A stable sort: mobiles first, for they are who can be texted.
        phones = sorted(details["phones"], key=lambda phone: phone["type"] != "mobile")
        country = details["address"]["country"]
        name = " ".join(filter(None, (values["first_name"], values["last_name"]))) or None
        return Customer(
            id=values["id"],
            name=name,
            first_name=first_name(values["first_name"], name),
            phone=next((phone["value"] for phone in phones if phone["value"]), None),
            email=next((email["value"] for email in details["emails"] if email["value"]), None),
            country=country,
            phones=candidates(("customer", phone["value"], country) for phone in phones),
        )


CONVERSATION = _Conversation()
PERSON = _Person()
