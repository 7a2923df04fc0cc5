"""The values that travel along the path: frozen, keyword-only, without behaviour beyond reading them.

Field names of `Customer`, `Order`, `Ticket`, `Shipment` and `LineItem` are the vocabulary of the templates
(`{{ order.name }}`). None means absent; parsers turn "" into None. Ids are text whatever their JSON type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from bridge.errors import BadSignature
from bridge.reasons import Reason

#: Event kinds in our words. A native topic without one of these is `<source>.<topic with / as .>`.
KINDS = (
    "ticket.created",
    "ticket.replied",
    "ticket.solved",
    "ticket.reopened",
    "ticket.updated",
    "order.created",
    "order.paid",
    "order.cancelled",
    "order.refunded",
    "order.shipped",
    "order.out_for_delivery",
    "order.delivered",
    "order.delivery_failed",
)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook request as received. `headers` have lower-case names; `body` is the exact bytes.

    `method` and `url` are those that the sender called, known only while it is received. `id` is the database's, None
    before the delivery is stored. A stored delivery has only the headers its source allows. `unverified` says why its
    signature would have been refused, if it would (a code of `CAUSES`). `found` is what the platform answered where
    the webhook only says what to ask for. `attempts` counts how often it was taken up, `again` how often a person asked
    for its texts once more.
    """

    connection: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    method: str = "POST"
    url: str = ""
    id: int | None = None
    unverified: str | None = None
    found: Mapping[str, object] | None = None
    attempts: int = 0
    again: int = 0


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a webhook that was stored or known: `secret` is the index of the one that proves it.

    None proves one that is kept although it would have been refused, for the reason `unverified`.
    """

    is_new: bool
    secret: int | None = None
    unverified: BadSignature | None = None


#: Where a phone number may stand: in the order itself, in its customer's record, in the billing address, in the address
#: that parcels go to, and in the default address of the customer. A helpdesk's people are customers. They are in the
#: order in which they are preferred: a parcel may be a present, and who gets it has ordered nothing.
Place = Literal["order", "customer", "billing", "shipping", "default"]
PLACES: tuple[Place, ...] = get_args(Place)


@dataclass(frozen=True, kw_only=True)
class PhoneCandidate:
    """A phone number as a record has it, the country of that record (ISO 3166, or None) and where it stood."""

    number: str
    country: str | None = None
    where: Place = "customer"


@dataclass(frozen=True, kw_only=True)
class Customer:
    """The person an event is about. `phones` are all numbers on record; of one place, the most fitting first.

    `time_zones` are all the IANA zones that the address parcels go to may be in, () where that is unknown.
    """

    id: str | None = None
    name: str | None = None
    first_name: str | None = None
    phone: str | None = None
    email: str | None = None
    country: str | None = None
    locale: str | None = None
    phones: tuple[PhoneCandidate, ...] = field(default=(), metadata={"template": False})
    time_zones: tuple[str, ...] = field(default=(), metadata={"template": False})


@dataclass(frozen=True, kw_only=True)
class LineItem:
    """One line of an order. `price` is per piece."""

    title: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was bought. Decimals print the sender's own digits; `currency` is ISO 4217."""

    id: str | None = None
    name: str | None = None
    total: Decimal | None = None
    currency: str | None = None
    status_url: str | None = None
    created_at: datetime | None = None
    cancel_reason: str | None = None
    refund_amount: Decimal | None = None
    test: bool = False
    line_items: tuple[LineItem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A conversation in the helpdesk. `comment` is the newest comment as sent (it may be HTML), `agent` a name.

    `status` is one of new, open, pending, hold, solved, closed, where the platform's word is known.
    """

    id: str | None = None
    subject: str | None = None
    status: str | None = None
    url: str | None = None
    comment: str | None = None
    agent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One parcel. `status` is one of shipped, out_for_delivery, delivered, failed, where the word is known."""

    id: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """What a platform's REST API can tell that the webhook did not: `what` ("user", "customer", "order") and its id.

    After its answer there may be more to ask for: first the ticket, then its person. `told_by` is the webhook that
    asks, where the answer to another one, a moment ago, would be too old: its parcel is not there yet.
    """

    what: str
    id: str
    told_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What Attentive tells of a person: a text was `sent` to them, they have `left`, `joined` (again) or `answered`.

    `phone` is E.164, `at` by Attentive's clock. `text` is what was sent, `brand` the name that may stand before it; or
    it is what the person wrote, with the addresses of their pictures in `media`.
    """

    what: Literal["sent", "left", "joined", "answered"]
    phone: str
    at: datetime
    text: str = ""
    brand: str | None = None
    media: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, in our words.

    `identity` is what makes it the same event when another webhook tells it again (kind and the order's,
    refund's, shipment's or comment's id); None where the sender gives nothing to tell by: then it is the delivery.
    `raw` is the payload. `lookup` is None when there is nothing (more) to ask the platform for. `notice` is what
    Attentive tells with it of us. `by_agent` says that the platform itself names an agent as who wrote the comment.
    """

    kind: str
    source: str
    connection: str
    occurred_at: datetime
    identity: str | None = None
    customer: Customer = Customer()
    order: Order = Order()
    ticket: Ticket = Ticket()
    shipment: Shipment = Shipment()
    raw: Mapping[str, object] = field(default_factory=dict)
    lookup: Lookup | None = None
    notice: Notice | None = field(default=None, metadata={"template": False})
    by_agent: bool = field(default=False, metadata={"template": False})


@dataclass(frozen=True, kw_only=True)
class PrivacyRequest:
    """What a person may ask for by law, as their shop passes it on: `erase`, `erase_all` of a shop, or `export`.

    Whose: any of a phone number, an e-mail address, the platform's own id of them, their orders; or a shop's domain.
    """

    kind: Literal["erase", "erase_all", "export"]
    phone: str | None = None
    email: str | None = None
    customer: str | None = None
    orders: tuple[str, ...] = ()
    shop: str | None = None


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """A delivery that is understood and holds no event, and why; `asked` is what somebody asks for with it."""

    reason: Reason
    asked: PrivacyRequest | None = None


#: What a source's `parse` gives.
Parsed = tuple[Event, ...] | Nothing
