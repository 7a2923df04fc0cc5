"""Standard Webhooks: the specification's own vector, both forms of a secret, both names of the headers."""

from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.sources.samples import load
from bridge.sources.standard import SOURCE, decoded, parse

# https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/webhook.test.ts
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT_AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def delivery(prefix: str = "webhook", signature: str = SIGNATURE, **headers: str) -> Delivery:
    given = {"id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": "1614265330", "signature": signature, **headers}
    return Delivery(
        connection="c",
        headers={f"{prefix}-{name}": value for name, value in given.items()},
        body=BODY,
        received_at=SENT_AT,
    )


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_the_specifications_vector_verifies_under_both_names(prefix, secret):
    assert SOURCE.verify(delivery(prefix), ["whsec_AAAA", secret]) == 1


def test_an_older_secrets_signature_beside_the_new_one_is_enough():
    assert SOURCE.verify(delivery(signature=f"v1a,xyz v1,{'A' * 43}= {SIGNATURE}"), [SECRET]) == 0


@pytest.mark.parametrize("changed", [{"id": "msg_x"}, {"timestamp": "1614265331"}, {"id": ""}])
def test_id_and_time_are_signed(changed):
    with pytest.raises(BadSignature):
        SOURCE.verify(delivery(**changed), [SECRET])


def test_a_secret_may_be_the_key_itself():
    # openssl dgst -sha256 -hmac polar_whs_ovyN6cPrTv -binary, of id, time and body with points between, in base64
    sent = delivery(id="msg_1", signature="v1,Uo09o3y37kWNIRObPWAaC4UE0XBFCLmhsU6mpI60vjs=")
    assert SOURCE.verify(sent, ["polar_whs_ovyN6cPrTv"]) == 0


@pytest.mark.parametrize(
    ("secret", "key"), [("whsec_AAE=", b"\x00\x01"), ("whsec_AAE", b"\x00\x01"), ("AAE=", b"\x00\x01")]
)
def test_a_secret_is_decoded_with_or_without_padding_and_prefix(secret, key):
    assert decoded(secret) == key


@pytest.mark.parametrize("secret", ["whsec_ä", "whsec_a b", "polar_whs_x", "a"])
def test_what_is_not_base64_is_no_such_key(secret):
    with pytest.raises(ValueError, match=r"."):
        decoded(secret)


def test_an_envelope_is_read_as_the_canonical_body_is():
    bare, wrapped = (
        parse(Delivery(connection="c", headers={}, body=load("standard")[name].body, received_at=SENT_AT))[0]
        for name in ("order_shipped", "order_shipped_in_envelope")
    )
    assert (bare.customer, bare.order, bare.shipment) == (wrapped.customer, wrapped.order, wrapped.shipment)
    assert bare.identity == wrapped.identity
    assert set(wrapped.raw) == {"type", "timestamp", "data"}
