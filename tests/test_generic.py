"""Anything home-made: an HMAC of the body in whichever form, or the secret itself."""

from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.sources.generic import SOURCE

HELLO = '{"hello":"wörld"}'.encode()
SHA256 = "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135"
SHA512 = "dgXUIb8swejzYMbKmDO1JnLVZ3q2UFHGEP0bkuc84M4r4TRcZscg0MiShqO1SYB/dkZ+sR+5ScbU9xN6ANBrCw=="


def verify(headers: dict[str, str], header: str = "x-signature", body: bytes = HELLO) -> int:
    delivery = Delivery(connection="c", headers=headers, body=body, received_at=datetime.now(UTC))
    return SOURCE.verify(delivery, ["topsecret"], signature_header=header)


# Each computed by `openssl dgst -<hash> -hmac topsecret`.
@pytest.mark.parametrize(
    "signature",
    [
        "c798b012d40bef7768d8df8635bddae117da7a48",
        "sha1=c798b012d40bef7768d8df8635bddae117da7a48",
        "x5iwEtQL73do2N+GNb3a4Rfaekg=",
        SHA256,
        f"sha256={SHA256}",
        "GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU=",
        "sha256=GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU=",
        SHA512,
        f"sha512={SHA512}",
        "7605d421bf2cc1e8f360c6ca9833b52672d5677ab65051c610fd1b92e73ce0ce"
        "2be1345c66c720d0c89286a3b549807f76467eb11fb949c6d4f7137a00d06b0b",
    ],
)
def test_a_signature_says_itself_how_it_was_made(signature):
    assert verify({"x-signature": signature}) == 0
    assert verify({"x-hub-signature-256": signature}, header="x-hub-signature-256") == 0
    with pytest.raises(BadSignature):
        verify({"x-signature": signature}, body=HELLO + b" ")


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha1=" + SHA256,
        "sha512=" + SHA256,
        "md5=" + SHA256,
        SHA256.upper(),
        SHA256 + "=",
        SHA256[:-2],
        "v1," + SHA256,
    ],
)
def test_any_other_spelling_is_refused(signature):
    with pytest.raises(BadSignature):
        verify({"x-signature": signature})


def test_the_secret_itself_will_do():
    assert verify({"x-bridge-token": "topsecret"}) == 0


def test_a_signature_that_is_wrong_is_not_mended_by_a_token():
    with pytest.raises(BadSignature):
        verify({"x-signature": SHA256[::-1], "x-bridge-token": "topsecret"})
