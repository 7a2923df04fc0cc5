"""Signature schemes: against values that others computed, and every way in which a header can be wrong."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.schemes import PAIRS, TOKEN_HEADER, VERSIONS, AnyOf, Hmac, Token, iso, milliseconds, read_unix, seconds
from bridge.schemes import time_and_body as joined

GOOD = "a48aac2f19bda2e556a53bcc58e2a405baa5d081b6c8a3bd3b34869f0cd78ec8"
NOW = datetime.fromtimestamp(1_700_000_000, UTC)
HELLO = '{"hello":"wörld"}'.encode()
HELLO_AT_NOW = Delivery(connection="c", headers={}, body=HELLO, received_at=NOW, url="https://bridge.example/hooks/c")
DOT = Hmac(header="x-sig", encoding="hex", signed=joined("."), timestamp=seconds(None), layout=PAIRS)

# Computed by openssl: scheme, headers.
KNOWN_GOOD = {
    "stripe's form": (
        DOT,
        {"x-sig": "t=1700000000,v1=a48aac2f19bda2e556a53bcc58e2a405baa5d081b6c8a3bd3b34869f0cd78ec8"},
    ),
    "front's application form": (
        Hmac(header="x-sig", signed=joined(":"), timestamp=milliseconds("x-time")),
        {"x-sig": "UmqtMfcrpLQd0WvIuM7yWfhpLQsc9ioXB/we8on0CRY=", "x-time": "1700000000000"},
    ),
    "intercom's form": (
        Hmac(header="x-sig", algorithm="sha1", encoding="hex", prefix="sha1="),
        {"x-sig": "sha1=c798b012d40bef7768d8df8635bddae117da7a48"},
    ),
    "shopify's form": (Hmac(header="x-sig"), {"x-sig": "GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU="}),
}
known_good = pytest.mark.parametrize(("scheme", "headers"), KNOWN_GOOD.values(), ids=KNOWN_GOOD.keys())


def verify(scheme, headers, *secrets, body=HELLO, at=NOW, url=HELLO_AT_NOW.url):
    delivery = replace(HELLO_AT_NOW, headers=headers, body=body, received_at=at, url=url)
    return scheme.verify(delivery, secrets or ("topsecret",), header=scheme.header)


@known_good
def test_what_others_signed_verifies(scheme, headers):
    assert verify(scheme, headers) == 0
    assert verify(scheme, headers, "newer", "topsecret") == 1


@known_good
def test_what_we_sign_is_what_others_sign(scheme, headers):
    assert scheme.sign(HELLO_AT_NOW, "topsecret", header="x-sig", now=NOW) == headers


@known_good
def test_another_body_secret_or_time_is_refused(scheme, headers):
    with pytest.raises(BadSignature):
        verify(scheme, headers, body=HELLO + b"\n")
    with pytest.raises(BadSignature):
        verify(scheme, headers, "Topsecret")
    if scheme.timestamp:
        for minutes in (-6, 6):
            with pytest.raises(BadSignature, match=r"old|future") as raised:
                verify(scheme, headers, at=NOW + timedelta(minutes=minutes))
            assert raised.value.cause == "stale_timestamp"


@pytest.mark.parametrize(
    "header",
    [
        f"t=1700000000,v1={GOOD},v1={'0' * 64}",
        f"t=1700000000,v1={'0' * 64},v1={GOOD}",
        f"t=1700000000, v1={GOOD}",
        f"v1={GOOD},t=1700000000,v0=abc",
    ],
)
def test_any_signature_among_several_counts(header):
    assert verify(DOT, {"x-sig": header}) == 0


@pytest.mark.parametrize(
    "header",
    [
        f"v1={GOOD}",
        f"t=,v1={GOOD}",
        f"t=1700000000,t=1700000000,v1={GOOD}",
        f"t=1700000001,v1={GOOD}",
        f"t=01700000000,v1={GOOD}",
        f"t=1700000000,v0={GOOD}",
        f"t=1700000000,V1={GOOD}",
        f"t=1700000000,v1={GOOD.upper()}",
        f"t=1700000000;v1={GOOD}",
        "t=1700000000,v1=",
        "t=1700000000",
        ",,,=,=",
        "t=" + "9" * 5000 + f",v1={GOOD}",
        f"t=1700000000,{'v1=x,' * 8}v1={GOOD}",
    ],
)
def test_a_list_of_pairs_that_is_not_quite_one_is_refused(header):
    with pytest.raises(BadSignature):
        verify(DOT, {"x-sig": header})


def test_a_time_that_is_signed_and_is_no_time_is_refused():
    signature = hmac.new(b"topsecret", b"yesterday." + HELLO, hashlib.sha256).hexdigest()
    with pytest.raises(BadSignature, match="missing or no time") as raised:
        verify(DOT, {"x-sig": f"t=yesterday,v1={signature}"})
    assert raised.value.cause == "no_time"


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1700000000", NOW), ("1700000000000", NOW), ("0", datetime(1970, 1, 1, tzinfo=UTC)), ("1", None)],
)
def test_seconds_and_milliseconds_are_told_apart_by_their_size(text, moment):
    assert read_unix(text) == (moment or datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e9", " 1700000000", "١٧٠٠", "9" * 17, "0x10", "now"])
def test_what_is_no_number_of_seconds_is_no_time(text):
    with pytest.raises(ValueError, match=r"seconds|range"):
        read_unix(text)


def test_a_secret_that_cannot_be_a_key_proves_nothing():
    def never(secret: str) -> bytes:
        raise ValueError(secret)

    scheme = Hmac(header="x-sig", key=never)
    for text in ("", base64.b64encode(hashlib.sha256(b"").digest()).decode()):
        with pytest.raises(BadSignature):
            verify(scheme, {"x-sig": text})


def test_headers_that_are_signed_are_kept():
    scheme = Hmac(header="x-sig", timestamp=iso("x-time"), needs=frozenset({"x-id"}))
    assert scheme.also == {"x-time", "x-id"}
    assert DOT.also == frozenset()


def test_versions_other_than_v1_are_passed_over():
    scheme = Hmac(header="x-sig", layout=VERSIONS)
    good = KNOWN_GOOD["shopify's form"][1]["x-sig"]
    assert verify(scheme, {"x-sig": f"v1a,AAAA v1,{good}"}) == 0
    for header in (good, f"v1a,{good}", f"v2,{good}", f"v1 {good}", f"v1,{good},", f"v1;{good}"):
        with pytest.raises(BadSignature):
            verify(scheme, {"x-sig": header})


# tokens


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({TOKEN_HEADER: "topsecret"}, ""),
        ({"authorization": basic("bridge:topsecret")}, ""),
        ({"authorization": basic(":topsecret")}, ""),
        ({"authorization": basic("x:topsecret").replace("Basic", "basic")}, ""),
        ({}, "?token=topsecret"),
        ({}, "?a=1&token=topsecret"),
        ({"authorization": "Bearer of-somebody-else", TOKEN_HEADER: "topsecret"}, ""),
    ],
)
def test_a_token_may_stand_in_three_places(headers, query):
    assert verify(Token(), headers, "new", "topsecret", url=HELLO_AT_NOW.url + query) == 1


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({TOKEN_HEADER: ""}, ""),
        ({TOKEN_HEADER: "topsecre"}, ""),
        ({TOKEN_HEADER: "topsecret "}, ""),
        ({TOKEN_HEADER: "new,topsecret"}, ""),
        ({"authorization": "Bearer topsecret"}, ""),
        ({"authorization": basic("topsecret")}, ""),
        ({"authorization": basic("topsecret:")}, ""),
        ({"authorization": "Basic topsecret"}, ""),
        ({"authorization": "Basic " + "A" * 100_000}, ""),
        ({"authorization": "Basic \ud800"}, ""),
        ({}, "?token="),
        ({}, "?token=topsecret&token=topsecret"),
        ({}, "?Token=topsecret"),
        ({}, "?" + "a=1&" * 1000 + "token=topsecret"),
        ({}, "?token=%ff%fe"),
    ],
)
def test_any_other_token_is_refused(headers, query):
    with pytest.raises(BadSignature) as raised:
        verify(Token(), headers, "new", "topsecret", url=HELLO_AT_NOW.url + query)
    assert "topsecret" not in str(raised.value)


def test_an_empty_token_opens_nothing():
    for secrets in (("",), ()):
        with pytest.raises(BadSignature):
            Token().verify(replace(HELLO_AT_NOW, headers={TOKEN_HEADER: ""}), secrets, header=TOKEN_HEADER)


# several schemes of one platform

TIMED = Hmac(header="x-sig", signed=joined(":"), timestamp=milliseconds("x-time"))
PLAIN = Hmac(header="x-sig", algorithm="sha1")
BOTH = AnyOf((TIMED, PLAIN, Token()))


def test_a_request_is_judged_by_the_scheme_it_is_meant_for():
    assert verify(BOTH, TIMED.sign(HELLO_AT_NOW, "topsecret", header="x-sig", now=NOW)) == 0
    assert verify(BOTH, {"x-sig": "x5iwEtQL73do2N+GNb3a4Rfaekg="}) == 0
    assert verify(BOTH, {TOKEN_HEADER: "topsecret"}) == 0
    assert BOTH.also == {"x-time", "x-sig"}
    assert BOTH.header == "x-sig"


def test_one_scheme_cannot_be_passed_off_as_another():
    timed = TIMED.sign(HELLO_AT_NOW, "topsecret", header="x-sig", now=NOW)
    # Without its time it would never be stale.
    with pytest.raises(BadSignature):
        verify(BOTH, {"x-sig": timed["x-sig"]})
    with pytest.raises(BadSignature):
        verify(BOTH, {"x-sig": "x5iwEtQL73do2N+GNb3a4Rfaekg=", "x-time": "1700000000000"})
    # A token does not mend a signature that is wrong.
    with pytest.raises(BadSignature):
        verify(BOTH, {"x-sig": "wrong", TOKEN_HEADER: "topsecret"})


def test_a_header_of_its_own_replaces_the_first_schemes():
    delivery = replace(HELLO_AT_NOW, headers={"x-ours": "x5iwEtQL73do2N+GNb3a4Rfaekg="})
    assert BOTH.verify(delivery, ["topsecret"], header="x-ours") == 0
    delivery = replace(HELLO_AT_NOW, headers={TOKEN_HEADER: "topsecret"})
    assert BOTH.verify(delivery, ["topsecret"], header="x-ours") == 0
