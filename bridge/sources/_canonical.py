"""The canonical body: the JSON that users paste where their platform lets them write the webhook themselves.

Every field but `event` may be absent, null or empty, and numbers may come as text. The set-up pages show it with the
platform's placeholders filled in; DESIGN and README show it whole.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.errors import Unreadable
from bridge.events import KINDS, Customer, Delivery, Event, Nothing, Order, Parsed, Shipment, Ticket
from bridge.greeting import first_name
from bridge.reasons import Reason
from bridge.sources._fields import Amount, Country, Line, Moment, Part, Reading, Text, read
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of

#: The words for a ticket's status that helpdesks display, and ours. A word that is not here is kept as it came.
STATUSES = {
    "new": "new",
    "open": "open",
    "pending": "pending",
    "on-hold": "hold",
    "on hold": "hold",
    "hold": "hold",
    "solved": "solved",
    "resolved": "solved",
    "closed": "closed",
}


class _Customer(Reading):
    id = Text()
    name = Line()
    first_name = Line()
    phone = Text()
    email = Text()
    country = Country()
    locale = Text()

    def make(self, values: dict[str, Any]) -> Customer:
        phones = candidates([("customer", values["phone"], values["country"])])
        return Customer(**values | {"first_name": first_name(values["first_name"], values["name"]), "phones": phones})


class _Ticket(Reading):
    id = Text()
    subject = Line()
    status = Text()
    url = Text()
    comment = Text()
    agent = Line()

    def make(self, values: dict[str, Any]) -> Ticket:
        ticket = Ticket(**values)
        return replace(ticket, status=STATUSES.get((ticket.status or "").lower(), ticket.status))


class _Order(Reading):
    id = Text()
    name = Line()
    total = Amount()
    currency = Text()
    status_url = Text()
    refund_amount = Amount()

    def make(self, values: dict[str, Any]) -> Order:
        return Order(**values)


class _Shipment(Reading):
    id = Text()
    carrier = Line()
    tracking_number = Text()
    tracking_url = Text()
    status = Text()

    def make(self, values: dict[str, Any]) -> Shipment:
        return Shipment(**values)


class _Body(Reading):
    event = Text()
    id = Text()
    occurred_at = Moment()
    customer = Part(_Customer)
    ticket = Part(_Ticket)
    order = Part(_Order)
    shipment = Part(_Shipment)


_BODY = _Body()
#: part -> the names of its fields.
FIELDS = {
    "customer": tuple(_Customer().fields),
    "ticket": tuple(_Ticket().fields),
    "order": tuple(_Order().fields),
    "shipment": tuple(_Shipment().fields),
}


def parse_canonical(payload: Mapping[str, object], delivery: Delivery, *, source: str) -> Parsed:
    """The event that a canonical body tells, or Nothing if it still holds placeholders (`{{...}}`): a test.

    Raises Unreadable if `event` is missing or names a kind that does not exist.
    """
    unrendered = _unrendered(payload)
    if unrendered:
        return Nothing(reason=Reason(code="unrendered_placeholder", detail=f"Still unfilled: {', '.join(unrendered)}."))
    body = read(_BODY, payload)
    kind = _kind(body.pop("event"), source)
    occurrence, occurred_at = body.pop("id"), body.pop("occurred_at")
    return (
        Event(
            kind=kind,
            source=source,
            connection=delivery.connection,
            occurred_at=occurred_at or delivery.received_at,
            identity=_identity(kind, occurrence, body["order"], body["shipment"], delivery.connection),
            raw=payload,
            **body,
        ),
    )


#: What happens to an order once, and what happens to each of its parcels once.
_ONCE_AN_ORDER = frozenset({"order.created", "order.paid", "order.cancelled"})
_ONCE_A_PARCEL = frozenset({"order.shipped", "order.out_for_delivery", "order.delivered"})


def _identity(kind: str, occurrence: str | None, order: Order, shipment: Shipment, connection: str) -> str | None:
    """What makes it the same event when it is told again, however often a trigger fires.

    The ids are those of the people who wrote the trigger, so they are told apart by connection.
    """
    if kind in _ONCE_AN_ORDER:
        thing = order.id or occurrence
    elif kind in _ONCE_A_PARCEL:
        thing = shipment.id or occurrence or shipment.tracking_number
    else:
        thing = occurrence
    return identity_of(kind, connection, thing)


def _kind(event: str | None, source: str) -> str:
    if event is None:
        raise Unreadable("The body has no `event`: paste the canonical body into the webhook's JSON at the platform.")
    if event in KINDS or re.fullmatch(rf"{re.escape(source)}\.[a-z0-9._-]{{1,100}}", event, re.ASCII):
        return event
    allowed = f"{', '.join(KINDS)} and {source}.<your word>"
    raise Unreadable(f"`event` is {event[:60]!r}, which is no kind of event. Allowed are {allowed}.")


def _unrendered(payload: Mapping[str, object]) -> list[str]:
    """The names of the canonical fields whose text still holds `{{`."""
    texts = {name: payload.get(name) for name in ("event", "id", "occurred_at")}
    for part, names in FIELDS.items():
        inside = payload.get(part)
        if isinstance(inside, Mapping):
            texts |= {f"{part}.{name}": inside.get(name) for name in names}
    return [name for name, text in texts.items() if isinstance(text, str) and "{{" in text]
