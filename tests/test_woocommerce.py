"""What holds for WooCommerce only."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import PLACES, Delivery, Event
from bridge.phone import ALLOWED_REGIONS
from bridge.policy import phones
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["woocommerce"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def deliver(body: object, topic: str = "order.updated", connection: str = "shop", **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"x-wc-webhook-source": "https://juniperandpine.example/"} | (
        {"x-wc-webhook-topic": topic} if topic else {}
    )
    return Delivery(connection=connection, headers={**named, **headers}, body=raw, received_at=NOW)


def parse(body: object, topic: str = "order.updated", connection: str = "shop") -> tuple[Event, ...]:
    parsed = SOURCE.parse(deliver(body, topic, connection))
    assert isinstance(parsed, tuple)
    return parsed


def kinds(body: object, topic: str = "order.updated") -> list[str]:
    return [event.kind for event in parse(body, topic)]


def sample(name: str) -> dict:
    return json.loads(load("woocommerce")[name].body)


def signed(secret: str, signature: str) -> int:
    delivery = deliver('{"hello":"wörld"}'.encode(), **{SOURCE.signature_header: signature})
    return SOURCE.verify(delivery, [secret])


def test_a_request_that_openssl_signed_verifies():
    assert signed("topsecret", "GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU=") == 0


# printf '{"hello":"wörld"}' | openssl dgst -sha256 -hmac "a&b<c>\"d'" -binary | base64
ENTITIES = "n6Hn8f5/mWUKVkxBYmXzGPS9QUEfyo3qr9DovqpMsaM="
# The same with the key `&lt;`
ONCE = "Jww6D3ILH58+QvoG4lFcVbUu/4WFhxlcIrlqu/JtdSE="


@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        ("a&b<c>\"d'", ENTITIES),
        ("a&amp;b&lt;c&gt;&quot;d&#039;", ENTITIES),
        ("a&#38;b&#060;c&#62;&#34;d&#x27;", ENTITIES),
        ("a&#x026;b<c>&#X22;d&#0039;", ENTITIES),
        ("&amp;lt;", ONCE),
    ],
)
def test_the_entities_of_a_secret_are_decoded_once(secret, signature):
    assert signed(secret, signature) == 0


@pytest.mark.parametrize("secret", ["a&AMP;b<c>\"d'", "a&ampb<c>\"d'", "a&amp;amp;b<c>\"d'", "a&#x60;b<c>\"d'", "&lt;"])
def test_nothing_else_of_a_secret_is_decoded(secret):
    for signature in (ENTITIES, ONCE):
        with pytest.raises(BadSignature):
            signed(secret, signature)


@pytest.mark.parametrize("body", [b"webhook_id=7", b"webhook_id=7\n"])
def test_the_ping_of_a_new_webhook_is_answered_200(body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = SOURCE.handshake(Delivery(connection="shop", headers=headers, body=body, received_at=NOW))
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize(
    ("body", "headers", "method"),
    [
        (b"webhook_id=7", {"x-wc-webhook-signature": "x"}, "POST"),
        (b"webhook_id=7", {"x-wc-webhook-topic": "order.created"}, "POST"),
        (b"webhook_id=7", {}, "GET"),
        (b"webhook_id=7&x=1", {}, "POST"),
        (b"webhook_id=", {}, "POST"),
        (b"webhook_id=" + b"7" * 100, {}, "POST"),
        (b'{"webhook_id": 7}', {}, "POST"),
        (b"", {}, "POST"),
    ],
)
def test_nothing_else_is_taken_for_a_ping(body, headers, method):
    delivery = Delivery(connection="shop", headers=headers, body=body, received_at=NOW, method=method)
    assert SOURCE.handshake(delivery) is None


def test_two_orders_of_one_second_are_two_deliveries():
    # Their X-WC-Webhook-Delivery-ID is the same.
    first, second = sample("order_created"), sample("order_created") | {"id": 4183, "number": "4183"}
    keys = {SOURCE.delivery_key(deliver(body, "order.created")) for body in (first, second)}
    assert len(keys) == 2


def test_the_same_webhook_again_is_known_and_another_topic_is_not():
    body = sample("order_created")
    created, again = (SOURCE.delivery_key(deliver(body, "order.created")) for _ in range(2))
    assert created == again
    assert SOURCE.delivery_key(deliver(body, "order.updated")) != created
    assert SOURCE.delivery_key(deliver(body, "")) is None


PAID = {"date_paid_gmt": "2026-11-20T15:14:11"}
UNPAID = {"date_paid_gmt": None, "date_paid": None}
LATER = {"date_modified_gmt": "2026-11-24T09:00:00"}
TILL = {"created_via": "pos-rest-api"}
NATIVE = ["woocommerce.order.updated"]


@pytest.mark.parametrize(
    ("topic", "changes", "told"),
    [
        ("order.created", {"status": "processing"}, ["order.created", "order.paid"]),
        ("order.created", {"status": "processing", "payment_method": "cod"}, ["order.created"]),
        ("order.created", {"status": "on-hold", **UNPAID}, ["order.created"]),
        ("order.created", {"status": "completed"}, ["order.created", "order.paid"]),
        ("order.created", {"status": "pending", **UNPAID}, ["woocommerce.order.created"]),
        ("order.created", {"status": "failed", **UNPAID}, ["woocommerce.order.created"]),
        ("order.created", {"status": "checkout-draft", **UNPAID}, ["woocommerce.order.created"]),
        # An order that is imported is created now, and was placed long ago.
        ("order.created", {"status": "processing", **LATER}, ["woocommerce.order.created"]),
        ("order.created", {"status": "completed", **LATER}, ["woocommerce.order.created"]),
        ("order.created", {"status": "processing", "date_created_gmt": None}, ["order.created", "order.paid"]),
        # What is sold over the counter was never on its way.
        ("order.created", {"status": "completed", **TILL}, ["order.paid"]),
        ("order.updated", {"status": "processing", **TILL}, ["order.paid"]),
        ("order.updated", {"status": "processing"}, ["order.created", "order.paid"]),
        ("order.updated", {"status": "processing", **LATER}, NATIVE),
        ("order.updated", {"status": "processing", "date_modified_gmt": ""}, NATIVE),
        ("order.updated", {"status": "on-hold", **UNPAID}, ["order.created"]),
        ("order.updated", {"status": "on-hold", **UNPAID, **LATER}, NATIVE),
        ("order.updated", {"status": "pending", **UNPAID}, NATIVE),
        ("order.updated", {"status": "failed", **UNPAID}, NATIVE),
        ("order.updated", {"status": "completed", **LATER}, NATIVE),
        ("order.updated", {"status": "cancelled", **LATER}, ["order.cancelled"]),
        ("order.updated", {"status": "cancelled", **UNPAID, **LATER}, NATIVE),
        ("order.updated", {"status": "cancelled", **UNPAID, **LATER, "payment_method": "bacs"}, ["order.cancelled"]),
        ("order.updated", {"status": "cancelled", "date_modified_gmt": "2027-03-01T00:00:00"}, NATIVE),
        ("order.updated", {"status": "refunded", **LATER}, NATIVE),
        ("order.updated", {"status": "in-the-oven", **LATER}, NATIVE),
        ("order.updated", {"status": "", **LATER}, NATIVE),
        ("order.restored", {"status": "processing"}, ["woocommerce.order.restored"]),
        ("order.deleted", {"status": "processing"}, ["woocommerce.order.deleted"]),
    ],
)
def test_a_status_is_what_it_means_while_it_is_news(topic, changes, told):
    assert kinds(sample("order_created") | changes, topic) == told


@pytest.mark.parametrize(
    ("name", "topic", "told", "within"),
    [
        ("order_created", "order.created", "order.created", 3),
        ("order_created", "order.created", "order.paid", 3),
        ("order_updated_paid", "order.updated", "order.paid", 3),
        # A parcel's number may be added later, which is not always a change of the order.
        ("order_updated_shipped", "order.updated", "order.shipped", 14),
        ("order_updated_cancelled", "order.updated", "order.cancelled", 14),
        ("order_updated_refund", "order.updated", "order.refunded", 14),
    ],
)
@pytest.mark.parametrize(
    ("days", "shop", "is_news"),
    [
        (0, "https://shop.test/", True),
        (None, "https://shop.test/", False),
        (60, "https://shop.test/", False),
        (60, "", False),
        (60, "https://shop.example.com/", False),
        # A sample, of the day on which it was recorded.
        (60, "https://juniperandpine.example/", True),
        (60, "https://juniperandpine.example/blog/", True),
    ],
)
def test_an_order_that_is_told_again_after_weeks_without_a_change_is_no_news(
    name, topic, told, within, days, shop, is_news
):
    """WooCommerce may write all old orders anew (HPOS), and tells of each as it was when it was last changed."""
    body = sample(name)
    delivery = deliver(body, topic, **{"x-wc-webhook-source": shop})
    changed = datetime.fromisoformat(body["date_modified_gmt"] + "+00:00")
    last = replace(delivery, received_at=changed + timedelta(days=within))
    assert told in [event.kind for event in SOURCE.parse(last)]
    delivery = replace(delivery, received_at=changed + timedelta(days=within + 0.1 if days is None else days))
    events = SOURCE.parse(delivery)
    assert (told in [event.kind for event in events]) == is_news
    if not is_news:
        assert [event.kind for event in events] == [f"woocommerce.{topic}"]
        assert events[0].order.name == "#4182"


def test_the_same_status_told_ten_times_is_one_event():
    body = sample("order_updated_shipped")
    told = {
        event.identity
        for second in range(10)
        for event in parse(body | {"date_modified_gmt": f"2026-11-22T19:33:0{second}"})
    }
    assert told == {"order.shipped:shop:4182:9400111899562537866543"}
    unknown = {parse(body | {"status": "in-the-oven", "meta_data": []} | LATER)[0].identity for _ in range(2)}
    assert unknown == {"woocommerce.order.updated:shop:4182:in-the-oven"}


def test_two_shops_may_have_an_order_of_one_number():
    first, second = (parse(sample("order_created"), "order.created", name)[0].identity for name in ("us", "eu"))
    assert first != second


def test_a_new_order_and_its_update_tell_one_event():
    created, updated = (parse(sample("order_created"), topic) for topic in ("order.created", "order.updated"))
    assert [event.identity for event in created] == [event.identity for event in updated]


@pytest.mark.parametrize(
    ("changes", "carrier", "url"),
    [
        ({}, "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"),
        ({"tracking_provider": "royal-mail", "tracking_number": "QA000000005GB"}, "Royal Mail",
         "https://www.royalmail.com/track-your-item#/tracking-results/QA000000005GB"),
        ({"tracking_provider": "an-post"}, "An Post", None),
        ({"tracking_provider": "USPS", "tracking_number": "9400 1118 9956 2537 8665 43"}, "USPS",
         "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"),
        ({"custom_tracking_link": "https://t.example/1"}, "USPS", "https://t.example/1"),
        ({"tracking_provider": "", "custom_tracking_provider": "Hudson", "custom_tracking_link": "soon"}, "Hudson",
         None),
        ({"tracking_number": "see e-mail"}, "USPS", None),
    ],
)  # fmt: skip
def test_a_parcel_has_the_shops_own_link_or_its_carriers(changes, carrier, url):
    body = sample("order_updated_shipped")
    body["meta_data"][-1]["value"][0] |= changes
    (event,) = parse(body)
    assert (event.shipment.carrier, event.shipment.tracking_url) == (carrier, url)


@pytest.mark.parametrize("value", ["", None, [], {}, "a:1:{i:0;a:0:{}}", [None], [{"tracking_number": ""}]])
def test_a_completed_order_without_a_parcel_is_told_in_woocommerces_words(value):
    body = sample("order_updated_shipped")
    body["meta_data"][-1]["value"] = value
    assert kinds(body) == NATIVE


def test_parcels_may_be_an_object_where_one_was_removed():
    body = sample("order_updated_two_parcels")
    body["meta_data"][-1]["value"] = {"1": body["meta_data"][-1]["value"][1]}
    (event,) = parse(body)
    assert event.shipment.carrier == "Hudson Couriers"


def test_a_parcel_of_long_ago_is_no_news():
    assert kinds(sample("order_updated_shipped") | {"date_modified_gmt": "2026-12-20T00:00:00"}) == NATIVE


def test_each_refund_is_told_once_with_its_own_amount():
    body = sample("order_updated_refund")
    body["refunds"].append({"id": 4199, "reason": "", "total": "-5.00"})
    first, second = parse(body)
    assert (first.order.refund_amount, second.order.refund_amount) == (Decimal("19.60"), Decimal("5.00"))
    assert first.identity == parse(sample("order_updated_refund"))[0].identity != second.identity


def test_an_order_is_read_with_its_gmt_times_and_its_people():
    event = parse(sample("order_created"), "order.created")[0]
    assert event.occurred_at == event.order.created_at == datetime(2026, 11, 20, 15, 14, 9, tzinfo=UTC)
    assert (event.order.name, event.order.total, event.order.currency) == ("#4182", Decimal("143.04"), "USD")
    assert (event.customer.id, event.customer.name, event.customer.first_name) == ("311", "Maya Thompson", "Maya")
    assert event.customer.time_zones == ("America/New_York",)
    assert [(phone.number, phone.country, phone.where) for phone in event.customer.phones] == [
        ("(212) 555-0123", "US", "billing")
    ]


def test_a_presents_giver_is_thanked_and_not_the_one_who_gets_it():
    body = sample("order_created")
    body["shipping"] |= {"first_name": "June", "phone": "+1 646 555 0144"}
    event = parse(body, "order.created")[0]
    assert [(phone.where, phone.number) for phone in event.customer.phones] == [
        ("billing", "(212) 555-0123"), ("shipping", "+1 646 555 0144")
    ]  # fmt: skip
    assert (event.customer.first_name, event.customer.phone) == ("Maya", "(212) 555-0123")
    preference = phones.preference_for(event, PLACES)
    assert phones.choose(event.customer, preference=preference, allowed=ALLOWED_REGIONS).why == "billing"


def test_a_guests_empty_shipping_address_leaves_the_billing_address():
    event = parse(sample("order_created_guest_on_hold"), "order.created")[0]
    assert (event.customer.id, event.customer.country) == (None, "US")
    assert event.customer.time_zones == ("America/New_York",)


def test_an_orders_own_number_is_its_name():
    event = parse(sample("order_created") | {"number": "JP-2026-77"}, "order.created")[0]
    assert (event.order.id, event.order.name) == ("4182", "#JP-2026-77")


def test_woocommerces_own_error_says_what_to_do():
    with pytest.raises(Unreadable, match="administrator"):
        SOURCE.parse(deliver(sample("cannot_view")))
