"""Webhooks signed with a private key: the proof, and the fetching of the public keys on this machine."""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from bridge.connections import Account, Connection
from bridge.errors import BadSignature, UnknownKey
from bridge.events import Delivery
from bridge.platforms import key_sets
from bridge.platforms.key_sets import KeySets, fetch_document
from bridge.route import Route
from bridge.schemes import Token, iso, time_and_body
from bridge.schemes.public_keys import Rsa, read_keys, takes_addresses
from bridge.settings import Settings
from bridge.signing import is_key_address, is_public
from bridge.sources import discover
from bridge.store import schema
from bridge.store.database import Database
from bridge.web.app import create_app

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HELLO = '{"resource_type":"API_TRACK","text":"wörld"}'.encode()
SIGNATURE, KEY_ID, TIME = (
    "x-shipengine-rsa-sha256-signature",
    "x-shipengine-rsa-sha256-key-id",
    "x-shipengine-timestamp",
)
SCHEME = Rsa(header=SIGNATURE, key_id=KEY_ID, timestamp=iso(TIME), signed=time_and_body("."))

# Made by openssl: `genrsa 2048`, and `dgst -sha256 -sign` of "2026-11-23T10:00:00Z." and the body.
MODULUS = (
    "0IQ2_Dv321EYZtvDO8UzcynlwXfnEKoUvdWwfxwXEId_XNsUnFRjY_RTGJ-N5rMBYydsG4QRO-M4Tdm-g6CX3dVTnZUYHUiKx1oWQAgRaVneknA4"
    "xvxSIN3DpLaDXeX17lWspUWIm3QiPAOj5bdQAfF3SPFTavfrPnnoYpHfoxGBPz2S1kJqvnz1tdQE5RrekDDDHBymCGpACgUZ0kSakxAPV5l8wmwk"
    "WMQlhZwfLgrC4PE2kj51ClYfQ4EZ1Ec37bBZ5p8A3XEXN9BBo00sWF2tY3PkDtWUnSq-7lbJa2EgBNrwHhpfn0biog30vtDr4aq6U5I7tF4TSwdn"
    "cNzHAQ"
)
GOOD = (
    "MA4HqrmJ53+e+ddXswHjBHb72gj9yi1X/7aVIrNaILcIBHarU+iasqyuGzWAfN2oLvD4Dk/f4LILpGqpx+KY/oI8H1mhWSD9gB0IGZ40u+CFRA0t"
    "G7PTEiW6IQM+OdJNhgIP7aNyhzOjtLYAlm2lFqtSrZ7O/5zzGeQwVdu52ssNpAMLCtDPwd5rBCfdTwtZRiG4z+u5D9R+m2pUsgbhP85FASJmFAjH"
    "l657oik6K0JudZET7XT3Hm9rYFzFTuOkzEiXHpi3EI0s0DdW3pavVhLSdesfhgEok+brU5sJuXEWm6C9VXPlUIG2TcFOLj4YZNv8Ty021xtnuuFS"
    "Tk4BEg=="
)
KEY = {"kty": "RSA", "kid": "first", "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB"}
HEADERS = {SIGNATURE: GOOD, KEY_ID: "first", TIME: "2026-11-23T10:00:00Z"}
GENUINE = Delivery(connection="shipstation", headers=HEADERS, body=HELLO, received_at=NOW)


def document(*keys: dict[str, object]) -> str:
    return json.dumps({"keys": list(keys)})


def with_headers(**headers: str) -> Delivery:
    names = {"signature": SIGNATURE, "key_id": KEY_ID, "time": TIME}
    return replace(GENUINE, headers=HEADERS | {names[name]: value for name, value in headers.items()})


def verify(delivery: Delivery, *secrets: str) -> int:
    return SCHEME.verify(delivery, secrets or (document(KEY),), header=SIGNATURE)


def text_of(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def public_of(key: RSAPrivateKey, name: str) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": name, "n": text_of(numbers.n), "e": text_of(numbers.e)}


def signed(key: RSAPrivateKey, name: str, hash_: SHA256 | SHA1 | None = None) -> Delivery:
    message = b"2026-11-23T10:00:00Z." + HELLO
    signature = base64.b64encode(key.sign(message, PKCS1v15(), hash_ or SHA256())).decode()
    return with_headers(signature=signature, key_id=name)


@pytest.fixture(scope="module")
def second() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def test_what_openssl_signed_verifies():
    assert verify(GENUINE) == 0
    assert verify(GENUINE, "a-token", document({**KEY, "kid": "other"}), document(KEY)) == 2


@pytest.mark.parametrize("minutes", [-4.9, 4.9])
def test_the_signed_time_may_be_five_minutes_off(minutes):
    assert verify(replace(GENUINE, received_at=NOW + timedelta(minutes=minutes))) == 0


@pytest.mark.parametrize("minutes", [-5.1, 5.1])
def test_a_stale_time_is_refused(minutes):
    with pytest.raises(BadSignature, match=r"old|future") as raised:
        verify(replace(GENUINE, received_at=NOW + timedelta(minutes=minutes)))
    assert raised.value.cause == "stale_timestamp"


@pytest.mark.parametrize(
    "delivery",
    [
        replace(GENUINE, body=HELLO + b"\n"),
        replace(GENUINE, body=b""),
        with_headers(time="2026-11-23T10:00:01Z"),
        with_headers(time=""),
        with_headers(time="\ud800"),
        with_headers(signature=GOOD[:-8] + "AAAABg=="),
        with_headers(signature=GOOD.rstrip("=")),
        with_headers(signature=GOOD.replace("+", "-")),
        with_headers(signature=f" {GOOD}"),
        with_headers(signature=""),
        with_headers(signature="A" * 100_000),
        with_headers(signature="ä" * 64),
        with_headers(signature="\ud800"),
        with_headers(signature="AAAA"),
        with_headers(key_id=""),
        with_headers(key_id="second"),
        with_headers(key_id="x" * 100_000),
    ],
)
def test_anything_else_is_refused(delivery):
    with pytest.raises(BadSignature) as raised:
        verify(delivery)
    assert 0 < len(str(raised.value)) < 200


def test_another_key_under_the_same_name_is_refused(second):
    with pytest.raises(BadSignature, match="does not match") as raised:
        verify(signed(second, "first"))
    assert not isinstance(raised.value, UnknownKey)


def test_another_hash_is_refused(second):
    with pytest.raises(BadSignature):
        verify(signed(second, "second", SHA1()), document(public_of(second, "second")))  # noqa: S303 (to be refused)


@pytest.mark.parametrize("secrets", [("a-token",), ("",), ("https://api.shipengine.com/jwks",), (document(),)])
def test_a_key_that_is_not_at_hand_is_asked_for(secrets):
    with pytest.raises(UnknownKey):
        verify(GENUINE, *secrets)


def test_a_secret_never_serves_as_a_key_and_a_key_never_as_a_secret():
    assert takes_addresses(discover()["shipstation"].scheme)
    assert not takes_addresses(Token())
    assert not takes_addresses(discover()["shippo"].scheme)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"keys"',
        '{"keys": null}',
        '{"keys": {"first": 1}}',
        '{"keys": [null, 1, "x", []]}',
        '{"keys": ' + "[" * 100_000,
        document({**KEY, "alg": "none"}),
        document({**KEY, "alg": "HS256"}),
        document({**KEY, "alg": None}),
        document({"kty": "oct", "kid": "first", "k": MODULUS, "alg": "RS256"}),
        document({"kty": "EC", "kid": "first", "crv": "P-256", "x": "AQAB", "y": "AQAB"}),
        document({**KEY, "use": "enc"}),
        document({**KEY, "kid": None}),
        document({**KEY, "kid": ["first"]}),
        document({**KEY, "n": None}),
        document({**KEY, "n": "AQAB"}),
        document({**KEY, "n": MODULUS[:170]}),
        document({**KEY, "n": "_" * 100_000}),
        document({**KEY, "n": "ä" * 342}),
        document({**KEY, "e": "AQ"}),
        document({**KEY, "e": "AA"}),
        document({**KEY, "e": "AQAA"}),
        document({**KEY, "e": MODULUS}),
        document(*[{**KEY, "kid": f"k{number}"} for number in range(20)], KEY),
    ],
)
def test_a_document_without_a_good_key_has_no_key(hostile):
    assert read_keys(hostile).get("first") is None
    with pytest.raises(BadSignature):
        verify(GENUINE, hostile)


def test_a_weak_key_is_none():
    weak = generate_private_key(65537, 1024)  # noqa: S505 (to be refused)
    with pytest.raises(UnknownKey):
        verify(signed(weak, "weak"), document(public_of(weak, "weak")))


def test_keys_of_other_kinds_do_not_hide_the_good_one():
    others = ({"kty": "EC", "kid": "first"}, {"kty": "oct", "kid": "first", "k": "AQAB"})
    assert verify(GENUINE, document(*others, KEY)) == 0


@pytest.mark.parametrize(
    "secret",
    [
        "https://api.shipengine.com/jwks",
        "https://api.shipengine.com/.well-known/jwks.json",
        "http://127.0.0.1:8025/jwks",
        "http://localhost/jwks",
        "http://[::1]:1/jwks",
    ],
)
def test_an_address_with_a_path_is_one_of_keys(secret):
    assert is_key_address(secret)
    assert is_public(secret)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_abc", "https://", "https://api.shipengine.com", "https://api.shipengine.com/", "http://example.com/jwks",
     "ftp://example.com/jwks", "https://[::1", "api.shipengine.com/jwks", "s3cret/with/slashes="],
)  # fmt: skip
def test_other_secrets_are_none_of_keys(secret):
    assert not is_key_address(secret)
    assert not is_public(secret)


class Publisher:
    """A platform that publishes what it is told to, as long as it answers."""

    def __init__(self) -> None:
        self.body, self.status, self.wait, self.headers, self.asked = document(KEY).encode(), 200, 0.0, {}, 0
        self.drips = False
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked += 1
                time.sleep(publisher.wait)
                with contextlib.suppress(ConnectionError):
                    self.send_response(publisher.status)
                    for name, value in publisher.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for byte in publisher.body if publisher.drips else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.05)
                    self.wfile.write(publisher.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock()


def route(publisher: Publisher, clock: Clock, *others: str) -> Route:
    secrets = (*others, publisher.url)
    made = Route(
        connection=Connection(name="shipstation", source="shipstation", secrets=secrets),
        source=discover()["shipstation"],
        account=Account(name="attentive"),
        allowed_regions=frozenset({"US"}),
        is_live=False,
        sending="on",
    )
    made.__dict__["_key_sets"] = KeySets(secrets, clock=clock)
    return made


def test_keys_are_fetched_at_first_need_and_then_kept_for_an_hour(publisher, clock):
    shipstation = route(publisher, clock, "a-token")
    token = replace(GENUINE, headers={"x-bridge-token": "a-token"})
    assert shipstation.verify(token) == 0
    assert publisher.asked == 0
    for _ in range(3):
        assert shipstation.verify(GENUINE) == 1
    clock.now += 3599
    shipstation.verify(GENUINE)
    assert publisher.asked == 1
    clock.now += 2
    shipstation.verify(GENUINE)
    assert publisher.asked == 2


def test_a_new_key_is_fetched_and_an_unknown_one_at_most_once_a_minute(publisher, clock, second):
    shipstation = route(publisher, clock)
    shipstation.verify(GENUINE)
    for _ in range(5):
        with pytest.raises(UnknownKey):
            shipstation.verify(signed(second, "second"))
    assert publisher.asked == 1
    publisher.body = document(KEY, public_of(second, "second")).encode()
    clock.now += 61
    assert shipstation.verify(signed(second, "second")) == 0
    assert shipstation.verify(GENUINE) == 0
    assert publisher.asked == 2


def test_a_key_that_is_withdrawn_proves_nothing_an_hour_later(publisher, clock, second):
    shipstation = route(publisher, clock)
    shipstation.verify(GENUINE)
    publisher.body = document(public_of(second, "second")).encode()
    clock.now += 3601
    with pytest.raises(UnknownKey):
        shipstation.verify(GENUINE)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, b"{}", {}),
        (404, b"{}", {}),
        (302, b"", {"Location": "/elsewhere"}),
        (200, b'{"keys": [' + b" " * 100_000 + b"]}", {}),
        (200, b"<html>maintenance</html>", {}),
        (200, b"[]", {}),
        (200, b"{}", {}),
        (200, b'{"keys": []}', {}),
        (200, b"", {}),
        (200, b"\xff\xfe", {}),
        (200, b"x", {"Content-Encoding": "gzip"}),
        (200, b"{}", {"Content-Length": "1000"}),
    ],
)
def test_old_keys_stay_when_there_is_nothing_better(publisher, clock, status, body, headers):
    shipstation = route(publisher, clock)
    shipstation.verify(GENUINE)
    publisher.status, publisher.body, publisher.headers = status, body, headers
    clock.now += 3601
    for _ in range(3):
        assert shipstation.verify(GENUINE) == 0
    assert publisher.asked == 2
    with pytest.raises(OSError, match=r"answered|too large|no keys|no text|decode|broken|Incomplete"):
        fetch_document(publisher.url)


def test_without_keys_nothing_is_let_in_and_the_platform_is_left_alone(publisher, clock):
    publisher.status = 503
    shipstation = route(publisher, clock)
    for _ in range(3):
        with pytest.raises(UnknownKey, match="not at hand"):
            shipstation.verify(GENUINE)
    assert publisher.asked == 1
    publisher.status = 200
    clock.now += 61
    assert shipstation.verify(GENUINE) == 0


def test_nobody_there_is_no_other_error(publisher, clock):
    shipstation = route(publisher, clock)
    publisher.server.server_close()
    publisher.server.shutdown()
    with pytest.raises(UnknownKey):
        shipstation.verify(GENUINE)


def test_who_has_keys_does_not_wait_for_who_fetches(publisher, clock, second):
    shipstation = route(publisher, clock)
    shipstation.verify(GENUINE)
    clock.now += 3601
    publisher.wait = 1.0

    def ask() -> None:
        with pytest.raises(UnknownKey):
            shipstation.verify(signed(second, "second"))

    stranger = threading.Thread(target=ask)
    stranger.start()
    began = time.monotonic()
    while publisher.asked < 2:
        time.sleep(0.01)
    assert shipstation.verify(GENUINE) == 0
    assert time.monotonic() - began < 0.9
    stranger.join()


def test_all_who_need_the_first_keys_get_them_of_one_request(publisher, clock):
    shipstation = route(publisher, clock)
    publisher.wait = 0.2
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(shipstation.verify(GENUINE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0, 0, 0, 0]
    assert publisher.asked == 1


def test_strangers_cannot_have_all_threads_wait_for_keys_that_do_not_come(publisher, clock):
    shipstation = route(publisher, clock)
    publisher.wait, publisher.status = 1.0, 503
    took: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        with pytest.raises(UnknownKey):
            shipstation.verify(GENUINE)
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publisher.asked == 1
    assert sum(seconds > 0.5 for seconds in took) <= 1 + key_sets._MOST_WAITING


def test_a_document_that_comes_in_drips_is_given_up(publisher, monkeypatch):
    monkeypatch.setattr(key_sets, "_WHOLE_SECONDS", 0.3)
    publisher.drips = True
    began = time.monotonic()
    with pytest.raises(OSError, match="too slow"):
        fetch_document(publisher.url)
    assert time.monotonic() - began < 1.5


def test_a_connection_of_another_source_uses_an_address_as_it_stands(publisher, clock):
    shopify = replace(route(publisher, clock), source=discover()["shopify"])
    assert shopify.secrets == (publisher.url,)
    assert publisher.asked == 0


def test_the_web_application_lets_in_what_the_published_keys_prove(publisher, tmp_path, monkeypatch, second):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'bridge.db'}")
    monkeypatch.setenv("SHIPSTATION_SECRETS", f"a-token,{publisher.url}")
    database = Database(f"sqlite:///{tmp_path / 'bridge.db'}")
    schema.upgrade(database)
    client = create_app(Settings.from_env(discover()), database).test_client()
    publisher.body = document(public_of(second, "second")).encode()
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = base64.b64encode(second.sign(f"{stamp}.".encode() + HELLO, PKCS1v15(), SHA256())).decode()
    headers = {SIGNATURE: signature, KEY_ID: "second", TIME: stamp, "Content-Type": "application/json"}

    assert client.post("/hooks/shipstation", data=HELLO, headers=headers).get_json() == {"status": "stored"}
    assert client.post("/hooks/shipstation", data=HELLO, headers=headers).get_json() == {"status": "known"}
    assert client.post("/hooks/shipstation", data=HELLO + b" ", headers=headers).status_code == 401
    assert client.post("/hooks/shipstation", data=HELLO, headers={"X-Bridge-Token": publisher.url}).status_code == 401
    database.dispose()
