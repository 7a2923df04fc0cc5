"""EasyPost: its key that is normalised, against its own library; and which states are news."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from easypost.errors.general.signature_verification_error import SignatureVerificationError
from easypost.util import validate_webhook

from bridge.errors import BadSignature
from bridge.events import Delivery, Event
from bridge.sources.easypost import SIGNATURE, SOURCE
from bridge.sources.samples import load

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HELLO = '{"hello":"wörld"}'.encode()
# openssl dgst -sha256 -mac HMAC -macopt hexkey:<"secret" with an accent of its own, U+0301, behind the e>
GOOD = "hmac-sha256-hex=d1d305a205dc5f9906fcafe9f1d3bf7e461426feb604ff8d7c0136cfcf488b41"


def delivery(body: bytes, signature: str = GOOD) -> Delivery:
    return Delivery(connection="easypost", headers={SIGNATURE: signature}, body=body, received_at=NOW)


def told(name: str, **values: object) -> Event:
    body = load("easypost")[name].with_values({f"result.{key}": value for key, value in values.items()}).body
    (event,) = SOURCE.parse(delivery(body))
    return event


@pytest.mark.parametrize("secret", ["s\u00e9cret", "se\u0301cret"])
def test_a_secret_with_an_accent_verifies_however_it_is_written(secret):
    assert SOURCE.verify(delivery(HELLO), [secret]) == 0


@pytest.mark.parametrize("signature", [GOOD.partition("=")[2], GOOD.upper(), f"{GOOD} ", "hmac-sha256-hex="])
def test_another_spelling_of_the_signature_is_refused(signature):
    with pytest.raises(BadSignature):
        SOURCE.verify(delivery(HELLO, signature), ["s\u00e9cret"])


@pytest.mark.parametrize("name", list(load("easypost")))
def test_easyposts_own_library_accepts_what_we_sign(name):
    body = load("easypost")[name].body
    signed = SOURCE.sign(delivery(body), "s\u00e9cret", now=NOW)
    headers = {"X-Hmac-Signature": signed[SIGNATURE]}
    if name != "broken_json":
        assert validate_webhook(body, headers, "s\u00e9cret")["description"]
    with pytest.raises(SignatureVerificationError):
        validate_webhook(body, headers, "secret")


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        ("in_transit", "arrived_at_facility", "order.shipped"),
        ("in_transit", None, "order.shipped"),
        ("out_for_delivery", "out_for_delivery", "order.out_for_delivery"),
        ("delivered", "arrived_at_destination", "order.delivered"),
        ("failure", "address_correction", "order.delivery_failed"),
        ("failure", "refused", "easypost.tracker.failure"),
        ("failure", "return", "easypost.tracker.failure"),
        ("unknown", "unknown", "easypost.tracker.unknown"),
        ("pre_transit", "label_created", "easypost.tracker.pre_transit"),
        ("available_for_pickup", "arrived_at_pickup_location", "easypost.tracker.available_for_pickup"),
        ("return_to_sender", "return", "easypost.tracker.return_to_sender"),
        ("cancelled", "cancelled", "easypost.tracker.cancelled"),
        ("error", "expired", "easypost.tracker.error"),
        (None, None, "easypost.tracker.updated"),
    ],
)
def test_a_status_is_news_only_where_the_table_says_so(status, detail, kind):
    assert told("in_transit", status=status, status_detail=detail).kind == kind


@pytest.mark.parametrize("status", ["in_transit", "out_for_delivery", "delivered", "failure"])
def test_a_return_is_no_delivery(status):
    assert told("in_transit", status=status, is_return=True).kind == f"easypost.tracker.{status}"


def scans(*moments: object) -> list[dict]:
    return [{"object": "TrackingDetail", "datetime": moment} for moment in moments]


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        (scans("2026-11-23T20:00:00Z"), "order.delivered"),
        (scans("2026-09-21T20:00:00Z", "2026-11-23T20:00:00Z", "2026-09-22T20:00:00Z"), "order.delivered"),
        # Its scans come late, and their hours may be local ones.
        (scans("2026-11-21T09:00:00Z"), "order.delivered"),
        (scans("2026-09-21T20:00:00Z", "2026-09-24T20:00:00Z"), "easypost.tracker.delivered"),
        (scans(None, "soon"), "order.delivered"),
        ([], "order.delivered"),
        (None, "order.delivered"),
    ],
)
def test_a_tracker_that_is_made_for_a_parcel_of_long_ago_is_no_news(details, kind):
    assert told("delivered", tracking_details=details).kind == kind
    # What test mode has seen is always of a month ago, and goes to the sandbox only.
    assert told("delivered_test", tracking_details=details).kind == "order.delivered"


def test_further_scans_are_the_same_event():
    assert told("in_transit").identity == told("in_transit_again").identity == "order.shipped:9400111899562537866543"


def test_test_mode_makes_test_orders():
    assert told("delivered_test").order.test
    assert not told("delivered").order.test


@pytest.mark.parametrize(
    ("carrier", "link"),
    [
        ("USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"),
        ("Yanwen", "https://track.easypost.com/djE6dHJrXzhjNDFkMGU1ZjhhOTRiN2M2MWQyZTNmNGE1YjZjN2Q4"),
    ],
)
def test_the_link_is_the_carriers_own_page_where_it_is_known(carrier, link):
    assert told("in_transit", carrier=carrier).shipment.tracking_url == link


def test_an_event_is_delivered_once():
    body = load("easypost")["in_transit"].body
    assert SOURCE.delivery_key(delivery(body)) == "evt_b1c2d3e4f5a611efa0020242ac120002"
    assert SOURCE.delivery_key(delivery(sha256(body).digest())) is None
