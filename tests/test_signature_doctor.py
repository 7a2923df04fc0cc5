"""The signature doctor, on requests that code of others signs: Python's hmac, and the platforms' own libraries."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import stripe
from hypothesis import given
from hypothesis import strategies as st

from bridge import schemes, sources
from bridge.events import Delivery
from bridge.reasons import CAUSES
from bridge.schemes import PAIRS, VERSIONS, AnyOf, Hmac, Scheme, Token
from bridge.signature_doctor import Diagnosis, diagnose
from bridge.signature_doctor.signatures import MOST_BODY

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UNIX = str(int(NOW.timestamp()))
ISO = "2026-11-23T10:00:00Z"
SECRET = "Bergen+Street/218=="
BODY = '{"id":5,"name":"Zoë","url":"https://juniperandpine.example/o/5","b":{"z":1,"a":[1,2]}}'.encode()
PADDED = "SnVuaXBlciAmIFBpbmUsIEJlcmdlbiBTdHJlZXQ="
PUBLIC = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
URL = "https://bridge.juniperandpine.example/hooks/square"

SHOPIFY = sources.discover()["shopify"].scheme
ZENDESK = sources.discover()["zendesk"].scheme
KUSTOMER = sources.discover()["kustomer"].scheme
STRIPE = Hmac(
    header="stripe-signature",
    encoding="hex",
    signed=schemes.time_and_body("."),
    timestamp=schemes.seconds(None),
    layout=PAIRS,
)
STANDARD = Hmac(
    header="webhook-signature",
    key=lambda secret: base64.b64decode(secret.removeprefix("whsec_")),
    signed=lambda delivery, time: f"{delivery.headers.get('webhook-id', '')}.{time}.".encode() + delivery.body,
    timestamp=schemes.seconds("webhook-timestamp"),
    layout=VERSIONS,
    needs=frozenset({"webhook-id"}),
)
SQUARE = Hmac(
    header="x-square-hmacsha256-signature",
    signed=lambda delivery, _: delivery.url.encode("utf-8", "replace") + delivery.body,
    signs_url=True,
)
INTERCOM = Hmac(header="x-hub-signature", algorithm="sha1", encoding="hex", prefix="sha1=")


def b64(key: str | bytes, message: bytes, algorithm: str = "sha256") -> str:
    key = key.encode() if isinstance(key, str) else key
    return base64.b64encode(hmac.new(key, message, algorithm).digest()).decode()


def hexed(key: str | bytes, message: bytes, algorithm: str = "sha256") -> str:
    return base64.b64decode(b64(key, message, algorithm)).hex()


def told(
    scheme: Scheme,
    headers: Mapping[str, str],
    body: bytes = BODY,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    header: str | None = None,
    url: str = URL,
    at: datetime = NOW,
    **others: tuple[str, ...],
) -> Diagnosis:
    delivery = Delivery(connection="shop", headers=headers, body=body, received_at=at, url=url)
    return diagnose(delivery, scheme, secrets, header=header or scheme.header, others=others)


def shopify(signature: str, body: bytes = BODY, **more: object) -> Diagnosis:
    return told(SHOPIFY, {"x-shopify-hmac-sha256": signature}, body, **more)


def zendesk(signature: str, time: str = ISO, **more: object) -> Diagnosis:
    headers = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": time}
    return told(ZENDESK, headers, **more)


def test_a_genuine_request_has_nothing_wrong_with_it():
    assert shopify(b64(SECRET, BODY)).cause == "verifies"
    assert zendesk(b64(SECRET, ISO.encode() + BODY)).cause == "verifies"
    assert told(KUSTOMER, {"x-kustomer-webhook-signature": hexed(SECRET, BODY)}).cause == "verifies"


# --- the secret --------------------------------------------------------------------------------------------------


def test_another_secret_is_what_is_left_when_no_guess_is_right():
    assert shopify(b64("quite another", BODY)) == Diagnosis(
        cause="other_secret", detail="It belongs into SHOP_SECRETS."
    )


def test_the_secret_of_another_connection_is_told_by_the_connection():
    found = shopify(b64("theirs", BODY), eu=("newer", "theirs"), us=("none",))
    assert found.cause == "other_connection"
    assert "eu" in found.detail
    assert "us" not in found.detail.replace("is", "").replace("address", "")


def test_a_connection_without_a_secret_says_so():
    assert shopify(b64("", BODY), secrets=()).cause == "no_secret"
    assert shopify(b64("", BODY), secrets=("",)).cause == "no_secret"


def test_zendesks_public_test_secret_is_never_genuine_not_even_configured():
    signature = b64(PUBLIC, ISO.encode() + BODY)
    assert zendesk(signature).cause == "public_test_secret"
    assert zendesk(signature, secrets=(PUBLIC,)).cause == "public_test_secret"
    assert zendesk(signature, at=NOW + timedelta(days=3)).cause == "public_test_secret"
    # https://developer.zendesk.com/documentation/webhooks/verifying/: a third party's test has this vector.
    vector = zendesk(
        "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=",
        "2021-03-25T05:09:27Z",
        body=b'{"event":"ticket.updated","id":123}',
    )
    assert vector.cause == "public_test_secret"


# The configured secret, the key that the platform signs with, a word of what is said.
SECRET_FORMS = {
    "decoded": ("SnVuaXBlciAmIFBpbmU=", b"Juniper & Pine", "base64"),
    "decoded without padding": ("SnVuaXBlciAmIFBpbmU", b"Juniper & Pine", "base64"),
    "decoded after its prefix": ("whsec_SnVuaXBlciAmIFBpbmU=", b"Juniper & Pine", "base64"),
    "base64 for addresses": ("--__SnVu", base64.urlsafe_b64decode("--__SnVu"), "base64"),
    "hexadecimal": ("4a756e69706572202620", b"Juniper & ", "hexadecimal"),
    "encoded": ("Juniper & Pine", b"SnVuaXBlciAmIFBpbmU=", "encoded as base64"),
    "without whsec_": ("whsec_juniper!", b"juniper!", "whsec_"),
    "with whsec_": ("juniper!", b"whsec_juniper!", "whsec_"),
    "quoted": ('"juniper!"', b"juniper!", "quotes"),
    "apostrophes": ("'juniper!'", b"juniper!", "quotes"),
    "blank before": (" juniper!", b"juniper!", "blanks"),
    "blank after, at the platform": ("juniper!", b"juniper! ", "blank"),
    "line break after, at the platform": ("juniper!", b"juniper!\n", "line break"),
    "NFKD": ("s\u00e9cret", "se\u0301cret".encode(), "NFKD"),
    "NFC": ("se\u0301cret", "s\u00e9cret".encode(), "NFC"),
    "HTML": ("juniper&amp;pine", b"juniper&pine", "&amp;"),
    "HTML at the platform": ("juniper&pine", b"juniper&amp;pine", "&amp;"),
    "percent": ("juniper%21", b"juniper!", "percent"),
    "a comma that is none": ("juniper,pine", b"juniper%2Cpine", "%252C"),
}


@pytest.mark.parametrize("form", SECRET_FORMS)
def test_the_right_secret_in_another_form_is_recognised(form):
    configured, key, word = SECRET_FORMS[form]
    found = shopify(b64(key, BODY), secrets=("newest", configured))
    assert found.cause == "secret_form"
    assert word in found.detail
    assert configured.strip() not in found.detail


def test_a_secret_that_a_comma_cut_in_two_is_recognised():
    found = shopify(b64("juniper,pine", BODY), secrets=("juniper", "pine"))
    assert (found.cause, "%2C" in found.detail) == ("secret_form", True)


def test_stripes_and_standard_webhooks_reading_of_one_secret_are_told_apart():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    decoded = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    stripe = {"stripe-signature": f"t={UNIX},v1={hexed(decoded, UNIX.encode() + b'.' + BODY)}"}
    assert told(STRIPE, stripe, secrets=(secret,)).cause == "secret_form"

    headers = {"webhook-id": "msg_1", "webhook-timestamp": UNIX}
    message = b"msg_1." + UNIX.encode() + b"." + BODY
    standard = {**headers, "webhook-signature": f"v1,{b64(secret, message)}"}
    found = told(STANDARD, standard, secrets=(secret,))
    assert found.cause == "secret_form"
    assert "as it stands" in found.detail


# --- the body ----------------------------------------------------------------------------------------------------

DOCUMENT = json.loads(BODY)
PHP = json.dumps(DOCUMENT, separators=(",", ":")).replace("/", "\\/").encode()

# The signed body, the body as received, a word of what is said.
BODIES = {
    "spaced by a framework": (BODY, json.dumps(DOCUMENT, ensure_ascii=False).encode(), "without blanks"),
    "escaped by a framework": (BODY, json.dumps(DOCUMENT).encode(), "without blanks"),
    "made compact": (json.dumps(DOCUMENT, ensure_ascii=False).encode(), BODY, "with blanks"),
    "unescaped": (json.dumps(DOCUMENT).encode(), BODY, "with blanks, with \\u"),
    "indented": (json.dumps(DOCUMENT, indent=2, ensure_ascii=False).encode(), BODY, "indented by 2"),
    "unsorted": (json.dumps(DOCUMENT, sort_keys=True).encode(), BODY, "sorted by key"),
    "slashes unescaped": (PHP, BODY, "as in PHP"),
    "angles unescaped": (b'{"a":"\\u003cb\\u003e"}', b'{"a": "<b>"}', "Go and Rails"),
    "line break cut": (BODY + b"\n", BODY, "ended with a line break"),
    "line break added": (BODY, BODY + b"\n", "without a line break"),
    "CR LF added": (BODY, BODY + b"\r\n", "without a line break"),
    "blanks added": (BODY, b" " + BODY + b" ", "no blanks"),
    "LF for CR LF": (b'{"a":\r\n1}', b'{"a":\n1}', "CR LF"),
    "CR LF for LF": (b'{"a":\n1}', b'{"a":\r\n1}', "LF"),
    "byte order mark cut": (b"\xef\xbb\xbf" + BODY, BODY, "byte order mark"),
    "byte order mark added": (BODY, b"\xef\xbb\xbf" + BODY, "no byte order mark"),
    "read as Latin-1": ("Zoë".encode(), "Zoë".encode().decode("latin-1").encode(), "UTF-8"),
    "written as UTF-8": ("Zoë".encode("latin-1"), "Zoë".encode(), "Latin-1"),
}


@pytest.mark.parametrize("change", BODIES)
def test_a_body_that_was_changed_on_the_way_is_recognised(change):
    signed, received, word = BODIES[change]
    for found in (
        shopify(b64(SECRET, signed), received),
        zendesk(b64(SECRET, ISO.encode() + signed), body=received),
    ):
        assert found.cause == "body_changed"
        assert word in found.detail
        assert "Zo" not in found.detail


def test_a_body_that_says_something_else_is_no_changed_form():
    assert shopify(b64(SECRET, BODY), BODY.replace(b"5", b"6")).cause == "other_secret"


def test_a_body_that_was_dropped_is_recognised():
    assert shopify(b64(SECRET, BODY), b"").cause == "empty_body"
    assert shopify(b64(SECRET, b""), b"").cause == "verifies"
    assert shopify(b64("theirs", b""), b"", eu=("theirs",)).cause == "other_connection"


# --- how and where the signature is written ----------------------------------------------------------------------

RIGHT = b64(SECRET, BODY)
# A body whose signature has both characters that base64 for addresses writes differently.
ODD = next(body for n in range(9999) if {"+", "/"} <= set(b64(SECRET, body := b'{"id":%d}' % n)))
SPELLINGS = {
    "hex for base64": (SHOPIFY, hexed(SECRET, ODD), "hex, and base64"),
    "upper-case hex for base64": (SHOPIFY, hexed(SECRET, ODD).upper(), "upper-case hex"),
    "base64 of hex": (SHOPIFY, base64.b64encode(hexed(SECRET, ODD).encode()).decode(), "base64 of hex"),
    "a prefix too many": (SHOPIFY, "sha256=" + b64(SECRET, ODD), "sha256= stands before it"),
    "without its =": (SHOPIFY, b64(SECRET, ODD).rstrip("="), "without its ="),
    "base64 for addresses": (
        SHOPIFY, b64(SECRET, ODD).replace("+", "-").replace("/", "_"), "base64 of the kind for addresses"),
    "quotes": (SHOPIFY, f'"{b64(SECRET, ODD)}"', "quotes"),
    "blanks": (SHOPIFY, f" {b64(SECRET, ODD)} ", "blanks"),
    "base64 for hex": (KUSTOMER, b64(SECRET, ODD), "base64, and hex"),
    "upper-case hex for hex": (KUSTOMER, hexed(SECRET, ODD).upper(), "upper-case hex"),
    "a prefix too few": (INTERCOM, hexed(SECRET, ODD, "sha1"), "sha1= is expected"),
    "another prefix": (INTERCOM, "sha256=" + hexed(SECRET, ODD, "sha1"), "sha256= stands before it"),
}  # fmt: skip


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_the_right_signature_written_differently_is_recognised(spelled):
    scheme, signature, word = SPELLINGS[spelled]
    found = told(scheme, {scheme.header: signature}, ODD)
    assert found.cause == "signature_form"
    assert word in found.detail


def test_a_signature_in_base64_where_stripe_writes_hex_is_recognised():
    found = told(STRIPE, {"stripe-signature": f"t={UNIX},v1={b64(SECRET, UNIX.encode() + b'.' + BODY)}"})
    assert found.cause == "signature_form"
    assert "base64, and hex" in found.detail


def test_the_right_signature_in_another_header_names_that_header_and_the_setting():
    found = told(KUSTOMER, {"x-kustomer-signature": hexed(SECRET, BODY)})
    assert found.cause == "other_header"
    assert "x-kustomer-signature" in found.detail
    assert "SHOP_SIGNATURE_HEADER" in found.detail


def test_a_missing_signature_is_told_with_what_is_there_instead():
    assert told(KUSTOMER, {"host": "x"}) == Diagnosis(
        cause="missing_header", detail="The x-kustomer-webhook-signature header is not there."
    )
    found = told(KUSTOMER, {"x-juniper-signature": "nothing we know"})
    assert found.cause == "missing_header"
    assert "x-juniper-signature" in found.detail
    found = told(ZENDESK, {"x-zendesk-webhook-signature": b64(SECRET, BODY.swapcase())})
    assert found.cause == "missing_header"
    assert "x-zendesk-webhook-signature-timestamp" in found.detail


@pytest.mark.parametrize(
    ("header", "whose"),
    [
        ("x-shopify-hmac-sha256", "Shopify"),
        ("x-zendesk-webhook-signature", "Zendesk"),
        ("x-slack-signature", "Slack"),
        ("x-hub-signature-256", "GitHub"),
    ],
)
def test_a_webhook_of_another_platform_is_told_by_its_header(header, whose):
    found = told(KUSTOMER, {header: "whatever"})
    assert found.cause == "other_platform"
    assert whose in found.detail


@pytest.mark.parametrize("signature", ["?", "a" * 64 + "0", "sha256=", "{{signature}}", "🌲", "a" * 5000])
def test_a_header_that_holds_no_signature_is_malformed(signature):
    assert shopify(signature).cause == "malformed_header"


# --- the way it is signed ----------------------------------------------------------------------------------------

WAYS: dict[str, tuple[Scheme, Mapping[str, str], str]] = {
    "zendesk, the body alone": (ZENDESK, {ZENDESK.header: b64(SECRET, BODY)}, "the body alone"),
    "zendesk, as an old page says": (
        ZENDESK, {ZENDESK.header: b64(SECRET, BODY + ISO.encode())}, "the body and then the time"),
    "zendesk, with a dot": (ZENDESK, {ZENDESK.header: b64(SECRET, ISO.encode() + b"." + BODY)}, "a dot"),
    "zendesk, as Slack": (ZENDESK, {ZENDESK.header: "v0=" + hexed(SECRET, b"v0:" + ISO.encode() + b":" + BODY)},
                          "Slack"),
    "shopify, with SHA-1": (SHOPIFY, {SHOPIFY.header: b64(SECRET, BODY, "sha1")}, "SHA-1"),
    "shopify, with SHA-512": (SHOPIFY, {SHOPIFY.header: b64(SECRET, BODY, "sha512")}, "SHA-512"),
    "intercom, with SHA-256": (INTERCOM, {INTERCOM.header: "sha256=" + hexed(SECRET, BODY)}, "SHA-256"),
    "shopify, as Square": (SHOPIFY, {SHOPIFY.header: b64(SECRET, URL.encode() + BODY)}, "Square"),
    "shopify, as Stripe": (
        SHOPIFY, {SHOPIFY.header: f"t={UNIX},v1={hexed(SECRET, UNIX.encode() + b'.' + BODY)}"}, "Stripe"),
    "shopify, as Standard Webhooks": (
        SHOPIFY,
        {SHOPIFY.header: f"v1,{b64(SECRET, b'msg_1.' + UNIX.encode() + b'.' + BODY)}",
         "webhook-id": "msg_1", "webhook-timestamp": UNIX},
        "Standard Webhooks"),
    "shopify, as HubSpot": (
        SHOPIFY,
        {SHOPIFY.header: b64(SECRET, b"POST" + URL.encode() + BODY + UNIX.encode()),
         "x-hubspot-request-timestamp": UNIX},
        "HubSpot"),
    "zendesk, as Front": (ZENDESK, {ZENDESK.header: b64(SECRET, ISO.encode() + b":" + BODY)}, "Front"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_another_way_of_signing_is_recognised(way):
    scheme, headers, word = WAYS[way]
    if scheme is ZENDESK:
        headers = {**headers, "x-zendesk-webhook-signature-timestamp": ISO}
    found = told(scheme, headers)
    assert found.cause == "other_scheme"
    assert word in found.detail


def test_two_things_that_are_wrong_at_once_are_both_told():
    secret = "whsec_SnVuaXBlciAmIFBpbmU="
    signature = f"t={UNIX},v1={hexed(b'Juniper & Pine', UNIX.encode() + b'.' + BODY)}"
    found = told(SHOPIFY, {SHOPIFY.header: signature}, secrets=(secret,))
    assert found.cause == "other_scheme"
    assert "Stripe" in found.detail
    assert "decoded" in found.detail
    found = shopify(hexed("theirs", BODY), eu=("theirs",))
    assert found.cause == "other_connection"
    assert "hex" in found.detail


ADDRESSES = {
    "http": ("http" + URL[5:], {}, "with http"),
    "a slash": (URL + "/", {}, "with a slash"),
    "an older host": (URL.replace("bridge.", "old."), {"host": "old.juniperandpine.example"}, "host header"),
    "the proxy's host": (
        URL.replace("bridge.", "www."), {"x-forwarded-host": "www.juniperandpine.example"}, "x-forwarded-host"),
    "http and a slash": ("http" + URL[5:] + "/", {}, "with http, with a slash"),
}  # fmt: skip


@pytest.mark.parametrize("how", ADDRESSES)
def test_another_address_that_was_signed_is_recognised(how):
    url, headers, word = ADDRESSES[how]
    found = told(SQUARE, {**headers, SQUARE.header: b64(SECRET, url.encode() + BODY)})
    assert found.cause == "other_url"
    assert word in found.detail


def test_the_address_of_squares_own_test_verifies_and_its_neighbour_is_recognised():
    # https://github.com/square/square-python-sdk tests/integration/test_webhooks_helper.py
    headers = {SQUARE.header: "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U="}
    body, url = b'{"data":{"type":"webhooks","id":">id<"}}', "https://webhook.site/webhooks"
    assert told(SQUARE, headers, body, secrets=("signature-key",), url=url).cause == "verifies"
    assert told(SQUARE, headers, body, secrets=("signature-key",), url=url + "/").cause == "other_url"


# --- the time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (timedelta(minutes=-6), ["360 s old"]),
        (timedelta(minutes=6), ["360 s in the future"]),
        (timedelta(hours=-5), ["18000 s old", "5 h", "time zone"]),
        (timedelta(hours=5.5), ["19800 s in the future", "5.5 h"]),
        (timedelta(days=-400), ["34560000 s old"]),
    ],
)
def test_a_genuine_request_of_another_time_is_stale_and_says_by_how_much(off, words):
    moment = (NOW + off).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = zendesk(b64(SECRET, moment.encode() + BODY), moment)
    assert found.cause == "stale_timestamp"
    assert [word for word in words if word not in found.detail] == []


@pytest.mark.parametrize(
    ("scheme", "time", "word"),
    [
        (ZENDESK, UNIX, "seconds"),
        (ZENDESK, UNIX + "000", "milliseconds"),
        (ZENDESK, "2026-11-23T10:00:00", "a Z is missing"),
        (STRIPE, UNIX + "000000", "microseconds"),
        (STRIPE, UNIX + "000000000", "nanoseconds"),
        (STRIPE, ISO, "ISO 8601"),
    ],
)
def test_a_time_in_another_unit_or_form_is_recognised(scheme, time, word):
    if scheme is STRIPE:
        found = told(STRIPE, {"stripe-signature": f"t={time},v1={hexed(SECRET, time.encode() + b'.' + BODY)}"})
    else:
        found = zendesk(b64(SECRET, time.encode() + BODY), time)
    assert found.cause == "time_unit"
    assert word in found.detail


def test_a_time_that_is_none_is_no_time():
    assert zendesk(b64(SECRET, b"yesterday" + BODY), "yesterday").cause == "no_time"


# --- tokens ------------------------------------------------------------------------------------------------------


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


TOKENS = {
    "right": ({"x-bridge-token": SECRET}, "", "verifies", ""),
    "right as password": (basic("bridge", SECRET), "", "verifies", ""),
    "right in the address": ({}, "?token=Bergen%2BStreet%2F218%3D%3D", "verifies", ""),
    "missing": ({"host": "x"}, "", "missing_header", "x-bridge-token"),
    "another": ({"x-bridge-token": "quite another"}, "", "other_secret", ""),
    "of another connection": ({"x-bridge-token": "theirs"}, "", "other_connection", "eu"),
    "a blank": ({"x-bridge-token": f" {SECRET}"}, "", "token_form", "blanks"),
    "quotes": ({"x-bridge-token": f'"{SECRET}"'}, "", "token_form", "quotes"),
    "Bearer": ({"x-bridge-token": f"Bearer {SECRET}"}, "", "token_form", "bearer"),
    "base64": ({"x-bridge-token": base64.b64encode(SECRET.encode()).decode()}, "", "token_form", "base64"),
    "percent": ({"x-bridge-token": "Bergen%2BStreet%2F218%3D%3D"}, "", "token_form", "percent-encoded"),
    "lower case": ({"x-bridge-token": SECRET.lower()}, "", "other_secret", ""),
    "Basic user name": (basic(SECRET, ""), "", "other_header", "Basic user name"),
    "Basic user name with x": (basic(SECRET, "x"), "", "other_header", "Basic user name"),
    "Authorization": ({"authorization": f"Bearer {SECRET}"}, "", "other_header", "Authorization"),
    "another header": ({"x-webhook-secret": SECRET}, "", "other_header", "x-webhook-secret"),
    "another name in the address": ({}, "?key=Bergen%2BStreet%2F218%3D%3D", "other_header", "address"),
    "a platform's webhook": ({"x-shopify-hmac-sha256": "x"}, "", "other_platform", "Shopify"),
}


@pytest.mark.parametrize("given", TOKENS)
def test_what_is_wrong_with_a_token_is_recognised(given):
    headers, query, cause, word = TOKENS[given]
    found = told(Token(), headers, url=URL + query, eu=("theirs",))
    assert found.cause == cause
    assert word in found.detail
    assert SECRET not in found.detail
    assert not found.detail[:1].islower()


def test_a_platform_with_two_schemes_is_examined_for_both():
    front = AnyOf(
        (
            Hmac(
                header="x-front-signature",
                signed=schemes.time_and_body(":"),
                timestamp=schemes.milliseconds("x-front-request-timestamp"),
            ),
            Hmac(header="x-front-signature", algorithm="sha1"),
        )
    )
    spaced = json.dumps(DOCUMENT).encode()
    assert told(front, {"x-front-signature": b64(SECRET, spaced, "sha1")}).cause == "body_changed"
    signed = b64(SECRET, f"{UNIX}000:".encode() + spaced)
    headers = {"x-front-signature": signed, "x-front-request-timestamp": UNIX + "000"}
    assert told(front, headers).cause == "body_changed"
    assert told(front, {}).detail == "The x-front-signature and x-front-request-timestamp headers are not there."
    either = AnyOf((SHOPIFY, Token()))
    assert told(either, {}).detail == "The x-shopify-hmac-sha256 header is not there."
    assert told(either, {"x-bridge-token": f'"{SECRET}"'}).cause == "token_form"


# --- strangers ---------------------------------------------------------------------------------------------------


def test_a_body_too_large_to_examine_is_said_to_be():
    body = b"[" + b"1," * MOST_BODY + b"1]"
    found = shopify(b64(SECRET, body + b"\n"), body)
    assert found.cause == "other_secret"
    assert "256 KiB" in found.detail
    assert shopify(b64(SECRET, body), body).cause == "verifies"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000 + b"]" * 60_000,
        b"[" * 900 + b"1," * 30_000 + b"1" + b"]" * 900,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"[" + b"1," * (MOST_BODY // 2 - 2) + b"1]",
        b"9" * 60_000,
        '"\u00ff"'.encode() + b" " * 200_000,
        b"\xff" * MOST_BODY,
        b'"' + b"\\ud800" * 40_000 + b'"',
    ],
    ids=["deep", "deep and wide", "deep objects", "wide", "a long number", "blanks", "no text", "halves of letters"],
)
def test_the_worst_a_stranger_can_send_is_examined_within_seconds(body):
    many = {f"shop-{n}": tuple("abcdefgh") for n in range(200)}
    noise = {f"x-{n}-timestamp": UNIX for n in range(100)} | {
        f"x-{n}-signature": b64("?", b"%d" % n) for n in range(100)
    }
    started = time.process_time()
    for scheme in (SHOPIFY, ZENDESK, SQUARE):
        found = told(
            scheme, {**noise, scheme.header: RIGHT, "x-zendesk-webhook-signature-timestamp": ISO}, body, **many
        )
        assert found.cause == "other_secret"
    assert time.process_time() - started < 15


SCHEMES = [SHOPIFY, ZENDESK, KUSTOMER, STRIPE, STANDARD, SQUARE, INTERCOM, Token(), AnyOf((STANDARD, Token()))]
HEADER_NAMES = st.sampled_from(
    ["authorization", "host", "x-bridge-token", "webhook-id", "webhook-timestamp", "x-forwarded-host", "x-a-signature",
     "x-zendesk-webhook-signature-timestamp", *(scheme.header for scheme in SCHEMES)]
)  # fmt: skip
VALUES = st.text() | st.sampled_from(
    [
        "t=1,v1=a",
        "v1,a",
        "Basic eA==",
        "Bearer x",
        UNIX,
        "9" * 17,
        ISO,
        RIGHT,
        "0" * 64,
        "%",
        "9999-12-31T23:59:59-23:59",
    ]
)


@given(
    scheme=st.sampled_from(SCHEMES),
    headers=st.dictionaries(HEADER_NAMES | st.text(max_size=20), VALUES),
    body=st.binary(max_size=200) | st.sampled_from([BODY, b"", b"{", b"NaN", b'"\\ud800"']),
    url=st.text(max_size=50) | st.sampled_from([URL, "https://[::1", "https://x:99999/", "//\ud800?token=%ff&token"]),
    secrets=st.lists(st.text(max_size=20) | st.just("\udcff"), max_size=3),
)
def test_no_request_makes_the_doctor_fail(scheme, headers, body, url, secrets):
    found = told(scheme, headers, body, url=url, secrets=tuple(secrets), eu=tuple(secrets))
    assert found.cause in CAUSES
    assert len(found.sentence) < 1000


@pytest.mark.parametrize("source", sources.discover().values(), ids=lambda source: source.name)
def test_every_source_can_be_examined(source):
    fresh = source.fresh_headers()
    delivery = Delivery(connection="shop", headers=fresh, body=BODY, received_at=NOW, url=URL)
    header = source.signature_header
    assert diagnose(delivery, source.scheme, [SECRET], header=header).cause == "missing_header"
    signed = replace(delivery, headers=fresh | source.sign(delivery, PADDED, now=NOW))
    assert diagnose(signed, source.scheme, [PADDED], header=header).cause == "verifies"
    assert diagnose(signed, source.scheme, [SECRET], header=header, others={"eu": [PADDED]}).cause == "other_connection"
    if source.scheme.signs_body:
        longer = replace(signed, body=BODY + b"\n")
        assert diagnose(longer, source.scheme, [PADDED], header=header).cause == "body_changed"


def test_a_scheme_of_a_sources_own_is_examined_too():
    scheme = sources.discover()["generic"].scheme
    decoded = {"x-signature": hexed(b"Juniper & Pine", BODY)}
    assert told(scheme, decoded, secrets=("SnVuaXBlciAmIFBpbmU=",)).cause == "secret_form"
    spaced = {"x-signature": "sha1=" + hexed(SECRET, json.dumps(DOCUMENT).encode(), "sha1")}
    assert told(scheme, spaced).cause == "body_changed"
    assert told(scheme, {"x-other-signature": hexed(SECRET, BODY)}).cause == "other_header"
    assert told(scheme, {"x-signature": hexed("another", BODY)}).cause == "other_secret"


def test_what_the_platforms_own_libraries_sign_is_examined():
    # https://pypi.org/project/standardwebhooks/ https://pypi.org/project/stripe/
    secret, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    signature = standardwebhooks.Webhook(secret).sign("msg_1", NOW, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": UNIX, "webhook-signature": signature}
    standard = sources.discover()["standard"].scheme
    assert told(standard, headers, secrets=(secret,)).cause == "verifies"
    assert told(standard, headers, secrets=(other,)).cause == "other_secret"
    assert told(standard, headers, secrets=(other,), eu=(secret,)).cause == "other_connection"
    assert told(standard, headers, BODY + b"\n", secrets=(secret,)).cause == "body_changed"

    made = stripe.WebhookSignature._compute_signature(f"{UNIX}.{BODY.decode()}", secret)
    signed = {"stripe-signature": f"t={UNIX},v1={made}"}
    assert told(STRIPE, signed, secrets=(secret,)).cause == "verifies"
    assert told(STRIPE, signed, secrets=(secret.removeprefix("whsec_"),)).cause == "secret_form"
    assert told(STRIPE, signed, json.dumps(DOCUMENT).encode(), secrets=(secret,)).cause == "body_changed"
    assert told(standard, signed, secrets=(secret,)).cause == "other_platform"


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_says_something(cause):
    assert Diagnosis(cause=cause, detail="More.").sentence.endswith("More.")


def test_a_cause_nobody_knows_is_a_mistake_in_the_program():
    with pytest.raises(ValueError, match="add it to"):
        Diagnosis(cause="the weather")
