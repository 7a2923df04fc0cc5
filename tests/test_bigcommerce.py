"""What holds for BigCommerce only."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery, Event, Lookup
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["bigcommerce"]
NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def deliver(body: object, found: object = None, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(connection="shop", headers=named, body=raw, received_at=NOW, found=found)


def parse(body: object, found: object = None) -> tuple[Event, ...]:
    parsed = SOURCE.parse(deliver(body, found))
    assert isinstance(parsed, tuple)
    return parsed


def sample(name: str) -> dict:
    return json.loads(load("bigcommerce")[name].body)


def answer(name: str, what: str = "order") -> dict:
    return json.loads(json.dumps(load("bigcommerce")[name].lookups[what]))


# printf 'msg_1.1700000000.{"hello":"wörld"}' | openssl dgst -sha256 -hmac topsecret -binary | base64
SIGNATURE = "v1,0de9EK79hjNl3tXc1WTIeQkRRlxWoU6W35UwmxRhKFc="
SIGNED = {"webhook_id": "msg_1", "webhook_timestamp": "1700000000", "webhook_signature": SIGNATURE}


def test_a_request_that_openssl_signed_verifies_with_the_client_secret_as_it_stands():
    assert SOURCE.verify(deliver('{"hello":"wörld"}'.encode(), **SIGNED), ["topsecret"]) == 0


def test_a_webhook_without_a_signature_is_proven_by_a_header_of_ones_own():
    assert SOURCE.verify(deliver({}, x_bridge_token="topsecret"), ["other", "topsecret"]) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_bridge_token": "wrong"},
        {**SIGNED, "webhook_id": "msg_2"},
        {**SIGNED, "webhook_timestamp": "1700000001"},
        # Who signs is judged by the signature alone.
        {**SIGNED, "webhook_signature": "v1,AAAA", "x_bridge_token": "topsecret"},
    ],
)
def test_anything_else_is_refused(headers):
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver('{"hello":"wörld"}'.encode(), **headers), ["topsecret"])


def test_the_delivery_key_is_the_hash_and_its_time():
    body = sample("order_updated")
    keys = {SOURCE.delivery_key(deliver(changed)) for changed in (body, body, body | {"created_at": 1795289999})}
    assert len(keys) == 2
    assert SOURCE.delivery_key(deliver(body | {"hash": ""})) is None


@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        ("order_created", Lookup(what="order", id="4182")),
        ("shipment_created", Lookup(what="shipments", id="4182")),
        ("shipment_updated_late_tracking", Lookup(what="shipments", id="4182")),
        ("order_status_cancelled", None),
        ("order_updated", None),
        ("unknown_topic", None),
        ("broken_json", None),
    ],
)
def test_the_platform_is_asked_first_only_where_nothing_can_be_told_without(name, lookup):
    delivery = deliver(load("bigcommerce")[name].body)
    assert SOURCE.ask(delivery) == (lookup and replace(lookup, told_by=SOURCE.delivery_key(delivery)))


def test_the_parcel_of_a_later_webhook_is_not_looked_for_in_an_earlier_answer():
    asked = {SOURCE.ask(deliver(sample(name))) for name in ("shipment_created", "shipment_updated_late_tracking")}
    assert len(asked) == 2


NATIVE = ["bigcommerce.order.statusupdated"]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (0, 11, ["order.created", "order.paid"]),
        (1, 9, ["order.created", "order.paid"]),
        (0, 7, ["order.created"]),
        (0, 12, ["order.created"]),
        (7, 11, ["order.paid"]),
        (12, 11, NATIVE),
        (11, 9, NATIVE),
        (11, 2, NATIVE),
        (2, 10, NATIVE),
        (11, 3, NATIVE),
        (11, 5, ["order.cancelled"]),
        (0, 5, NATIVE),
        (5, 5, NATIVE),
        (2, 4, ["order.refunded"]),
        (2, 14, ["order.refunded"]),
        (14, 4, ["order.refunded"]),
        (0, 6, NATIVE),
        (10, 13, NATIVE),
        (None, 11, NATIVE),
        (0, None, ["bigcommerce.order.statusupdated"]),
        ("x", {}, NATIVE),
    ],
)
def test_a_change_of_state_is_what_it_was_and_became(before, now, told):
    body = sample("order_status_cancelled")
    body["data"]["status"] = {"previous_status_id": before, "new_status_id": now}
    assert [event.kind for event in parse(body)] == told


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (11, ["order.created", "order.paid"]),
        (7, ["order.created"]),
        (0, ["bigcommerce.order.created"]),
        (1, ["bigcommerce.order.created"]),
        (10, ["bigcommerce.order.created"]),
        (None, ["bigcommerce.order.created"]),
    ],
)
def test_a_new_order_is_one_once_its_checkout_is_finished(status, told):
    found = answer("order_created") | {"status_id": status}
    assert [event.kind for event in parse(sample("order_created"), found)] == told


@pytest.mark.parametrize(
    ("placed", "kind"),
    [
        ("Fri, 20 Nov 2026 15:14:09 +0000", "order.created"),
        ("Thu, 19 Nov 2026 16:00:00 +0000", "order.created"),
        ("Tue, 04 Mar 2025 12:00:00 +0000", "bigcommerce.order.created"),
        ("Mon, 04 Jan 2027 12:00:00 +0000", "order.created"),
        ("", "order.created"),
        (None, "order.created"),
    ],
)
def test_an_order_that_is_brought_along_is_no_new_one(placed, kind):
    found = answer("order_created") | {"date_created": placed}
    assert parse(sample("order_created"), found)[0].kind == kind


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("Sat, 21 Nov 2026 19:32:50 +0000", "order.shipped"),
        ("Sun, 01 Nov 2026 19:32:50 +0000", "order.shipped"),
        ("Fri, 21 Nov 2025 19:32:50 +0000", "bigcommerce.shipment.updated"),
        ("", "order.shipped"),
    ],
)
def test_a_parcel_of_last_year_that_is_edited_is_no_news(made, kind):
    body = sample("shipment_updated_late_tracking")
    found = answer("shipment_updated_late_tracking", "shipments")
    for parcel in found["items"]:
        parcel["date_created"] = made
    (event,) = parse(body, found)
    assert (event.kind, event.order.name) == (kind, "#4182")
    assert event.shipment.status == ("shipped" if kind == "order.shipped" else None)
    # Told twice, it is one event.
    assert event.identity == parse(body | {"created_at": body["created_at"] + 1}, found)[0].identity is not None


def test_a_new_order_and_its_change_of_state_tell_one_event():
    created = parse(sample("order_created"), answer("order_created"))
    changed = parse(sample("order_status_awaiting_fulfillment"))
    assert [event.identity for event in created] == [event.identity for event in changed]


def test_the_same_state_told_again_is_the_same_event():
    identities = {parse(sample("order_status_shipped") | {"created_at": at})[0].identity for at in (1, 2)}
    assert identities == {"bigcommerce.order.statusupdated:shop:4182:2"}


@pytest.mark.parametrize(
    ("changes", "carrier", "url"),
    [
        ({}, "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"),
        ({"generated_tracking_link": ""}, "USPS",
         "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"),
        ({"tracking_link": "https://t.example/1"}, "USPS", "https://t.example/1"),
        ({"tracking_carrier": "", "shipping_provider": "", "generated_tracking_link": ""}, None, None),
        ({"tracking_number": "", "generated_tracking_link": ""}, "USPS", None),
    ],
)  # fmt: skip
def test_a_parcel_is_found_among_those_of_its_order(changes, carrier, url):
    found = answer("shipment_created", "shipments")
    found["items"][0] |= changes
    found["items"].insert(0, found["items"][0] | {"id": 917, "tracking_number": "1", "tracking_link": "https://no"})
    (event,) = parse(sample("shipment_created"), found)
    assert (event.shipment.id, event.shipment.carrier, event.shipment.tracking_url) == ("918", carrier, url)


def test_a_parcel_that_its_order_does_not_know_has_nothing_to_follow():
    for found in (None, {}, {"items": []}, {"items": [{"id": 5, "tracking_link": "https://t.example/1"}]}):
        (event,) = parse(sample("shipment_created"), found)
        assert (event.kind, event.shipment.id, event.shipment.tracking_url) == ("order.shipped", "918", None)


def test_an_order_is_read_with_what_the_shopper_paid():
    found = answer("order_created") | {"currency_code": "EUR"}
    event = parse(sample("order_created"), found)[0]
    assert (event.order.name, event.order.total, event.order.currency) == ("#4182", Decimal("143.0400"), "USD")
    assert event.order.created_at == datetime(2026, 11, 20, 15, 14, 9, tzinfo=UTC)
    assert (event.customer.id, event.customer.first_name, event.customer.locale) == ("311", "Maya", "en")


@pytest.mark.parametrize(
    ("name", "amount"),
    [("order_status_partially_refunded", Decimal("19.6000")), ("order_status_refunded", None)],
)
def test_what_goes_back_is_known_the_first_time_only(name, amount):
    (event,) = parse(sample(name))
    assert SOURCE.absorb(event, answer(name)).order.refund_amount == amount


def test_a_refund_of_an_unknown_amount_is_not_a_refund_of_nothing():
    (event,) = parse(sample("order_status_partially_refunded"))
    found = answer("order_status_partially_refunded") | {"refunded_amount": "0.0000"}
    assert SOURCE.absorb(event, found).order.refund_amount is None


def test_a_guest_has_no_id():
    assert SOURCE.absorb(parse(sample("order_updated"))[0], answer("order_status_awaiting_payment")).customer.id is None
