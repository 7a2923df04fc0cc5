"""What holds for Shopify only."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.errors import Unreadable
from bridge.events import KINDS, PLACES, Delivery, Event, LineItem, Lookup
from bridge.phone import ALLOWED_REGIONS
from bridge.policy import phones
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["shopify"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
PARCEL = "4619028375510928374"
ORDER = "5728193046127345821"


def deliver(body: object, topic: str | None, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"x-shopify-topic": topic} if topic is not None else {}
    sent |= {f"x-shopify-{name.replace('_', '-')}": text for name, text in headers.items()}
    return Delivery(connection="shop", headers=sent, body=raw, received_at=NOW)


def parse_all(body: object, topic: str) -> tuple[Event, ...]:
    parsed = SOURCE.parse(deliver(body, topic))
    assert isinstance(parsed, tuple)
    return parsed


def parse(body: object, topic: str) -> Event:
    (event,) = parse_all(body, topic)
    return event


def sample(name: str) -> dict:
    return json.loads(load("shopify")[name].body)


def recorded(name: str) -> Event:
    found = load("shopify")[name]
    return parse(found.body, found.headers["x-shopify-topic"])


def test_the_signature_of_shopifys_own_test_verifies():
    headers = {SOURCE.signature_header: "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="}
    delivery = Delivery(connection="shop", headers=headers, body=b'{"foo": "bar"}', received_at=NOW)
    assert SOURCE.verify(delivery, ["test_secret_key"], signature_header=SOURCE.signature_header) == 0


# --- the keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "headers", "key"),
    [
        ("orders/create", {"event_id": "e1", "webhook_id": "w1"}, "orders/create:e1"),
        ("orders/create", {"webhook_id": "w1"}, "orders/create:w1"),
        ("orders/create", {"event_id": " ", "webhook_id": "w1"}, "orders/create:w1"),
        ("orders/create", {}, None),
        ("Orders/Create ", {"event_id": "e1"}, "orders/create:e1"),
    ],
)
def test_the_delivery_key_is_topic_and_event(topic, headers, key):
    assert SOURCE.delivery_key(deliver({}, topic, **headers)) == key


def test_two_topics_of_one_event_are_two_deliveries():
    keys = {SOURCE.delivery_key(deliver({}, topic, event_id="e1")) for topic in ("orders/create", "orders/paid")}
    assert len(keys) == 2


def test_a_captured_request_under_new_ids_has_the_same_signed_bytes():
    first = SOURCE.signed_bytes(deliver({"id": 1}, "orders/create", event_id="e1"))
    assert SOURCE.signed_bytes(deliver({"id": 1}, "orders/create", event_id="e2", webhook_id="w")) == first
    assert SOURCE.signed_bytes(deliver({"id": 1}, "orders/paid", event_id="e1")) != first


# --- orders ------------------------------------------------------------------------------------------------------


def test_an_order_is_read_whole_and_its_id_exactly():
    event = recorded("orders_create")
    order = event.order
    assert int(ORDER) > 2**53
    assert (order.id, order.name, str(order.total), order.currency) == (ORDER, "#4182", "143.04", "USD")
    assert order.status_url.startswith("https://juniperandpine.example/")
    assert order.created_at == datetime(2026, 11, 20, 15, 14, 9, tzinfo=UTC)
    assert order.line_items == (
        LineItem(title="Merino Crew Sweater", quantity=Decimal(1), price=Decimal("89.00")),
        LineItem(title="Wool Boot Socks", quantity=Decimal(2), price=Decimal("18.00")),
    )
    assert (event.customer.name, event.customer.first_name) == ("Maya Thompson", "Maya")
    assert (event.customer.locale, event.customer.country) == ("en-US", "US")
    assert event.identity == f"order.created:{ORDER}"
    assert event.lookup is None


@pytest.mark.parametrize(
    ("name", "kind"), [("orders_create", "created"), ("orders_paid", "paid"), ("orders_fulfilled", "shipped")]
)
def test_one_orders_events_are_told_apart_by_kind(name, kind):
    assert recorded(name).kind == f"order.{kind}"
    assert recorded(name).order.id == ORDER


def test_a_cancelled_order_says_why_and_when():
    event = recorded("orders_cancelled")
    assert event.order.cancel_reason == "customer"
    assert event.occurred_at == datetime(2026, 11, 20, 22, 30, 3, tzinfo=UTC)


def test_all_numbers_of_an_order_are_candidates_in_order_each_with_its_country():
    body = sample("orders_create")
    body["phone"] = "1"
    body["customer"]["phone"] = "2"
    body["shipping_address"] |= {"phone": "3", "country_code": "CA"}
    body["billing_address"] |= {"phone": "4", "country_code": "GB"}
    body["customer"]["default_address"] |= {"phone": "5", "country_code": "US"}
    customer = parse(body, "orders/create").customer
    assert [(phone.where, phone.number, phone.country) for phone in customer.phones] == [
        ("order", "1", "CA"),
        ("customer", "2", "CA"),
        ("shipping", "3", "CA"),
        ("billing", "4", "GB"),
        ("default", "5", "US"),
    ]
    assert (customer.phone, customer.country) == ("1", "CA")


def test_one_number_in_many_places_is_a_candidate_in_each():
    body = sample("orders_create")
    body["phone"] = body["customer"]["phone"] = body["billing_address"]["phone"] = "+12125550123"
    phones = parse(body, "orders/create").customer.phones
    assert [phone.where for phone in phones if phone.number == "+12125550123"] == ["order", "customer", "billing"]


@pytest.mark.parametrize(
    ("address", "time_zones"),
    [
        ({"country_code": "US", "province_code": "NY"}, ("America/New_York",)),
        ({"country_code": "US", "province_code": "KS"}, ("America/Chicago", "America/Denver")),
        ({"country_code": "GB", "province_code": "ENG"}, ("Europe/London",)),
        ({"country_code": "GB", "province_code": None}, ("Europe/London",)),
        ({"country_code": "US", "province_code": "PR"}, ("America/Puerto_Rico",)),
        # nobody can tell
        ({"country_code": None, "province_code": "NY"}, ()),
        ({"country_code": "US", "province_code": "AE"}, ()),
        ({}, ()),
        (None, ()),
    ],
)
def test_the_time_zones_are_those_of_the_shipping_address(address, time_zones):
    body = sample("orders_create") | {"shipping_address": address}
    assert parse(body, "orders/create").customer.time_zones == time_zones
    parcel = sample("fulfillments_create") | {"destination": address}
    assert parse(parcel, "fulfillments/create").customer.time_zones == time_zones


def test_where_there_is_no_shipping_address_no_other_one_says_where_somebody_is():
    body = sample("orders_create") | {"shipping_address": None}
    assert body["billing_address"]["province_code"]
    assert parse(body, "orders/create").customer.time_zones == ()


def test_a_parcels_own_zones_come_before_its_orders_and_the_orders_fill_in():
    order, parcel = sample("orders_fulfilled"), sample("fulfillments_create")
    there, here = {"country_code": "US", "province_code": "HI"}, {"country_code": "US", "province_code": "NY"}
    for destination, expected in ((there, "Pacific/Honolulu"), (None, "America/New_York")):
        order["shipping_address"], order["fulfillments"] = here, [parcel | {"destination": destination}]
        told = parse(order, "orders/fulfilled")
        looked_up = SOURCE.absorb(parse(order["fulfillments"][0], "fulfillments/create"), {"order": order})
        assert told.customer.time_zones == looked_up.customer.time_zones == (expected,)


@pytest.mark.parametrize("customer", [None, {}, [], "guest", 0])
def test_an_order_without_a_customer_is_somebodys_all_the_same(customer):
    event = parse(sample("orders_create_guest") | {"customer": customer}, "orders/create")
    assert (event.customer.id, event.customer.name, event.customer.first_name) == (None, "Imogen Whitlock", "Imogen")
    assert (event.customer.phone, event.customer.country) == ("07400 123456", "GB")
    assert event.customer.email == "imogen.whitlock@example.com"


def test_the_customer_key_may_be_missing_altogether():
    body = sample("orders_create_guest")
    for key in ("customer", "billing_address", "shipping_address", "line_items", "test"):
        del body[key]
    event = parse(body, "orders/create")
    assert (event.kind, event.customer.phones, event.order.line_items) == ("order.created", (), ())


def test_a_number_in_the_shipping_address_only_is_found():
    customer = recorded("orders_create_phone_in_shipping").customer
    assert (customer.phone, customer.phones[0].where) == ("(416) 555-0142", "shipping")


def test_lettered_numbers_stay_candidates_for_the_policy_to_refuse():
    event = recorded("orders_create_lettered_phone")
    assert [phone.number for phone in event.customer.phones] == ["555-555-SHIP", "555-555-BILL"]
    assert event.order.test is True


def test_an_order_without_any_personal_data_is_an_order():
    customer = recorded("orders_create_no_personal_data").customer
    assert (customer.name, customer.phone, customer.email, customer.phones) == (None, None, None, ())
    assert customer.country == "US"


@pytest.mark.parametrize(
    ("first", "last", "name", "greeting"),
    [
        ("Jun", "Park", "Jun Park", "Jun"),
        ("Jun", None, "Jun", "Jun"),
        (None, "Park", "Park", "Park"),
        ("", "", None, None),
    ],
)
def test_a_customer_is_named_as_far_as_names_go(first, last, name, greeting):
    body = sample("orders_create") | {"shipping_address": None, "billing_address": None}
    body["customer"] |= {"first_name": first, "last_name": last, "default_address": None}
    customer = parse(body, "orders/create").customer
    assert (customer.name, customer.first_name) == (name, greeting)


TILL = {"source_name": "pos", "shipping_address": None}
# Shops that move to Shopify bring their orders along: `processed_at` is when they were placed.
BROUGHT = {"processed_at": "2025-03-04T12:00:00-05:00"}


@pytest.mark.parametrize(
    ("name", "changes", "kind"),
    [
        ("orders_create", TILL, "shopify.orders.create"),
        ("orders_create", {"source_name": "pos"}, "order.created"),
        ("orders_create", {"shipping_address": None}, "order.created"),
        ("orders_create", BROUGHT, "shopify.orders.create"),
        ("orders_create", {"processed_at": "2026-11-19T10:14:09-05:00"}, "order.created"),
        ("orders_create", {"processed_at": None}, "order.created"),
        ("orders_create", {"processed_at": "2027-01-01T00:00:00Z"}, "order.created"),
        ("orders_paid", TILL, "order.paid"),
        ("orders_paid", BROUGHT, "shopify.orders.paid"),
        ("orders_cancelled", BROUGHT, "order.cancelled"),
        ("orders_fulfilled", TILL, "shopify.orders.fulfilled"),
        ("orders_fulfilled", {"source_name": "pos"}, "order.shipped"),
        ("orders_fulfilled", BROUGHT, "order.shipped"),
        ("orders_fulfilled", {**BROUGHT, "created_at": "2026-11-21T14:32:40-05:00"}, "shopify.orders.fulfilled"),
    ],
)
def test_a_sale_over_the_counter_and_an_order_brought_along_are_no_news(name, changes, kind):
    event = parse(sample(name) | changes, name.replace("_", "/"))
    assert event.kind == kind
    assert event.identity == f"{kind}:{PARCEL if kind == 'order.shipped' else event.order.id}"
    assert event.customer.name is not None


# --- parcels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orders_fulfilled", "fulfillments_create"])
def test_two_webhooks_about_one_parcel_are_one_event(name):
    event = recorded(name)
    assert event.identity == f"order.shipped:{PARCEL}"
    assert event.order.name == "#4182"
    assert (event.shipment.carrier, event.shipment.tracking_number) == ("USPS", "9400111899562537866543")
    assert event.shipment.tracking_url.startswith("https://tools.usps.com/")


def test_tracking_that_comes_late_is_told_of_the_same_parcel():
    early, late = recorded("fulfillments_create_no_tracking"), recorded("fulfillments_update_late_tracking")
    assert early.identity == late.identity
    assert early.shipment.tracking_url is None
    assert late.shipment.tracking_url is not None


@pytest.mark.parametrize(
    ("shipment_status", "kind", "ours"),
    [
        (None, "order.shipped", "shipped"),
        ("", "order.shipped", "shipped"),
        ("confirmed", "order.shipped", "shipped"),
        ("label_purchased", "order.shipped", "shipped"),
        ("label_printed", "order.shipped", "shipped"),
        ("in_transit", "order.shipped", "shipped"),
        ("carrier_picked_up", "order.shipped", "shipped"),
        ("out_for_delivery", "order.out_for_delivery", "out_for_delivery"),
        ("delivered", "order.delivered", "delivered"),
        ("failure", "order.delivery_failed", "failed"),
        ("attempted_delivery", "order.delivery_failed", "failed"),
        ("ready_for_pickup", "shopify.fulfillments.update", None),
        ("delayed", "shopify.fulfillments.update", None),
        ("beamed_up", "shopify.fulfillments.update", None),
    ],
)
def test_where_a_parcel_is_decides_the_kind(shipment_status, kind, ours):
    body = sample("fulfillments_create") | {"shipment_status": shipment_status}
    event = parse(body, "fulfillments/update")
    assert (event.kind, event.shipment.status) == (kind, ours)
    if ours:
        assert event.identity == f"{kind}:{PARCEL}"


@pytest.mark.parametrize("status", ["cancelled", "error", "failure", "pending", "open"])
@pytest.mark.parametrize("shipment_status", [None, "delivered"])
def test_a_fulfilment_that_never_left_is_no_shipment(status, shipment_status):
    body = sample("fulfillments_create") | {"status": status, "shipment_status": shipment_status}
    for topic in ("fulfillments/create", "fulfillments/update"):
        event = parse(body, topic)
        assert event.kind == f"shopify.{topic.replace('/', '.')}"
        assert event.shipment.status is None
    order = sample("orders_fulfilled") | {"fulfillments": [body]}
    assert [event.kind for event in parse_all(order, "orders/fulfilled")] == ["shopify.orders.fulfilled"]


@pytest.mark.parametrize(
    ("shipment_status", "updated_at", "kind"),
    [
        (None, "2026-12-20T10:00:00-05:00", "order.shipped"),
        (None, "2027-11-20T10:00:00-05:00", None),
        ("in_transit", "2027-01-20T10:00:00-05:00", None),
        ("delivered", "2027-01-20T10:00:00-05:00", "order.delivered"),
        ("delivered", "2027-11-20T10:00:00-05:00", None),
        ("attempted_delivery", "2027-11-20T10:00:00-05:00", None),
        (None, None, "order.shipped"),
        (None, "soon", "order.shipped"),
    ],
)
def test_a_parcel_of_last_year_that_is_edited_is_no_news(shipment_status, updated_at, kind):
    parcel = sample("fulfillments_create") | {"shipment_status": shipment_status, "updated_at": updated_at}
    told = parse(parcel, "fulfillments/update")
    assert told.kind == (kind or "shopify.fulfillments.update")
    assert told.shipment.status == (kind and kind.removeprefix("order."))
    # Nor is it where an order is completed today whose first parcel left last year.
    order = sample("orders_fulfilled") | {"fulfillments": [parcel], "updated_at": updated_at}
    assert parse_all(order, "orders/fulfilled")[0].kind == (kind or "shopify.orders.fulfilled")


def test_a_parcels_native_states_are_one_event_each():
    waiting = sample("fulfillments_update_ready_for_pickup")
    again = parse(waiting | {"updated_at": "2026-11-23T10:00:00Z"}, "fulfillments/update")
    assert again.identity == parse(waiting, "fulfillments/update").identity
    assert parse(waiting | {"shipment_status": "delayed"}, "fulfillments/update").identity != again.identity


def test_an_order_in_two_parcels_is_two_events_and_a_cancelled_one_is_none():
    events = parse_all(sample("orders_fulfilled_two_parcels"), "orders/fulfilled")
    assert [event.identity for event in events] == [f"order.shipped:{int(PARCEL) + offset}" for offset in (0, 41)]
    assert len({event.shipment.tracking_number for event in events}) == 2


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("#1001.2", "#1001"),
        ("#1001.12", "#1001"),
        ("#1001-F1", "#1001"),
        ("1001-EU.1", "1001-EU"),
        ("#1001", "#1001"),
        ("#10.5.1", "#10.5"),
        ("", None),
        (None, None),
    ],
)
def test_a_fulfilments_own_name_holds_the_orders(name, order):
    assert parse(sample("fulfillments_create") | {"name": name}, "fulfillments/create").order.name == order


def test_tracking_in_the_lists_only_is_found():
    body = sample("fulfillments_create") | {"tracking_number": None, "tracking_url": None}
    body |= {"tracking_numbers": [None, "", "9400"], "tracking_urls": ["https://example.com/9400"]}
    shipment = parse(body, "fulfillments/create").shipment
    assert (shipment.tracking_number, shipment.tracking_url) == ("9400", "https://example.com/9400")


def test_a_parcel_knows_the_order_to_ask_for():
    assert parse(sample("fulfillments_create"), "fulfillments/create").lookup == Lookup(what="order", id=ORDER)


def number_to_text(event):
    preference = phones.preference_for(event, PLACES)
    return phones.choose(event.customer, preference=preference, allowed=ALLOWED_REGIONS).customer.phone


@pytest.mark.parametrize("status", [None, "out_for_delivery", "delivered", "failure", "ready_for_pickup"])
@pytest.mark.parametrize(
    ("shipping", "destination", "expected"),
    [
        ("+12125550188", "+12125550188", "+12125550188"),
        ("+12125550177", "+12125550188", "+12125550188"),  # the address was mended after the order
        ("+12125550188", None, "+12125550188"),
        ("+12125550188", "555-555-SHIP", "+12125550188"),
        ("555-555-SHIP", "555-555-SHIP", "+12125550123"),
        (None, None, "+12125550123"),
    ],
)
def test_every_webhook_about_a_parcel_texts_the_same_number(status, shipping, destination, expected):
    order = sample("orders_fulfilled")
    order["phone"], order["shipping_address"]["phone"] = "+12125550123", shipping
    parcel = sample("fulfillments_create") | {"shipment_status": status}
    parcel["destination"] = parcel["destination"] | {"phone": destination}
    order["fulfillments"] = [parcel]
    update = parse(parcel, "fulfillments/update")
    looked_up = SOURCE.absorb(update, {"order": order})
    assert number_to_text(looked_up) == expected
    if update.kind in KINDS:
        assert number_to_text(parse(order, "orders/fulfilled")) == expected
    if destination == expected:
        assert number_to_text(update) == expected


def test_a_parcel_without_an_order_has_nothing_to_ask_for():
    body = sample("fulfillments_create") | {"order_id": None, "destination": None}
    assert parse(body, "fulfillments/create").lookup is None


# --- refunds -----------------------------------------------------------------------------------------------------


def transaction(amount: object, kind: str = "refund", status: str = "success", currency: str = "USD") -> dict:
    return {"amount": amount, "kind": kind, "status": status, "currency": currency}


@pytest.mark.parametrize(
    ("transactions", "amount", "currency"),
    [
        ([transaction("19.60")], "19.60", "USD"),
        ([transaction("19.60"), transaction("0.40")], "20.00", "USD"),
        ([transaction("19.60"), transaction("5.00", status="failure")], "19.60", "USD"),
        ([transaction("19.60"), transaction("5.00", kind="void")], "19.60", "USD"),
        ([transaction("19.60", status="pending")], None, None),
        ([transaction("19.60"), transaction("5.00", currency="EUR")], None, None),
        ([transaction("19.60"), transaction(None)], None, None),
        ([transaction("much")], None, None),
        # nothing went back: goods were put back in stock, or the payment failed
        ([], "0", None),
        (None, "0", None),
        ([None, "x"], "0", None),
        ([transaction("19.60", status="failure")], "0", None),
        ([transaction("19.60", kind="void")], "0", None),
    ],
)
def test_a_refunds_amount_is_what_really_went_back(transactions, amount, currency):
    order = parse(sample("refunds_create") | {"transactions": transactions}, "refunds/create").order
    assert (str(order.refund_amount) if order.refund_amount is not None else None) == amount
    assert order.currency == currency


def test_a_refund_asks_for_its_order_and_keeps_what_it_knew():
    event = recorded("refunds_create")
    assert event.lookup == Lookup(what="order", id=ORDER)
    assert event.identity == "order.refunded:931826475109283746"
    full = SOURCE.absorb(event, load("shopify")["refunds_create"].lookups["order"])
    assert (full.order.id, full.order.name, str(full.order.total)) == (ORDER, "#4182", "143.04")
    assert str(full.order.refund_amount) == "19.60"
    assert (full.customer.phone, full.customer.first_name) == ("+12125550123", "Maya")


def test_a_looked_up_test_order_is_a_test():
    full = SOURCE.absorb(recorded("refunds_create"), {"order": {"id": ORDER, "test": True}})
    assert full.order.test is True


def test_an_order_never_overwrites_what_the_webhook_said():
    event = recorded("fulfillments_create")
    full = SOURCE.absorb(
        event, {"order": {"name": "#1", "email": None, "shipping_address": {"phone": "999", "name": "X"}}}
    )
    assert (full.order.name, full.customer.email, full.customer.name) == (
        "#4182",
        "maya.thompson@example.com",
        "Maya Thompson",
    )
    assert [phone.number for phone in full.customer.phones] == ["(212) 555-0123", "999"]


# --- the rest ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("checkouts/create", "shopify.checkouts.create"),
        ("app/uninstalled", "shopify.app.uninstalled"),
        ("orders/updated", "shopify.orders.updated"),
        ("Some Thing/ODD", "shopify.some_thing.odd"),
        ("no-slash", "shopify.no-slash"),
        ("ü" * 300, "shopify._"),
        ("x" * 300, "shopify." + "x" * 100),
    ],
)
def test_any_other_topic_is_an_event_in_shopifys_words(topic, kind):
    assert parse({}, topic).kind == kind


def test_an_abandoned_checkout_knows_the_person():
    event = parse(sample("orders_create"), "checkouts/create")
    assert event.customer.phone == "+12125550123"
    assert event.identity is None


def test_a_customers_own_webhook_is_about_them():
    customer = recorded("customers_create").customer
    assert (customer.id, customer.name, customer.phone) == ("7102938475610293847", "Maya Thompson", "+12125550123")


@pytest.mark.parametrize("topic", [None, "", "  "])
def test_without_a_topic_it_is_unknown_what_happened(topic):
    with pytest.raises(Unreadable, match="x-shopify-topic"):
        SOURCE.parse(deliver(sample("orders_create"), topic))


@pytest.mark.parametrize(
    ("presented", "total", "currency"),
    [
        ({"amount": "114.20", "currency_code": "GBP"}, "114.20", "GBP"),
        ({"amount": None, "currency_code": "GBP"}, "143.04", "USD"),
        ({"amount": "114.20", "currency_code": None}, "143.04", "USD"),
        (None, "143.04", "USD"),
    ],
)
def test_an_orders_total_is_in_the_currency_the_customer_paid(presented, total, currency):
    body = sample("orders_create")
    body["total_price_set"] = {
        "shop_money": {"amount": "143.04", "currency_code": "USD"},
        "presentment_money": presented,
    }
    order = parse(body, "orders/create").order
    assert (str(order.total), order.currency) == (total, currency)
