"""What stands in Square's webhooks and API answers, read into our values.

The fields: https://developer.squareup.com/reference/square/objects/Order, and Payment, PaymentRefund, Customer there.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bridge import zones
from bridge.events import Customer, LineItem, Order, Shipment
from bridge.greeting import first_name
from bridge.sources._carriers import carrier_name, tracking_page, web_address
from bridge.sources._fields import Amount, Country, Line, Moment, Part, Parts, Reading, Text
from bridge.sources._money import currency_of, in_units
from bridge.sources._naming import order_name
from bridge.sources._people import candidates

Record = Mapping[str, Any]


class _Money(Reading):
    amount = Amount()
    currency = Text()


class _Update(Reading):
    fulfillment_uid = Text()
    new_state = Text()


class _Change(Reading):
    """What `order_created`, `order_updated` and `order_fulfillment_updated` hold."""

    order_id = Text()
    state = Text()
    created_at = Moment()
    fulfillment_update = Parts(_Update)


class _Payment(Reading):
    """A payment, or a refund of one; the names that both have mean the same."""

    id = Text()
    status = Text()
    order_id = Text()
    payment_id = Text()
    customer_id = Text()
    buyer_email_address = Text()
    amount_money = Part(_Money)
    total_money = Part(_Money)
    refunded_money = Part(_Money)
    created_at = Moment()
    updated_at = Moment()


class _Object(Reading):
    order_created = Part(_Change)
    order_updated = Part(_Change)
    order_fulfillment_updated = Part(_Change)
    payment = Part(_Payment)
    refund = Part(_Payment)


class _Data(Reading):
    object = Part(_Object)


class _Body(Reading):
    type = Text()
    created_at = Moment()
    data = Part(_Data)


class _Address(Reading):
    country = Country()
    state = Text(data_key="administrative_district_level_1")


class _Recipient(Reading):
    display_name = Line()
    email_address = Text()
    phone_number = Text()
    address = Part(_Address)


class _Details(Reading):
    recipient = Part(_Recipient)
    carrier = Line()
    tracking_number = Text()
    tracking_url = Text()


class _Fulfilment(Reading):
    uid = Text()
    type = Text()
    shipment_details = Part(_Details)
    delivery_details = Part(_Details)
    pickup_details = Part(_Details)


class _LineItem(Reading):
    name = Line()
    quantity = Amount()
    base_price_money = Part(_Money)

    def make(self, values: dict[str, Any]) -> LineItem:
        price = amount_of(values["base_price_money"])
        return LineItem(title=values["name"], quantity=values["quantity"], price=price)


class _Tender(Reading):
    id = Text()


class _Order(Reading):
    id = Text()
    reference_id = Text()
    customer_id = Text()
    created_at = Moment()
    total_money = Part(_Money)
    line_items = Parts(_LineItem)
    fulfillments = Parts(_Fulfilment)
    tenders = Parts(_Tender)


class _Customer(Reading):
    id = Text()
    given_name = Line()
    family_name = Line()
    email_address = Text()
    phone_number = Text()
    address = Part(_Address)


class _Answer(Reading):
    order = Part(_Order)
    payment = Part(_Payment)
    customer = Part(_Customer)


def amount_of(money: Record) -> Decimal | None:
    """An amount in the currency's own unit."""
    return in_units(money["amount"], money["currency"])


def order_of(order: Record) -> Order:
    """What was bought. An order has no number of its own; a shop may have given it one (`reference_id`)."""
    return Order(
        id=order["id"],
        name=order_name(order["reference_id"]),
        total=amount_of(order["total_money"]),
        currency=currency_of(order["total_money"]["currency"]),
        created_at=order["created_at"],
        line_items=order["line_items"],
    )


def recipient_of(order: Record, fulfilment: Record | None = None) -> Customer:
    """Whom an order, or one fulfilment of it, goes to."""
    of_these = (fulfilment,) if fulfilment else order["fulfillments"]
    everybody = [details_of(each)["recipient"] for each in of_these]
    to = next((one for one in everybody if one["phone_number"] or one["display_name"]), None)
    if to is None:
        return Customer(id=order["customer_id"])
    country, state = to["address"]["country"], to["address"]["state"]
    return Customer(
        id=order["customer_id"],
        name=to["display_name"],
        first_name=first_name(to["display_name"]),
        email=to["email_address"],
        country=country,
        phone=to["phone_number"],
        phones=candidates([("shipping", to["phone_number"], country)]),
        time_zones=zones.of_address(country, state),
    )


def customer_of(customer: Record) -> Customer:
    """A customer from the shop's directory."""
    name = " ".join(part for part in (customer["given_name"], customer["family_name"]) if part) or None
    country = customer["address"]["country"]
    return Customer(
        id=customer["id"],
        name=name,
        first_name=first_name(customer["given_name"], name),
        email=customer["email_address"],
        country=country,
        phone=customer["phone_number"],
        phones=candidates([("customer", customer["phone_number"], country)]),
    )


def shipment_of(order_id: str | None, fulfilment: Record, status: str) -> Shipment:
    """One parcel. A fulfilment's uid is its own only within its order."""
    details = details_of(fulfilment)
    carrier, number = details["carrier"], details["tracking_number"]
    return Shipment(
        id=f"{order_id}:{fulfilment['uid']}" if order_id and fulfilment["uid"] else None,
        carrier=carrier_name(carrier),
        tracking_number=number,
        tracking_url=web_address(details["tracking_url"]) or tracking_page(carrier_name(carrier), number),
        status=status,
    )


def details_of(fulfilment: Record) -> Record:
    """The part of a fulfilment that its type is described in."""
    details: Record = fulfilment[_DETAILS.get(fulfilment["type"], "shipment_details")]
    return details


def paid_order_of(payment: Record) -> Order:
    """What a payment tells about its order."""
    money = payment["total_money"] if payment["total_money"]["currency"] else payment["amount_money"]
    return Order(id=payment["order_id"], total=amount_of(money), currency=currency_of(money["currency"]))


def refunded_order_of(refund: Record) -> Order:
    """What a refund tells: its own order is that of the return, not the one that was placed."""
    money = refund["amount_money"]
    return Order(refund_amount=amount_of(money), currency=currency_of(money["currency"]))


_DETAILS = {"SHIPMENT": "shipment_details", "DELIVERY": "delivery_details", "PICKUP": "pickup_details"}
#: The schemas of a webhook, and of any answer of the API.
BODY, ANSWER = _Body(), _Answer()
