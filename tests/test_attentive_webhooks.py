"""Attentive's own webhooks: what left, who came, went or answered."""

import json
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.sources.attentive import SOURCE, delivery_key, parse
from bridge.sources.samples import load

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def delivery(body: bytes, **headers: str) -> Delivery:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(connection="c", headers=given, body=body, received_at=NOW)


def test_the_signature_is_hex_of_the_body_alone():
    # openssl dgst -sha256 -hmac topsecret
    good = "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135"
    body = '{"hello":"wörld"}'.encode()
    assert SOURCE.verify(delivery(body, x_attentive_hmac_sha256=good), ["topsecret"]) == 0
    with pytest.raises(BadSignature):
        SOURCE.verify(
            delivery(body, x_attentive_hmac_sha256="GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU="), ["topsecret"]
        )


def test_the_person_and_the_moment_are_read():
    (event,) = parse(delivery(load("attentive")["sms_unsubscribed"].body))
    assert event.kind == "attentive.sms.unsubscribed"
    assert (event.customer.phone, event.customer.email) == ("+12125550123", "maya.thompson@example.com")
    assert event.occurred_at.tzinfo is not None
    assert event.occurred_at.year == 2026


def test_the_same_body_is_the_same_event_however_late_it_comes():
    body = load("attentive")["sms_sent"].body
    assert delivery_key(delivery(body)) == delivery_key(delivery(body))
    other = json.loads(body) | {"timestamp": 1795714400001}
    assert delivery_key(delivery(json.dumps(other).encode())) != delivery_key(delivery(body))


def test_no_phone_number_stands_in_an_identity():
    (event,) = parse(delivery(load("attentive")["sms_sent"].body))
    assert "2125550123" not in (event.identity or "")


@pytest.mark.parametrize("timestamp", [None, "", "soon", -5, 10**30, [], 1.5])
def test_a_time_that_is_none_is_the_time_of_receipt(timestamp):
    body = json.loads(load("attentive")["sms_sent"].body) | {"timestamp": timestamp}
    assert parse(delivery(json.dumps(body).encode()))[0].occurred_at == NOW
