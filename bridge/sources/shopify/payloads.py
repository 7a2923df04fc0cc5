"""What stands in Shopify's orders, fulfilments and refunds, read into our values.

The fields: https://shopify.dev/docs/api/admin-rest/latest/resources/order (webhooks and the REST API share them).
Without approval for protected customer data a shop's app gets null for every name, number and address.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from bridge import zones
from bridge.events import Customer, LineItem, Order, PhoneCandidate, Place, Shipment
from bridge.greeting import first_name
from bridge.sources._fields import Amount, Country, FirstText, Flag, Line, Moment, Part, Parts, Reading, Text
from bridge.sources._people import candidates

# A fulfilment's own name is the order's with a counter behind it: "#1001.2", or "#1001-F2".
_COUNTER = re.compile(r"(\.|-F)\d+$", re.ASCII)

Record = Mapping[str, Any]


class _Address(Reading):
    first_name = Line()
    last_name = Line()
    name = Line()
    phone = Text()
    country_code = Country()
    province_code = Text()


class _Buyer(Reading):
    id = Text()
    first_name = Line()
    last_name = Line()
    email = Text()
    phone = Text()
    default_address = Part(_Address)


class _LineItem(Reading):
    title = Line()
    quantity = Amount()
    price = Amount()

    def make(self, values: dict[str, Any]) -> LineItem:
        return LineItem(**values)


class _Fulfilment(Reading):
    id = Text()
    order_id = Text()
    name = Line()
    status = Text()
    shipment_status = Text()
    tracking_company = Line()
    tracking_number = Text()
    tracking_numbers = FirstText()
    tracking_url = Text()
    tracking_urls = FirstText()
    created_at = Moment()
    updated_at = Moment()
    email = Text()
    destination = Part(_Address)


class _Money(Reading):
    amount = Amount()
    currency_code = Text()


class _MoneySet(Reading):
    presentment_money = Part(_Money)


class _Order(Reading):
    id = Text()
    name = Line()
    total_price = Amount()
    total_price_set = Part(_MoneySet)
    currency = Text()
    order_status_url = Text()
    created_at = Moment()
    updated_at = Moment()
    processed_at = Moment()
    cancelled_at = Moment()
    cancel_reason = Text()
    test = Flag()
    source_name = Text()
    line_items = Parts(_LineItem)
    phone = Text()
    email = Text()
    contact_email = Text()
    customer_locale = Text()
    customer = Part(_Buyer)
    shipping_address = Part(_Address)
    billing_address = Part(_Address)
    fulfillments = Parts(_Fulfilment)


class _Transaction(Reading):
    kind = Text()
    status = Text()
    amount = Amount()
    currency = Text()


class _Refund(Reading):
    id = Text()
    order_id = Text()
    created_at = Moment()
    transactions = Parts(_Transaction)


class _Answer(Reading):
    order = Part(_Order)


#: A transaction that moves no money: https://shopify.dev/docs/api/admin-rest/latest/resources/transaction
_NO_MONEY = frozenset({"failure", "error"})

#: The schemas of the payloads. What they load goes into the functions below.
ORDER, FULFILMENT, REFUND, BUYER, ANSWER = _Order(), _Fulfilment(), _Refund(), _Buyer(), _Answer()


def order_of(order: Record) -> Order:
    """What was bought, for the amount that the customer saw and paid: not the shop's own currency."""
    presented = order["total_price_set"]["presentment_money"]
    is_known = presented["amount"] is not None and presented["currency_code"]
    return Order(
        id=order["id"],
        name=order["name"],
        total=presented["amount"] if is_known else order["total_price"],
        currency=presented["currency_code"] if is_known else order["currency"],
        status_url=order["order_status_url"],
        created_at=order["created_at"],
        cancel_reason=order["cancel_reason"],
        test=bool(order["test"]),
        line_items=order["line_items"],
    )


def customer_of(order: Record) -> Customer:
    """Who bought it. An order has up to five phone numbers, and `customer` may be null: a guest, or the till."""
    buyer, shipping, billing = order["customer"], order["shipping_address"], order["billing_address"]
    home = buyer["default_address"]
    country = shipping["country_code"] or billing["country_code"] or home["country_code"]
    numbers: list[tuple[Place, str | None, str | None]] = [
        ("order", order["phone"], country),
        ("customer", buyer["phone"], country),
        ("shipping", shipping["phone"], shipping["country_code"] or country),
        ("billing", billing["phone"], billing["country_code"] or country),
        ("default", home["phone"], home["country_code"] or country),
    ]
    return _customer(
        (buyer, shipping, billing, home),
        id=buyer["id"],
        email=buyer["email"] or order["email"] or order["contact_email"],
        country=country,
        locale=order["customer_locale"],
        phones=candidates(numbers),
        time_zones=_zones_of(shipping),
    )


def buyer_of(buyer: Record) -> Customer:
    """A customer from their own webhook."""
    home = buyer["default_address"]
    country = home["country_code"]
    phones = candidates([("customer", buyer["phone"], country), ("default", home["phone"], country)])
    return _customer((buyer, home), id=buyer["id"], email=buyer["email"], country=country, phones=phones)


def recipient_of(fulfilment: Record) -> Customer:
    """Whom a parcel goes to."""
    to = fulfilment["destination"]
    country = to["country_code"]
    phones = candidates([("shipping", to["phone"], country)])
    return _customer((to,), email=fulfilment["email"], country=country, phones=phones, time_zones=_zones_of(to))


def _zones_of(address: Record) -> tuple[str, ...]:
    return zones.of_address(address["country_code"], address["province_code"])


def order_of_fulfilment(fulfilment: Record) -> Order:
    """What a fulfilment tells about its order: the id, and the name without the fulfilment's counter."""
    name = fulfilment["name"]
    return Order(id=fulfilment["order_id"], name=_COUNTER.sub("", name) if name else None)


def shipment_of(fulfilment: Record, status: str | None) -> Shipment:
    """The parcel, with the status in our words. All tracking may be absent on a real one."""
    return Shipment(
        id=fulfilment["id"],
        carrier=fulfilment["tracking_company"],
        tracking_number=fulfilment["tracking_number"] or fulfilment["tracking_numbers"],
        tracking_url=fulfilment["tracking_url"] or fulfilment["tracking_urls"],
        status=status,
    )


def order_of_refund(refund: Record) -> Order:
    """The order's id, and the money that went back: the sum of the successful refund transactions.

    It is 0 where no money goes back (goods put back in stock, a failed payment), and None where it is under way or
    cannot be added up.
    """
    refunds = [part for part in refund["transactions"] if part["kind"] == "refund"]
    if all(part["status"] in _NO_MONEY for part in refunds):
        return Order(id=refund["order_id"], refund_amount=Decimal(0))
    paid = [part for part in refunds if part["status"] == "success"]
    amounts: list[Decimal] = [part["amount"] for part in paid if part["amount"] is not None]
    currencies = {part["currency"] for part in paid}
    if not paid or len(amounts) < len(paid) or len(currencies) > 1:
        return Order(id=refund["order_id"])
    return Order(id=refund["order_id"], refund_amount=sum(amounts, Decimal(0)), currency=currencies.pop())


def _customer(
    records: Iterable[Record],
    *,
    email: str | None,
    country: str | None,
    phones: tuple[PhoneCandidate, ...],
    id: str | None = None,  # noqa: A002 (the field's name)
    locale: str | None = None,
    time_zones: tuple[str, ...] = (),
) -> Customer:
    """A customer named as the first of `records` that has a name."""
    named = next((record for record in records if _full_name(record)), None)
    return Customer(
        id=id,
        name=_full_name(named) if named else None,
        first_name=first_name(named["first_name"], _full_name(named)) if named else None,
        email=email,
        country=country,
        locale=locale,
        phone=phones[0].number if phones else None,
        phones=phones,
        time_zones=time_zones,
    )


def _full_name(record: Record) -> str | None:
    return " ".join(part for part in (record["first_name"], record["last_name"]) if part) or record.get("name")
