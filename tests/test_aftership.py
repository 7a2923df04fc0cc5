"""AfterShip: which header is judged, which states are news, and where a customer may stand."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery, Event
from bridge.sources.aftership import SOURCE
from bridge.sources.samples import load

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
# openssl dgst -sha256 -hmac topsecret -binary | base64
HELLO = '{"hello":"wörld"}'.encode()
GOOD = "GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU="


def delivery(body: bytes, headers: dict[str, str] | None = None) -> Delivery:
    return Delivery(connection="tracking", headers=headers or {}, body=body, received_at=NOW)


def told(name: str, **values: object) -> Event:
    body = load("aftership")[name].with_values({f"msg.{key}": value for key, value in values.items()}).body
    (event,) = SOURCE.parse(delivery(body))
    return event


@pytest.mark.parametrize(
    "headers",
    [
        {"aftership-hmac-sha256": GOOD},
        {"as-signature-hmac-sha256": GOOD},
        {"am-webhook-signature": f"hmac-sha256={GOOD}"},
    ],
)
def test_each_product_signs_in_a_header_of_its_own(headers):
    assert SOURCE.verify(delivery(HELLO, headers), ["other", "topsecret"]) == 1
    assert set(headers) <= SOURCE.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"aftership-hmac-sha256": f"hmac-sha256={GOOD}"},
        {"am-webhook-signature": GOOD},
        {"as-signature-hmac-sha256": GOOD.lower()},
        # The first of several is judged, whatever the others hold.
        {"aftership-hmac-sha256": "x", "as-signature-hmac-sha256": GOOD},
        {"x-aftership-hmac-sha256": GOOD},
    ],
)
def test_a_signature_in_no_place_of_theirs_is_refused(headers):
    with pytest.raises(BadSignature):
        SOURCE.verify(delivery(HELLO, headers), ["topsecret"])


@pytest.mark.parametrize(
    ("tag", "subtag", "kind", "status"),
    [
        ("InTransit", "InTransit_001", "order.shipped", "shipped"),
        ("intransit", None, "order.shipped", "shipped"),
        ("OutForDelivery", "OutForDelivery_001", "order.out_for_delivery", "out_for_delivery"),
        ("Delivered", "Delivered_003", "order.delivered", "delivered"),
        ("AttemptFail", "AttemptFail_001", "order.delivery_failed", "failed"),
        ("Exception", "Exception_006", "order.delivery_failed", "failed"),
        ("Exception", "Exception_004", "aftership.tracking_update.exception", None),
        ("Exception", "Exception_012", "aftership.tracking_update.exception", None),
        ("Pending", "Pending_001", "aftership.tracking_update.pending", None),
        ("Expired", "Expired_001", "aftership.tracking_update.expired", None),
        ("Teleported", None, "aftership.tracking_update.teleported", None),
        (None, None, "aftership.tracking_update", None),
    ],
)
def test_a_tag_is_news_only_where_the_table_says_so(tag, subtag, kind, status):
    event = told("in_transit", tag=tag, subtag=subtag)
    assert (event.kind, event.shipment.status) == (kind, status)


@pytest.mark.parametrize("tag", ["InTransit", "OutForDelivery", "Delivered", "AttemptFail"])
def test_a_parcel_on_its_way_back_is_no_delivery(tag):
    assert told("delivered", tag=tag, return_to_sender=True).kind.startswith("aftership.")


@pytest.mark.parametrize(
    ("name", "delivery_type", "kind"),
    [
        ("in_transit", "pickup_at_store", "order.shipped"),
        ("out_for_delivery", "pickup_at_store", "aftership.tracking_update.outfordelivery"),
        ("delivered", "pickup_at_store", "aftership.tracking_update.delivered"),
        ("delivered", "pickup_at_courier", "order.delivered"),
        ("delivered", "door_to_door", "order.delivered"),
        ("delivered", None, "order.delivered"),
    ],
)
def test_a_parcel_to_be_picked_up_in_the_shop_is_not_delivered_when_it_gets_there(name, delivery_type, kind):
    assert told(name, delivery_type=delivery_type).kind == kind


def checkpoints(*moments: object) -> list[dict]:
    return [{"checkpoint_time": moment} for moment in moments]


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (checkpoints("2026-11-23T15:21:00"), "order.delivered"),
        (checkpoints("2026-09-21T15:21:00-05:00", "2026-11-23T15:21:00-05:00"), "order.delivered"),
        (checkpoints("2026-11-23T15:21:00", "2026-09-21T15:21:00"), "order.delivered"),
        (checkpoints("2026-11-21T10:00:00"), "order.delivered"),
        (checkpoints("2026-09-21T15:21:00", "2026-09-24"), "aftership.tracking_update.delivered"),
        (checkpoints(None, "soon"), "order.delivered"),
        ([], "order.delivered"),
        (None, "order.delivered"),
    ],
)
def test_a_parcel_of_long_ago_that_is_imported_is_no_news(seen, kind):
    assert told("delivered", checkpoints=seen).kind == kind


def test_further_checkpoints_are_the_same_event():
    first, again, old = (told(name) for name in ("in_transit", "in_transit_again", "in_transit_old_version"))
    assert first.identity == again.identity == old.identity == "order.shipped:9400111899562537866543"
    assert len({told(name).identity for name in ("in_transit", "out_for_delivery", "delivered")}) == 3


def test_a_state_of_its_own_is_told_once_for_each_of_its_reasons():
    customs, weather = (told("in_transit", tag="Exception", subtag=f"Exception_{code}") for code in ("004", "005"))
    assert customs.identity != weather.identity


def test_what_has_no_number_is_told_by_its_own_id():
    event = told("in_transit", tracking_number=None)
    assert event.identity == "order.shipped:event:94dadd60-ed26-46d0-aa52-3ced925a5002"


@pytest.mark.parametrize("name", ["in_transit", "in_transit_old_version"])
def test_the_customer_is_found_wherever_a_version_has_them(name):
    customer = told(name).customer
    assert (customer.first_name, customer.phone, customer.country) == ("Maya", "+12125550123", "US")
    assert customer.email == "maya.thompson@example.com"
    assert [phone.number for phone in customer.phones] == ["+12125550123"]


@pytest.mark.parametrize("customers", [None, [], ["Maya"], [{}], {"name": "Maya"}])
def test_a_customer_who_is_not_there_is_none(customers):
    assert told("in_transit_no_person", customers=customers).customer.phone is None


def test_the_shops_own_words_come_along():
    event = told("in_transit")
    assert (event.order.id, event.order.name) == ("5728193046127345821", "#4182")
    assert event.shipment.carrier == "USPS"


@pytest.mark.parametrize(
    ("ts", "moment"),
    [
        (1795341600, datetime(2026, 11, 22, 10, 0, tzinfo=UTC)),
        ("1795341600", datetime(2026, 11, 22, 10, 0, tzinfo=UTC)),
        (0, NOW),
        (-5, NOW),
        (None, NOW),
        ("yesterday", NOW),
        (10**30, NOW),
    ],
)
def test_an_event_is_as_of_its_own_time_or_of_its_arrival(ts, moment):
    body = json.loads(load("aftership")["in_transit"].body) | {"ts": ts}
    (event,) = SOURCE.parse(replace(delivery(b""), body=json.dumps(body).encode()))
    assert event.occurred_at == moment
