"""What holds for Stripe only."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event
from bridge.sources import discover
from bridge.sources._money import in_units
from bridge.sources._naming import order_name
from bridge.sources.samples import load

SOURCE = discover()["stripe"]
NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
BODY = '{"hello":"wörld"}'.encode()

# { printf 1700000000.; printf '{"hello":"wörld"}'; } | openssl dgst -sha256 -hmac topsecret
V1 = "a48aac2f19bda2e556a53bcc58e2a405baa5d081b6c8a3bd3b34869f0cd78ec8"
# The same with the secret whsec_dG9wc2VjcmV0, which is no base64 to Stripe
WHSEC = "7de305e0a63f05f9e3fa07797f2fa2f750437f499db1e7794193e154bf2b6256"


def deliver(body: object, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(connection="pay", headers=headers, body=raw, received_at=NOW)


def parse(body: object) -> tuple[Event, ...]:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    return parsed


def sample(name: str, **changes: object) -> dict:
    body = json.loads(load("stripe")[name].body)
    body["data"]["object"] |= changes
    return body


def kinds(body: object) -> list[str]:
    return [event.kind for event in parse(body)]


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        (f"t=1700000000,v1={V1}", "topsecret"),
        (f"t=1700000000,v1={'0' * 64},v1={V1},v0={'1' * 64}", "topsecret"),
        (f"v1={V1},t=1700000000", "topsecret"),
        (f"t=1700000000,v1={WHSEC}", "whsec_dG9wc2VjcmV0"),
    ],
)
def test_a_request_that_openssl_signed_verifies(header, secret):
    assert SOURCE.verify(deliver(BODY, **{"stripe-signature": header}), [secret]) == 0


@pytest.mark.parametrize(
    "header",
    [
        V1,
        f"v1={V1}",
        f"t=,v1={V1}",
        f"t=1700000001,v1={V1}",
        f"t=1700000000,t=1700000000,v1={V1}",
        f"t=1700000000,v0={V1}",
        f"t=1700000000,v1={V1.upper()}",
        f"t=1700000000,v1={WHSEC}",
        "t=1700000000,v1=",
    ],
)
def test_anything_else_is_refused(header):
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver(BODY, **{"stripe-signature": header}), ["topsecret"])


@pytest.mark.parametrize(
    ("amount", "currency", "digits"),
    [
        (14304, "usd", "143.04"),
        (5, "usd", "0.05"),
        (0, "usd", "0.00"),
        (500, "jpy", "500"),
        (500, "krw", "500"),
        (500, "mga", "500"),
        (5000, "kwd", "5.000"),
        (500, "isk", "5.00"),
        (500, "ugx", "5.00"),
        (500, "huf", "5.00"),
        (500, None, "None"),
        ("14304.5", "usd", "None"),
        (None, "usd", "None"),
    ],
)
def test_amounts_are_whole_numbers_of_the_smallest_coin(amount, currency, digits):
    (created, _) = parse(sample("checkout_session_completed", amount_total=amount, currency=currency, amount=None))
    assert str(created.order.total) == digits
    assert created.order.currency == (currency.upper() if currency else None)


@pytest.mark.parametrize(("amount", "digits"), [("500", "500"), ("-500", "-500"), ("500.00", "500")])
def test_amounts_of_other_platforms_follow_iso_4217(amount, digits):
    assert str(in_units(Decimal(amount), "ISK")) == digits


@pytest.mark.parametrize(
    ("type_", "changes", "told"),
    [
        ("checkout.session.completed", {}, ["order.created", "order.paid"]),
        ("checkout.session.completed", {"payment_status": "unpaid"}, ["order.created"]),
        ("checkout.session.completed", {"payment_status": "no_payment_required"}, ["order.created"]),
        ("checkout.session.completed", {"invoice": "in_1"}, ["order.created", "order.paid"]),
        ("checkout.session.completed", {"mode": "subscription"}, ["stripe.checkout.session.completed"]),
        ("checkout.session.completed", {"mode": "setup"}, ["stripe.checkout.session.completed"]),
        ("checkout.session.async_payment_succeeded", {}, ["order.paid"]),
        ("checkout.session.async_payment_succeeded", {"mode": "subscription"},
         ["stripe.checkout.session.async_payment_succeeded"]),
        ("checkout.session.async_payment_failed", {}, ["stripe.checkout.session.async_payment_failed"]),
        ("checkout.session.expired", {}, ["stripe.checkout.session.expired"]),
        ("payment_intent.succeeded", {"mode": None}, ["order.paid"]),
        ("payment_intent.succeeded", {"mode": None, "invoice": "in_1"}, ["stripe.payment_intent.succeeded"]),
        ("charge.refund.updated", {}, ["stripe.charge.refund.updated"]),
    ],
)  # fmt: skip
def test_a_type_is_what_it_means_to_a_customer(type_, changes, told):
    assert kinds(sample("checkout_session_completed", **changes) | {"type": type_}) == told


def test_a_payment_is_told_once_by_its_checkout_and_by_itself():
    (_, by_checkout), (by_itself,) = (
        parse(sample(name)) for name in ("checkout_session_completed", "payment_intent_succeeded")
    )
    assert by_checkout.identity == by_itself.identity == "order.paid:pi_3SVJp2Lk8QwErTy10hGfDsAq"
    assert by_checkout.order.id == by_itself.order.id == parse(sample("charge_refunded_part"))[0].order.id


def test_each_refund_has_its_own_amount():
    first, second = (parse(sample(name))[0] for name in ("charge_refunded_part", "charge_refunded_rest"))
    assert (first.order.refund_amount, second.order.refund_amount) == (Decimal("19.60"), Decimal("123.44"))
    assert first.identity != second.identity


@pytest.mark.parametrize("before", [None, {}, {"amount_refunded": None}, {"amount_refunded": "x"}])
def test_a_refund_whose_earlier_sum_is_unknown_names_no_amount(before):
    body = sample("charge_refunded_part")
    body["data"]["previous_attributes"] = before
    assert parse(body)[0].order.refund_amount is None


def test_a_payment_in_test_mode_is_a_test_order():
    assert all(event.order.test for event in parse(sample("checkout_session_completed_test_mode")))
    assert not any(event.order.test for event in parse(sample("checkout_session_completed")))


def test_a_checkout_knows_its_person_and_where_parcels_go():
    (created, _) = parse(sample("checkout_session_completed", customer="cus_1", locale="fr-CA"))
    customer = created.customer
    assert (customer.id, customer.name, customer.first_name, customer.phone, customer.locale) == (
        "cus_1", "Maya Thompson", "Maya", "+12125550123", "fr-CA",
    )  # fmt: skip
    assert (customer.country, customer.time_zones) == ("US", ("America/New_York",))
    assert created.order.name == "#4182"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4182", "#4182"),
        ("#4182", "#4182"),
        ("JP-4182", "JP-4182"),
        ("cs_live_a1K7", None),
        ("8b1f6c02-77d4-4e1f-9d6e-0c3a5b2f9e18", None),
        ("CART", None),
        ("4182\n", None),
        ("", None),
        (None, None),
    ],
)
def test_an_order_is_called_by_what_a_person_can_read(text, name):
    assert order_name(text) == name


def test_the_id_of_a_cart_is_no_order_number():
    (created, _) = parse(sample("checkout_session_completed", metadata={}, client_reference_id="311"))
    assert created.order.name is None


def test_a_thin_event_has_its_own_time():
    (event,) = parse(json.loads(load("stripe")["thin_event"].body))
    assert event.occurred_at == datetime(2026, 11, 24, 6, 20, 52, 246000, tzinfo=UTC)


def test_a_body_without_a_type_is_unreadable():
    with pytest.raises(Unreadable, match="type"):
        SOURCE.parse(deliver({"id": "evt_1"}))


def test_the_delivery_key_is_the_events_id():
    assert SOURCE.delivery_key(deliver(sample("charge_succeeded"))) == "evt_1SVJp10Lk8QwErTy1Mn4BvCx"
    assert SOURCE.delivery_key(deliver({"id": None})) is None
