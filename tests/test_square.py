"""What holds for Square only."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["square"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
ORDER = "Fw7mVq2KtLp9XbR4sNcZ8dHeT3YYG"


def deliver(body: object, found: object = None, url: str = "", **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(connection="till", headers=headers, body=raw, received_at=NOW, found=found, url=url)


def parse(body: object, found: object = None, **headers: str) -> tuple[Event, ...]:
    parsed = SOURCE.parse(deliver(body, found, **headers))
    assert isinstance(parsed, tuple)
    return parsed


def sample(name: str) -> dict:
    return json.loads(load("square")[name].body)


def answer(name: str, what: str = "order") -> dict:
    return json.loads(json.dumps(load("square")[name].lookups[what]))


# The vectors of Square's own tests: https://github.com/square/square-python-sdk (test_webhooks_helper.py)
VECTORS = [
    (
        "Ibxx_5AKakO-3qeNVR61Dw",
        "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
        b'{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
        b'"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z",'
        b'"data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}',
        "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
    ),
    (
        "signature-key",
        "https://webhook.site/webhooks",
        b'{"data":{"type":"webhooks","id":">id<"}}',
        "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
    ),
]


@pytest.mark.parametrize(("key", "url", "body", "signature"), VECTORS)
def test_squares_own_vectors_verify_for_their_own_address_only(key, url, body, signature):
    delivery = deliver(body, url=url, **{"x-square-hmacsha256-signature": signature})
    assert SOURCE.verify(delivery, [key]) == 0
    for other in ("", f"{url}/", url.replace("https", "http"), f"{url}?token=1"):
        with pytest.raises(BadSignature):
            SOURCE.verify(replace(delivery, url=other), [key])


def test_the_older_signature_is_not_looked_at():
    _, url, body, signature = VECTORS[1]
    with pytest.raises(BadSignature, match="missing"):
        SOURCE.verify(deliver(body, url=url, **{"x-square-signature": signature}), ["signature-key"])


@pytest.mark.parametrize(
    ("name", "order_id"),
    [
        ("order_created", ORDER),
        ("order_updated_open", ORDER),
        ("order_updated_canceled", "Cx7mVq2KtLp9XbR4sNcZ8dHeT3YYG"),
        ("fulfillment_updated_shipped", ORDER),
        ("order_created_draft", None),
        ("order_updated_completed", None),
        ("fulfillment_updated_prepared", None),
        ("payment_updated_completed", None),
        ("refund_updated_completed", None),
        ("unknown_topic", None),
        ("broken_json", None),
    ],
)
def test_the_order_is_asked_for_first_only_where_nothing_can_be_told_without(name, order_id):
    delivery = deliver(load("square")[name].body)
    told_by = SOURCE.delivery_key(delivery)
    assert SOURCE.ask(delivery) == (Lookup(what="order", id=order_id, told_by=told_by) if order_id else None)


def test_an_order_that_is_long_open_is_no_news():
    body = sample("order_updated_open") | {"created_at": "2026-11-24T09:00:00Z"}
    assert SOURCE.ask(deliver(body)) is None
    assert [event.kind for event in parse(body)] == ["square.order.updated"]


def test_an_order_is_created_once_whichever_webhook_tells_it():
    found = answer("order_created")
    identities = {parse(sample(name), found)[0].identity for name in ("order_created", "order_updated_open")}
    assert identities == {f"order.created:{ORDER}"}


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["SHIPMENT"], "order.created"),
        (["PICKUP"], "order.created"),
        (["DELIVERY"], "order.created"),
        (["DIGITAL", "SHIPMENT"], "order.created"),
        # What a payment link for a mere amount makes; and what is sold over the counter.
        (["DIGITAL"], "square.order.created"),
        (["IN_STORE"], "square.order.created"),
        ([], "square.order.created"),
    ],
)
def test_an_order_with_nothing_to_hand_over_is_nobodys_to_wait_for(types, kind):
    found = answer("order_created")
    found["order"]["fulfillments"] = [{"uid": type_, "type": type_} for type_ in types]
    (event,) = parse(sample("order_created"), found)
    assert event.kind == kind


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "order.cancelled"),
        ({"tenders": []}, "square.order.updated"),
        ({"tenders": None}, "square.order.updated"),
    ],
)
def test_what_was_never_paid_is_no_order_to_cancel(changes, kind):
    found = answer("order_updated_canceled")
    found["order"] |= changes
    assert [event.kind for event in parse(sample("order_updated_canceled"), found)] == [kind]


@pytest.mark.parametrize(
    ("type_", "state", "kind"),
    [
        ("SHIPMENT", "COMPLETED", "order.shipped"),
        ("DELIVERY", "COMPLETED", "order.delivered"),
        ("PICKUP", "COMPLETED", "square.order.fulfillment.updated"),
        ("IN_STORE", "COMPLETED", "square.order.fulfillment.updated"),
        (None, "COMPLETED", "square.order.fulfillment.updated"),
        ("SHIPMENT", "PROPOSED", "square.order.fulfillment.updated"),
        ("SHIPMENT", "RESERVED", "square.order.fulfillment.updated"),
        ("SHIPMENT", "PREPARED", "square.order.fulfillment.updated"),
        ("SHIPMENT", "CANCELED", "square.order.fulfillment.updated"),
        ("DELIVERY", "FAILED", "square.order.fulfillment.updated"),
        ("SHIPMENT", None, "square.order.fulfillment.updated"),
    ],
)
def test_a_fulfilment_is_what_its_type_and_state_say(type_, state, kind):
    body, found = sample("fulfillment_updated_shipped"), answer("fulfillment_updated_shipped")
    body["data"]["object"]["order_fulfillment_updated"]["fulfillment_update"][0]["new_state"] = state
    found["order"]["fulfillments"][0]["type"] = type_
    assert [event.kind for event in parse(body, found)] == [kind]


def test_tracking_that_comes_later_is_the_same_event_of_a_newer_answer():
    first = sample("fulfillment_updated_shipped")
    again = sample("fulfillment_updated_shipped") | {"event_id": "another"}
    again["data"]["object"]["order_fulfillment_updated"]["fulfillment_update"][0]["old_state"] = "COMPLETED"
    found = answer("fulfillment_updated_shipped")
    assert parse(first, found)[0].identity == parse(again, found)[0].identity
    assert SOURCE.ask(deliver(first)) != SOURCE.ask(deliver(again))


def test_each_of_two_parcels_is_told():
    body, found = sample("fulfillment_updated_shipped"), answer("fulfillment_updated_shipped")
    update = body["data"]["object"]["order_fulfillment_updated"]["fulfillment_update"]
    update.append({"fulfillment_uid": "second", "new_state": "COMPLETED"})
    second = json.loads(json.dumps(found["order"]["fulfillments"][0])) | {"uid": "second"}
    second["shipment_details"] |= {"tracking_url": None, "tracking_number": None}
    found["order"]["fulfillments"].append(second)
    one, two = parse(body, found)
    assert one.identity != two.identity
    assert (one.shipment.carrier, one.shipment.tracking_url, two.shipment.tracking_url) == (
        "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "order.paid"),
        ({"refunded_money": {"amount": 0, "currency": "USD"}}, "order.paid"),
        ({"status": "APPROVED"}, "square.payment.updated"),
        ({"status": "CANCELED"}, "square.payment.updated"),
        ({"status": "FAILED"}, "square.payment.updated"),
        ({"refunded_money": {"amount": 5, "currency": "USD"}}, "square.payment.updated"),
        ({"updated_at": "2026-11-24T09:00:00Z"}, "square.payment.updated"),
        ({"updated_at": None}, "square.payment.updated"),
    ],
)
def test_a_payment_is_news_once_it_is_through(changes, kind):
    body = sample("payment_updated_completed")
    body["data"]["object"]["payment"] |= changes
    assert [event.kind for event in parse(body)] == [kind]


@pytest.mark.parametrize("status", ["PENDING", "APPROVED", "REJECTED", "FAILED", None])
def test_a_refund_is_told_once_it_is_through(status):
    body = sample("refund_updated_completed")
    body["data"]["object"]["refund"]["status"] = status
    assert [event.kind for event in parse(body)] == ["square.refund.updated"]


def test_a_refund_finds_its_order_by_its_payment_and_not_by_the_return():
    (event,) = parse(sample("refund_updated_completed"))
    assert (event.order.id, event.order.refund_amount) == (None, Decimal("19.60"))
    asked = []
    while event.lookup:
        asked.append((event.lookup.what, event.lookup.id))
        event = SOURCE.absorb(event, answer("refund_updated_completed", event.lookup.what))
    assert asked == [
        ("payment", "hYy9pRFVxpDsO1FB05SunFWUe9JZY"), ("order", ORDER), ("customer", "QPTXM8PQNX3Q726ZYHPMNP46XC"),
    ]  # fmt: skip
    assert (event.order.id, event.order.name, event.order.total) == (ORDER, "#4182", Decimal("143.04"))
    assert (event.customer.first_name, event.customer.phone) == ("Maya", "+12125550123")
    assert {phone.where for phone in event.customer.phones} == {"shipping", "customer"}


def test_an_order_is_read_with_whom_it_goes_to():
    (event,) = parse(sample("order_created"), answer("order_created"))
    assert (event.order.name, event.order.total, event.order.currency) == ("#4182", Decimal("143.04"), "USD")
    assert [(item.title, str(item.quantity), str(item.price)) for item in event.order.line_items] == [
        ("Merino Crew Sweater", "1", "89.00"), ("Wool Boot Socks", "2", "18.00"),
    ]  # fmt: skip
    assert (event.customer.name, event.customer.time_zones) == ("Maya Thompson", ("America/New_York",))


def test_an_order_whose_reference_nobody_reads_has_no_name():
    found = answer("order_created")
    found["order"]["reference_id"] = "8b1f6c02-77d4-4e1f-9d6e-0c3a5b2f9e18"
    assert parse(sample("order_created"), found)[0].order.name is None


def test_an_order_in_yen_has_no_digits_behind_the_point():
    found = answer("order_created")
    found["order"]["total_money"] = {"amount": 14304, "currency": "JPY"}
    assert str(parse(sample("order_created"), found)[0].order.total) == "14304"


@pytest.mark.parametrize(("environment", "is_test"), [("Sandbox", True), ("Production", False), ("", False)])
def test_what_the_sandbox_sends_is_a_test_order(environment, is_test):
    (event,) = parse(sample("order_created"), answer("order_created"), **{"square-environment": environment})
    assert event.order.test is is_test


def test_a_body_without_a_type_is_unreadable():
    with pytest.raises(Unreadable, match="type"):
        SOURCE.parse(deliver({"event_id": "1"}))


def test_the_delivery_key_is_the_events_id():
    assert SOURCE.delivery_key(deliver({"event_id": "ac3ac95b-f97d"})) == "ac3ac95b-f97d"
    assert SOURCE.delivery_key(deliver({"event_id": ""})) is None
