"""Signatures against values that others computed: vendors' own tests, or openssl. Never our own signer."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bridge.errors import BadSignature
from bridge.signing import check_timestamp, read_timestamp, sign_hmac, verify_hmac

ZENDESK_TEST = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
HELLO = '{"hello":"wörld"}'.encode()

# secret, signed bytes, how, signature
KNOWN_GOOD = {
    "zendesk, of a public test": (
        ZENDESK_TEST,
        b'2021-03-25T05:09:27Z{"event":"ticket.updated","id":123}',
        {},
        "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=",
    ),
    "zendesk, by openssl": (
        ZENDESK_TEST,
        b"2026-01-02T03:04:05Z" + HELLO,
        {},
        "Nzyj2eZA6OFgeoG0v8ibdIihPkRdUc6RdKuDE5+lOYg=",
    ),
    "zendesk without a body, by openssl": (
        ZENDESK_TEST,
        b"2026-01-02T03:04:05Z",
        {},
        "1xsiPKGHFyXedEmvxNaOg4VQ2U4XjHcPMETpJymjCkg=",
    ),
    "zendesk's page, whose secret is not decoded": (
        "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA=",
        b'2021-07-25T10:00:00Z{"say": "hello"}',
        {},
        "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk=",
    ),
    "zendesk's older page, which signed the other way round": (
        "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA=",
        b'{"say": "hello"}2021-07-25T10:00:00Z',
        {},
        "tRDSF7URY8BLCDlaBcQ7FHu051Zk+aAB0NKMP53teMw=",
    ),
    "shopify's own test": (
        "test_secret_key",
        b'{"foo": "bar"}',
        {},
        "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=",
    ),
    "shopify, woocommerce, aftership, by openssl": (
        "topsecret",
        HELLO,
        {},
        "GxIYkWenpV0CL9mWX9mWaZ1DuveAfyG7ImfGXnBy8TU=",
    ),
    "kustomer, by openssl": (
        "topsecret",
        HELLO,
        {"encoding": "hex"},
        "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135",
    ),
    "intercom, by openssl": (
        "topsecret",
        HELLO,
        {"algorithm": "sha1", "encoding": "hex", "prefix": "sha1="},
        "sha1=c798b012d40bef7768d8df8635bddae117da7a48",
    ),
    "front's rules and help scout, by openssl": (
        "topsecret",
        HELLO,
        {"algorithm": "sha1"},
        "x5iwEtQL73do2N+GNb3a4Rfaekg=",
    ),
}
EVERY_VECTOR = pytest.mark.parametrize(
    ("secret", "message", "how", "signature"), KNOWN_GOOD.values(), ids=KNOWN_GOOD.keys()
)


@EVERY_VECTOR
def test_known_good_signatures_verify(secret, message, how, signature):
    assert verify_hmac(message, signature, [secret], **how) == 0


@EVERY_VECTOR
def test_what_we_sign_is_what_the_platforms_sign(secret, message, how, signature):
    assert sign_hmac(message, secret, **how) == signature


@EVERY_VECTOR
def test_nothing_but_the_signed_bytes_verifies(secret, message, how, signature):
    for other in (message + b"\n", message[:-1], b"", b"x" + message):
        with pytest.raises(BadSignature, match="does not match"):
            verify_hmac(other, signature, [secret], **how)


GOOD = "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        (" ", "does not match"),
        (GOOD + " ", "does not match"),
        (" " + GOOD, "does not match"),
        (GOOD + "\n", "does not match"),
        (GOOD.rstrip("="), "does not match"),
        (GOOD + "=", "does not match"),
        # The last letter before the padding carries two bits that decoders ignore.
        (GOOD.replace("g=", "h="), "does not match"),
        (GOOD.replace("a", "A", 1), "does not match"),
        ("sha256=" + GOOD, "does not match"),
        ("076ded5cdebcd60674a8858d46b82dcc113d5d20e8e72694bbac1f9a1bb76bb8", "does not match"),
        ("ä" * 44, "not ASCII"),
        (GOOD[:-1] + "＝", "not ASCII"),
        ("\ud800", "not ASCII"),
        ("\x00" * 44, "does not match"),
        ("A" * 2049, "too long"),
        ("A" * 1_000_000, "too long"),
    ],
)
def test_any_other_spelling_is_refused_with_a_reason(signature, reason):
    with pytest.raises(BadSignature, match=reason):
        verify_hmac(b'{"foo": "bar"}', signature, ["test_secret_key"])


def test_hex_in_capitals_is_refused():
    signature = KNOWN_GOOD["kustomer, by openssl"][3].upper()
    with pytest.raises(BadSignature):
        verify_hmac(HELLO, signature, ["topsecret"], encoding="hex")


@pytest.mark.parametrize(
    ("secrets", "index"),
    [
        (["test_secret_key", "old"], 0),
        (["new", "test_secret_key"], 1),
        (["new", "", "test_secret_key"], 2),
        (["test_secret_key", "test_secret_key"], 0),
    ],
)
def test_the_secret_that_matched_is_named(secrets, index):
    assert verify_hmac(b'{"foo": "bar"}', GOOD, secrets) == index


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_verifies(secrets):
    signed_with_nothing = sign_hmac(b"x", "")
    with pytest.raises(BadSignature, match="no secret"):
        verify_hmac(b"x", signed_with_nothing, secrets)


def test_an_empty_secret_among_others_never_matches():
    with pytest.raises(BadSignature, match="does not match"):
        verify_hmac(b"x", sign_hmac(b"x", ""), ["", "topsecret"])


def test_every_secret_is_tried_in_constant_time(monkeypatch):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(a) or compare(a, b))
    verify_hmac(b'{"foo": "bar"}', GOOD, ["test_secret_key", "second", "third"])
    assert len(compared) == 3


def test_a_secret_that_is_no_utf8_in_the_environment_signs_with_its_bytes():
    signature = hmac.new(b"\xff\xfe", b"x", hashlib.sha256).hexdigest()
    assert verify_hmac(b"x", signature, [b"\xff\xfe".decode("utf-8", "surrogateescape")], encoding="hex") == 0


NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 1, -1, 299, -299, 300, -300])
def test_five_minutes_are_allowed_both_ways(seconds):
    check_timestamp(NOW + timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("seconds", "words"), [(301, "in the future"), (-301, "301 s old"), (-86400, "old"), (10**9, "in the future")]
)
def test_more_than_five_minutes_are_refused_both_ways(seconds, words):
    with pytest.raises(BadSignature, match=words):
        check_timestamp(NOW + timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T10:00:00Z", NOW),
        ("2026-11-23T10:00:00+00:00", NOW),
        ("2026-11-23T11:30:00+01:30", NOW),
        ("2026-11-23T05:00:00-05:00", NOW),
        ("2026-11-23T10:00:00.25Z", NOW + timedelta(milliseconds=250)),
        ("2026-11-23T10:00:00.123456Z", NOW + timedelta(microseconds=123456)),
        ("2026-11-23T10:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
    ],
)
def test_times_are_read_in_every_precision_and_zone(text, moment):
    assert read_timestamp(text) == moment
    assert read_timestamp(text).utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1234",
        "1790000000",
        "2026-11-23",
        "2026-11-23T10:00:00",
        "2026-11-23T25:00:00Z",
        "2026-02-30T10:00:00Z",
        "２０２６-11-23T10:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-11-23T10:00:00." + "1" * 100 + "Z",
        "\ud800",
        "\x00",
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_timestamp(text)


def test_zones_do_not_matter_for_the_distance():
    check_timestamp(NOW.astimezone(timezone(timedelta(hours=9))), NOW)
