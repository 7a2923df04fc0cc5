"""What stands in WooCommerce's orders, read into our values.

The fields: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties. What is empty is "".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bridge import zones
from bridge.events import Customer, LineItem, Order, Shipment
from bridge.greeting import first_name
from bridge.sources._carriers import carrier_name, tracking_page, web_address
from bridge.sources._fields import Amount, Country, Line, Part, Parts, Reading, Text, Tolerant, read
from bridge.sources._moments import GmtMoment, UnixMoment
from bridge.sources._people import candidates

Record = Mapping[str, Any]

# Both plugins keep their parcels here: https://woocommerce.com/document/shipment-tracking/ and
# https://docs.zorem.com/docs/ast-free/
_PARCELS = "_wc_shipment_tracking_items"


class _Address(Reading):
    first_name = Line()
    last_name = Line()
    email = Text()
    phone = Text()
    country = Country()
    state = Text()


class _LineItem(Reading):
    title = Line(data_key="name")
    quantity = Amount()
    price = Amount()

    def make(self, values: dict[str, Any]) -> LineItem:
        return LineItem(**values)


class _Parcel(Reading):
    tracking_id = Text()
    tracking_provider = Line()
    custom_tracking_provider = Line()
    custom_tracking_link = Text()
    tracking_number = Text()
    date_shipped = UnixMoment()


class _Parcels(Tolerant):
    """The parcels that a plugin keeps in an order's `meta_data`; none without one."""

    def read(self, value: object) -> tuple[Record, ...]:
        """The parcels as read."""
        notes = value if isinstance(value, list) else ()
        kept = next((note.get("value") for note in notes if isinstance(note, dict) and note.get("key") == _PARCELS), ())
        # PHP makes an object of a list whose first entry was removed.
        items = list(kept.values()) if isinstance(kept, dict) else kept
        return tuple(read(_PARCEL, item) for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


class _Refund(Reading):
    id = Text()
    total = Amount()


class _Order(Reading):
    id = Text()
    number = Text()
    status = Text()
    currency = Text()
    total = Amount()
    customer_id = Text()
    created_via = Text()
    payment_method = Text()
    date_created_gmt = GmtMoment()
    date_modified_gmt = GmtMoment()
    date_paid_gmt = GmtMoment()
    date_completed_gmt = GmtMoment()
    billing = Part(_Address)
    shipping = Part(_Address)
    line_items = Parts(_LineItem)
    refunds = Parts(_Refund)
    parcels = _Parcels(data_key="meta_data")


_PARCEL = _Parcel()
#: The schema of the payload. What it loads goes into the functions below.
ORDER = _Order()


def order_of(order: Record) -> Order:
    """What was bought. A shop may number its orders otherwise than by their ids."""
    number = order["number"] or order["id"]
    return Order(
        id=order["id"],
        name=f"#{number.removeprefix('#')}" if number else None,
        total=order["total"],
        currency=order["currency"],
        created_at=order["date_created_gmt"],
        line_items=order["line_items"],
    )


def customer_of(order: Record) -> Customer:
    """Who bought it, by the addresses. A guest has no id. Parcels go to the billing address where there is no other."""
    billing, shipping = order["billing"], order["shipping"]
    to = shipping if shipping["country"] else billing
    country = to["country"]
    named = billing if _name(billing) else shipping
    phones = candidates(
        [
            ("billing", billing["phone"], billing["country"] or country),
            ("shipping", shipping["phone"], shipping["country"] or country),
        ]
    )
    return Customer(
        id=order["customer_id"] if order["customer_id"] != "0" else None,
        name=_name(named),
        first_name=first_name(named["first_name"], _name(named)),
        email=billing["email"],
        country=country,
        phone=phones[0].number if phones else None,
        phones=phones,
        time_zones=zones.of_address(to["country"], to["state"]),
    )


def shipment_of(parcel: Record) -> Shipment:
    """One parcel as a plugin keeps it: with a link of the shop's own, or the short name of a carrier."""
    provider = parcel["custom_tracking_provider"] or parcel["tracking_provider"]
    number = parcel["tracking_number"]
    return Shipment(
        id=parcel["tracking_id"],
        carrier=carrier_name(provider),
        tracking_number=number,
        tracking_url=web_address(parcel["custom_tracking_link"]) or tracking_page(carrier_name(provider), number),
        status="shipped",
    )


def refunded(refund: Record) -> Decimal | None:
    """The money of one refund, which WooCommerce writes as less than nothing."""
    return abs(refund["total"]) if refund["total"] is not None else None


def _name(address: Record) -> str | None:
    return " ".join(part for part in (address["first_name"], address["last_name"]) if part) or None
