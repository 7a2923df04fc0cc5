"""What stands in BigCommerce's webhooks, orders and shipments, read into our values.

The fields: https://developer.bigcommerce.com/docs/rest-management/orders
"""

from collections.abc import Mapping
from typing import Any

from bridge import zones
from bridge.events import Customer, Order, Place, Shipment
from bridge.greeting import first_name
from bridge.sources._carriers import carrier_name, tracking_page, web_address
from bridge.sources._fields import Amount, Country, Line, Part, Parts, Reading, Text
from bridge.sources._moments import MailMoment, UnixMoment
from bridge.sources._people import candidates

Record = Mapping[str, Any]


class _Status(Reading):
    previous_status_id = Text()
    new_status_id = Text()


class _Data(Reading):
    id = Text()
    order_id = Text(data_key="orderId")
    status = Part(_Status)


class _Body(Reading):
    scope = Text()
    hash = Text()
    created_at = UnixMoment()
    data = Part(_Data)


class _Address(Reading):
    first_name = Line()
    last_name = Line()
    phone = Text()
    email = Text()
    country_iso2 = Country()
    state = Text()


class _Order(Reading):
    id = Text()
    status_id = Text()
    customer_id = Text()
    date_created = MailMoment()
    total_inc_tax = Amount()
    refunded_amount = Amount()
    currency_code = Text()
    default_currency_code = Text()
    customer_locale = Text()
    billing_address = Part(_Address)


class _Shipment(Reading):
    id = Text()
    date_created = MailMoment()
    tracking_number = Text()
    tracking_carrier = Line()
    shipping_provider = Line()
    tracking_link = Text()
    generated_tracking_link = Text()
    shipping_address = Part(_Address)


class _Shipments(Reading):
    items = Parts(_Shipment)


#: The schemas of a webhook, an order, and the list of an order's shipments.
BODY, ORDER, SHIPMENTS = _Body(), _Order(), _Shipments()


def order_of(order: Record, *, knows_refund: bool) -> Order:
    """What was bought, and what has gone back of it if `knows_refund`: it is a sum of all refunds."""
    return Order(
        id=order["id"],
        total=order["total_inc_tax"],
        # What the shopper pays in; the other one is what prices were shown in.
        currency=order["default_currency_code"] or order["currency_code"],
        created_at=order["date_created"],
        refund_amount=(order["refunded_amount"] or None) if knows_refund else None,
    )


def buyer_of(order: Record) -> Customer:
    """Who bought it. A guest is customer 0."""
    guest = order["customer_id"] in {None, "0"}
    return _person(
        order["billing_address"],
        "billing",
        id=None if guest else order["customer_id"],
        locale=order["customer_locale"],
    )


def recipient_of(shipment: Record) -> Customer:
    """Whom a parcel goes to. States are names here, so the zones are all of the country's."""
    to = shipment["shipping_address"]
    return _person(to, "shipping", time_zones=zones.of_address(to["country_iso2"], to["state"]))


def shipment_of(shipment: Record) -> Shipment:
    """The parcel, with the link that BigCommerce or the shop has for it, or the carrier's."""
    carrier, number = shipment["tracking_carrier"] or shipment["shipping_provider"], shipment["tracking_number"]
    link = web_address(shipment["tracking_link"]) or web_address(shipment["generated_tracking_link"])
    return Shipment(
        id=shipment["id"],
        carrier=carrier_name(carrier),
        tracking_number=number,
        tracking_url=link or tracking_page(carrier_name(carrier), number),
        status="shipped",
    )


def _person(address: Record, where: Place, **more: Any) -> Customer:
    name = " ".join(part for part in (address["first_name"], address["last_name"]) if part) or None
    return Customer(
        name=name,
        first_name=first_name(address["first_name"], name),
        phone=address["phone"],
        email=address["email"],
        country=address["country_iso2"],
        phones=candidates([(where, address["phone"], address["country_iso2"])]),
        **more,
    )
