"""Shippo: signed or with a token, which states are news, and what a note on a label may be."""

from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery, Event
from bridge.sources.samples import load
from bridge.sources.shippo import SIGNATURE, SOURCE

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HELLO = '{"hello":"wörld"}'.encode()
# openssl dgst -sha256 -hmac topsecret, of "1795341600." and the body
GOOD = "t=1795341600,v1=6710e03e28d856f85067d3fc03f8ccb7cb93206bdc7d607ea6ef05e6cb96b9c1"
ADDRESS = "https://bridge.example/hooks/shippo"


def delivery(body: bytes, headers: dict[str, str] | None = None, url: str = ADDRESS) -> Delivery:
    return Delivery(connection="shippo", headers=headers or {}, body=body, received_at=NOW, url=url)


def told(name: str, **values: object) -> Event:
    body = (
        load("shippo")[name]
        .with_values({f"data.{key.replace('__', '.')}": value for key, value in values.items()})
        .body
    )
    (event,) = SOURCE.parse(delivery(body))
    return event


def test_a_signature_made_by_openssl_verifies():
    assert SOURCE.verify(delivery(HELLO, {SIGNATURE: GOOD}), ["a-token", "topsecret"]) == 1


def test_a_token_in_the_address_is_a_proof():
    assert SOURCE.verify(delivery(HELLO, url=f"{ADDRESS}?token=a-token"), ["a-token", "topsecret"]) == 0


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, ADDRESS),
        ({}, f"{ADDRESS}?token=other"),
        ({}, f"{ADDRESS}?token="),
        ({SIGNATURE: GOOD.replace("1795341600", "1795341601")}, ADDRESS),
        ({SIGNATURE: GOOD.replace("v1=", "v2=")}, ADDRESS),
        # A signature that is there is judged, whatever the address says.
        ({SIGNATURE: "t=1795341600,v1=00"}, f"{ADDRESS}?token=a-token"),
    ],
)
def test_what_proves_nothing_is_refused(headers, url):
    with pytest.raises(BadSignature):
        SOURCE.verify(delivery(HELLO, headers, url), ["a-token", "topsecret"])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("TRANSIT", None, "order.shipped"),
        ("TRANSIT", "package_accepted", "order.shipped"),
        ("TRANSIT", "delayed", "order.shipped"),
        ("TRANSIT", "out_for_delivery", "order.out_for_delivery"),
        ("TRANSIT", "delivery_attempted", "order.delivery_failed"),
        ("TRANSIT", "address_issue", "order.delivery_failed"),
        ("TRANSIT", "package_damaged", "shippo.track_updated.package_damaged"),
        ("TRANSIT", "return_to_sender", "shippo.track_updated.return_to_sender"),
        ("DELIVERED", "delivered", "order.delivered"),
        ("FAILURE", "package_lost", "order.delivery_failed"),
        ("RETURNED", "return_to_sender", "shippo.track_updated.returned"),
        ("UNKNOWN", None, "shippo.track_updated.unknown"),
        ("PRE_TRANSIT", "information_received", "shippo.track_updated.pre_transit"),
        (None, None, "shippo.track_updated"),
    ],
)
def test_a_status_is_news_only_where_the_tables_say_so(status, code, kind):
    assert told("transit", tracking_status__status=status, tracking_status__substatus={"code": code}).kind == kind


def test_further_scans_are_the_same_event():
    assert told("transit").identity == told("transit_again").identity == "order.shipped:9400111899562537866543"


def test_what_is_no_state_of_a_parcel_is_told_by_delivery():
    assert told("unknown_topic").identity is None


def test_a_test_is_a_test_order():
    assert told("delivered_test").order.test
    assert not told("delivered").order.test


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ("Order #4182", "#4182"),
        ("#4182", "#4182"),
        ("order: 000123", "000123"),
        ("JP-4182", "JP-4182"),
        ("Maya", None),
        ("Order", None),
        ("ring the bell at 4B", None),
        ("4" * 60, None),
        ('{"order": 4182}', None),
        ("", None),
        (None, None),
        ({"order": "#4182"}, None),
    ],
)
def test_a_note_on_the_label_is_the_orders_name_where_it_is_one(metadata, name):
    assert told("transit", metadata=metadata).order.name == name
