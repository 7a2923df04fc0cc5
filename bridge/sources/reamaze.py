"""Re:amaze: the answers of a custom SMS channel, and the canonical body.

Re:amaze tells nobody what happens to conversations. It posts what staff answers in a custom SMS channel, signed:
https://support.reamaze.com/kb/3rd-party-integrations/custom-sms-channels
"""

from collections.abc import Mapping
from typing import Any

from bridge.errors import Unreadable
from bridge.events import Customer, Delivery, Event, Parsed, Ticket
from bridge.greeting import first_name
from bridge.schemes import AnyOf, Hmac, Token
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._fields import Line, Moment, Part, Reading, Text, read
from bridge.sources._people import candidates
from bridge.sources._reading import identity_of, read_written_object

SIGNATURE = "x-reamaze-hmac-sha256"

# The shared secret of the channel. Programs that send the canonical body may send their secret instead of signing.
SCHEME = AnyOf((Hmac(header=SIGNATURE), Token()))

_ADVICE = "Send JSON: an answer as a custom SMS channel posts it, or the canonical body."


class _Party(Reading):
    phone = Text()
    name = Line()


class _Conversation(Reading):
    slug = Text()
    subject = Line()


class _Answer(Reading):
    id = Text()
    body = Text()
    to = Part(_Party)
    thread_id = Text()
    conversation = Part(_Conversation)
    created_at = Moment()


_ANSWER = _Answer()


def delivery_key(delivery: Delivery) -> str | None:  # noqa: ARG001 (the form of all sources)
    """None: no id is known to be there. The body's hash tells a repetition."""
    return None


def parse(delivery: Delivery) -> Parsed:
    """The answer of a custom channel, or the event of the canonical body. Raises Unreadable."""
    payload = read_written_object(delivery.body, advice=_ADVICE)
    if "event" in payload or not {"body", "to"} <= payload.keys():
        return parse_canonical(payload, delivery, source="reamaze")
    answer = read(_ANSWER, payload)
    if not answer["body"] and not payload.get("attachments"):
        raise Unreadable("The answer has neither a `body` nor `attachments`.")
    return (_replied(answer, payload, delivery),)


def _replied(answer: Mapping[str, Any], payload: Mapping[str, object], delivery: Delivery) -> Event:
    person = answer["to"]
    return Event(
        kind="ticket.replied",
        source="reamaze",
        connection=delivery.connection,
        occurred_at=answer["created_at"] or delivery.received_at,
        # Ids that somebody else's account may have too.
        identity=identity_of("ticket.replied", delivery.connection, answer["id"]),
        customer=Customer(
            name=person["name"],
            first_name=first_name(person["name"]),
            # Never `from`: that is the shop's own number.
            phone=person["phone"],
            phones=candidates([("customer", person["phone"], None)]),
        ),
        ticket=Ticket(
            id=answer["conversation"]["slug"] or answer["thread_id"],
            subject=answer["conversation"]["subject"],
            comment=answer["body"],
        ),
        raw=payload,
    )


SOURCE = Source(
    name="reamaze",
    title="Re:amaze",
    kinds=frozenset({"ticket.replied"}),
    takes_canonical=True,
    headers=frozenset({"content-type", SIGNATURE}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
)
