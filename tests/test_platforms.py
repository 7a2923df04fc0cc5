"""Look-ups against a real HTTP server on this machine."""

import base64
import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from bridge.errors import LookupFailed, LookupRefused, Misconfigured, PersonUnknown
from bridge.events import Lookup
from bridge.platforms import base_url, discover
from bridge.platforms.client import PlatformClient, Timeouts
from bridge.platforms.pauses import read_retry_after
from bridge.sources import discover as discover_sources

ASKED = {
    "zendesk": "user",
    "kustomer": "customer",
    "shopify": "order",
    "bigcommerce": "shipments",
    "square": "order",
    "gladly": "customer",
    "helpscout": "customer",
    "hubspot": "ticket",
    "shipstation": "batch",
    "front": "contact",
    "gorgias": "customer",
    "intercom": "contact",
}


@dataclass
class Answer:
    status: int = 200
    body: bytes = b'{"user": {"id": 5, "rate": 1.10}}'
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    hang_up: bool = False
    drips: bool = False


class Api:
    """A platform's API that gives the answers it was told to, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.forms: list[dict[str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = api.answers.pop(0) if len(api.answers) > 1 else api.answers[0]
                time.sleep(answer.wait)
                if answer.hang_up:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a client that had enough
                    for byte in answer.body if answer.drips else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.05)
                    self.wfile.write(b"" if answer.drips else answer.body)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                api.forms.append(dict(parse_qsl(form)))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.server.shutdown()
    api.server.server_close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(api: Api, clock: Clock) -> Iterator[PlatformClient]:
    client = make_client(api, clock=clock)
    yield client
    client.close()


def make_client(
    api: Api,
    name: str = "zendesk",
    clock: Callable[[], float] = time.monotonic,
    read: float = 5.0,
    whole: float = 30.0,
) -> PlatformClient:
    credentials = {"URL": api.url, "EMAIL": "ben@example.com", "API_TOKEN": "t0k/en"}
    timeouts = Timeouts(connect=1, read=read, whole=whole)
    return PlatformClient(discover()[name], credentials, clock=clock, timeouts=timeouts)


USER = Lookup(what="user", id="39284710265531")


def test_every_platform_is_a_source_that_absorbs_its_answers_or_asks_first():
    asked = {name for name, platform in discover().items() if platform.paths}
    assert asked == set(ASKED)
    # Freshdesk's webhooks bring all that is to be known; things are only put there.
    assert set(discover()) - asked == {"freshdesk"}
    for name in asked:
        assert discover_sources()[name].absorb or discover_sources()[name].ask


@pytest.mark.parametrize(
    ("name", "path", "header", "value"),
    [
        (
            "zendesk",
            "/api/v2/users/123.json",
            "authorization",
            "Basic " + base64.b64encode(b"ben@example.com/token:t0k/en").decode(),
        ),
        ("kustomer", "/v1/customers/123", "authorization", "Bearer t0k/en"),
        ("front", "/contacts/123", "authorization", "Bearer t0k/en"),
        (
            "gorgias",
            "/api/customers/123",
            "authorization",
            "Basic " + base64.b64encode(b"ben@example.com:t0k/en").decode(),
        ),
        ("intercom", "/contacts/123", "authorization", "Bearer t0k/en"),
        ("intercom", "/contacts/123", "intercom-version", "2.11"),
        ("shopify", "/admin/api/2026-07/orders/123.json", "x-shopify-access-token", "t0k/en"),
        ("bigcommerce", "/v2/orders/123/shipments", "x-auth-token", "t0k/en"),
        ("square", "/v2/orders/123", "authorization", "Bearer t0k/en"),
        ("square", "/v2/orders/123", "square-version", "2026-09-16"),
        (
            "gladly",
            "/api/v1/customer-profiles/123",
            "authorization",
            "Basic " + base64.b64encode(b"ben@example.com:t0k/en").decode(),
        ),
        (
            "hubspot",
            "/crm/v3/objects/tickets/123?properties=subject,content,hs_pipeline_stage&associations=contacts",
            "authorization",
            "Bearer t0k/en",
        ),
    ],
)
def test_each_platform_is_asked_at_its_own_address_with_its_own_credentials(api, name, path, header, value):
    client = make_client(api, name)
    client.fetch(Lookup(what=ASKED[name], id="123"))
    client.close()
    asked, headers = api.requests[0]
    assert asked == path
    assert headers[header] == value
    assert headers["accept"] == "application/json"


def test_an_answer_is_the_json_with_the_platforms_own_digits(api, client):
    assert str(client.fetch(USER)["user"]["rate"]) == "1.10"


def test_an_answer_is_remembered_for_a_minute(api, client, clock):
    client.fetch(USER)
    clock.now += 59
    client.fetch(USER)
    assert len(api.requests) == 1
    clock.now += 2
    client.fetch(USER)
    assert len(api.requests) == 2


def test_a_webhook_that_needs_a_newer_answer_gets_one(api, client):
    for told_by in (None, "first", "second", "second"):
        client.fetch(Lookup(what="user", id="39284710265531", told_by=told_by))
    assert len(api.requests) == 3


def test_no_more_than_a_thousand_answers_are_remembered(api, client):
    for number in range(1001):
        client._remember(Lookup(what="user", id=str(number)), {})
    assert len(client._answers) == 1000
    assert client._recall(Lookup(what="user", id="0")) is None
    assert client._recall(Lookup(what="user", id="1000")) == {}


def test_unknown_people_are_unknown_and_asked_for_again(api, client):
    api.answers = [Answer(status=404, body=b"{}")]
    for _ in range(2):
        with pytest.raises(PersonUnknown, match="knows no user 39284710265531"):
            client.fetch(USER)
    assert len(api.requests) == 2


@pytest.mark.parametrize("lookup_id", ["", "../admin", "1/2", "1?x=1", "1%2F2", "ü", "1\n", "9" * 101])
def test_an_id_that_is_none_is_never_asked_for(api, client, lookup_id):
    with pytest.raises(PersonUnknown):
        client.fetch(Lookup(what="user", id=lookup_id))
    assert api.requests == []


def test_what_the_platform_cannot_be_asked_for_is_unknown(api, client):
    with pytest.raises(PersonUnknown):
        client.fetch(Lookup(what="order", id="1"))
    assert api.requests == []


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_pause_all_look_ups_for_a_minute(api, client, clock, status):
    api.answers = [Answer(status=status), Answer()]
    with pytest.raises(LookupRefused, match=r"refused the API credentials .*URL, EMAIL, API_TOKEN"):
        client.fetch(USER)
    clock.now += 59
    with pytest.raises(LookupRefused):
        client.fetch(Lookup(what="user", id="7"))
    assert len(api.requests) == 1
    clock.now += 2
    assert client.fetch(USER)["user"]
    assert len(api.requests) == 2


def test_too_many_requests_wait_as_long_as_the_platform_says(api, client, clock):
    api.answers = [Answer(status=429, headers={"Retry-After": "30"}), Answer()]
    for _ in range(2):
        with pytest.raises(LookupFailed, match="wait 30 s") as raised:
            client.fetch(USER)
        assert not isinstance(raised.value, LookupRefused)
    assert len(api.requests) == 1
    clock.now += 31
    assert client.fetch(USER)["user"]


def test_an_error_of_the_platform_is_tried_once_more(api, client):
    api.answers = [Answer(status=500), Answer()]
    assert client.fetch(USER)["user"]
    assert len(api.requests) == 2


def test_a_broken_connection_is_tried_once_more(api, client):
    api.answers = [Answer(hang_up=True), Answer()]
    assert client.fetch(USER)["user"]


def test_an_outage_is_left_for_later(api, client):
    api.answers = [Answer(status=503)]
    with pytest.raises(LookupFailed, match="answered 503"):
        client.fetch(USER)
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [400, 422])
def test_a_record_that_the_platform_refuses_to_tell_of_is_not_asked_for_until_it_is_too_late(api, client, status):
    api.answers = [Answer(status=status)]
    with pytest.raises(PersonUnknown, match=rf"refuses to tell of user 39284710265531 \({status}\)"):
        client.fetch(USER)
    assert len(api.requests) == 1


def test_nobody_there_is_left_for_later(api, clock):
    client = make_client(api, clock=clock)
    api.server.shutdown()
    api.server.server_close()
    with pytest.raises(LookupFailed, match="did not answer"):
        client.fetch(USER)
    client.close()


def test_a_platform_that_says_nothing_does_not_hold_a_worker(api):
    client = make_client(api, read=0.2)
    api.answers = [Answer(wait=1.0)]
    began = time.monotonic()
    with pytest.raises(LookupFailed, match="did not answer"):
        client.fetch(USER)
    assert time.monotonic() - began < 0.9
    client.close()


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_platform_whose_answer_comes_in_drips_does_not_hold_a_worker(api, headers):
    client = make_client(api, whole=0.3)
    body = b" " * 100
    # Stored and not compressed: as many bytes as there are.
    api.answers = [Answer(body=gzip.compress(body, 0) if headers else body, headers=headers, drips=True)]
    began = time.monotonic()
    with pytest.raises(LookupFailed, match="did not answer"):
        client.fetch(USER)
    assert time.monotonic() - began < 1.5
    client.close()


def test_a_redirect_is_not_followed(api, client):
    api.answers = [Answer(status=302, headers={"Location": f"{api.url}/elsewhere"})]
    with pytest.raises(LookupFailed, match="answered 302"):
        client.fetch(USER)
    assert [path for path, _ in api.requests] == ["/api/v2/users/39284710265531.json"]


@pytest.mark.parametrize(
    "body", [b"<html>maintenance</html>", b'"text"', b"", b"[" * 100_000, b'{"a": 1e99999999999999999999}', b"\xff"]
)
def test_an_answer_that_is_no_json_object_is_left_for_later(api, client, body):
    api.answers = [Answer(body=body)]
    with pytest.raises(LookupFailed):
        client.fetch(USER)


def test_an_answer_is_not_read_without_end_even_if_it_travels_small(api, client):
    bomb = gzip.compress(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    api.answers = [Answer(body=bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(LookupFailed):
        client.fetch(USER)


def test_threads_have_sessions_of_their_own(api, client):
    def ask(number: int) -> None:
        client.fetch(Lookup(what="user", id=str(number)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client._sessions) == 4


def test_a_proxy_or_netrc_of_the_environment_changes_nothing(api, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = make_client(api, "kustomer")
    client.fetch(Lookup(what="customer", id="1"))
    client.close()
    assert api.requests[0][1]["authorization"] == "Bearer t0k/en"


TOKEN = Answer(body=b'{"token_type": "bearer", "access_token": "first", "expires_in": 172800}')
OTHER_TOKEN = Answer(body=b'{"token_type": "bearer", "access_token": "second", "expires_in": 172800}')
PERSON = Answer(body=b'{"id": 5}')


@pytest.fixture
def granted(api: Api, clock: Clock) -> Iterator[PlatformClient]:
    """A client of a platform that gives tokens to an app's id and secret."""
    client = PlatformClient(discover()["helpscout"], {"URL": api.url, "API_TOKEN": "app:s3cret:x"}, clock=clock)
    yield client
    client.close()


def ask(client: PlatformClient, number: int = 123) -> object:
    return client.fetch(Lookup(what="customer", id=str(number)))["id"]


def seen(api: Api) -> list[tuple[str, str | None]]:
    return [(path, headers.get("authorization")) for path, headers in api.requests]


def test_an_apps_id_and_secret_buy_a_token_that_is_used_until_it_ends(api, granted, clock):
    api.answers = [TOKEN, PERSON]
    assert [ask(granted, number) for number in (1, 2)] == [5, 5]
    assert api.forms == [{"grant_type": "client_credentials", "client_id": "app", "client_secret": "s3cret:x"}]
    assert seen(api) == [
        ("/v2/oauth2/token", None),
        ("/v2/customers/1", "Bearer first"),
        ("/v2/customers/2", "Bearer first"),
    ]
    clock.now += 172800
    api.answers = [OTHER_TOKEN, PERSON]
    assert ask(granted) == 5
    assert seen(api)[3:] == [("/v2/oauth2/token", None), ("/v2/customers/123", "Bearer second")]


def test_a_token_that_ended_early_is_replaced_at_once(api, granted):
    api.answers = [TOKEN, Answer(status=401), OTHER_TOKEN, PERSON]
    assert ask(granted) == 5
    assert [authorization for _, authorization in seen(api)] == [None, "Bearer first", None, "Bearer second"]


def test_a_new_token_that_is_refused_too_pauses_look_ups(api, granted):
    api.answers = [TOKEN, Answer(status=401), OTHER_TOKEN, Answer(status=401)]
    for _ in range(2):
        with pytest.raises(LookupRefused, match="API_TOKEN"):
            ask(granted)
    assert len(api.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_id_and_secret_that_are_wrong_pause_look_ups(api, granted, status):
    api.answers = [Answer(status=status, body=b'{"error": "invalid_client"}')]
    for _ in range(2):
        with pytest.raises(LookupRefused, match="API_TOKEN"):
            ask(granted)
    assert len(api.requests) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"access_token": ""}', b'{"access_token": 5}', b'{"access_token": "a\\nb"}'])
def test_an_answer_without_a_token_is_left_for_later(api, granted, body):
    api.answers = [Answer(body=body)]
    with pytest.raises(LookupFailed, match="no access token"):
        ask(granted)


def test_a_token_where_id_and_secret_belong_is_a_setting_to_mend():
    with pytest.raises(Misconfigured, match="id:secret"):
        PlatformClient(discover()["helpscout"], {"API_TOKEN": "only-one"})


@pytest.mark.parametrize(
    ("name", "headers", "seconds"),
    [
        ("helpscout", {"X-RateLimit-Remaining-Minute": "0", "X-RateLimit-Retry-After": "30"}, 30),
        ("helpscout", {"X-RateLimit-Remaining-Minute": "0"}, 10),
        ("helpscout", {"X-RateLimit-Remaining-Minute": "1", "X-RateLimit-Retry-After": "30"}, 0),
        ("hubspot", {"X-HubSpot-RateLimit-Remaining": "0", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 10),
        ("hubspot", {"X-HubSpot-RateLimit-Remaining": "5", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 0),
        # A moment long past: the shortest rest.
        ("front", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1764091601"}, 1),
        ("front", {"X-RateLimit-Remaining": "49", "X-RateLimit-Reset": "1764091601"}, 0),
    ],
)
def test_the_last_request_that_is_allowed_is_followed_by_a_rest(api, clock, name, headers, seconds):
    api.answers = [TOKEN] * (name == "helpscout") + [Answer(headers=headers), Answer()]
    client = PlatformClient(discover()[name], {"URL": api.url, "API_TOKEN": "app:secret"}, clock=clock)
    client.fetch(Lookup(what=ASKED[name], id="1"))
    if seconds:
        clock.now += seconds - 1
        with pytest.raises(LookupFailed, match="no more requests"):
            client.fetch(Lookup(what=ASKED[name], id="2"))
        clock.now += 2
    assert client.fetch(Lookup(what=ASKED[name], id="2"))
    client.close()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("helpscout", "https://api.helpscout.net"),
        ("hubspot", "https://api.hubapi.com"),
        ("intercom", "https://api.intercom.io"),
        ("front", "https://api2.frontapp.com"),
    ],
)
def test_a_platform_with_one_address_for_all_needs_no_url(name, url):
    assert PlatformClient(discover()[name], {"API_TOKEN": "app:secret"})._url == url


def test_missing_credentials_are_all_named():
    with pytest.raises(Misconfigured) as raised:
        PlatformClient(discover()["zendesk"], {"URL": "https://example.zendesk.com"})
    assert [problem.rsplit(" ", 1)[1] for problem in raised.value.problems] == ["EMAIL", "API_TOKEN"]


def test_a_token_with_a_line_break_is_a_setting_to_mend():
    with pytest.raises(Misconfigured, match="API_TOKEN"):
        PlatformClient(discover()["kustomer"], {"URL": "https://example.com", "API_TOKEN": "a\nb"})


def test_an_address_without_encryption_is_a_setting_to_mend():
    with pytest.raises(Misconfigured, match="https://"):
        PlatformClient(discover()["kustomer"], {"URL": "http://example.com", "API_TOKEN": "a"})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.zendesk.com", "https://example.zendesk.com"),
        (" https://example.zendesk.com/ ", "https://example.zendesk.com"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8025", "http://[::1]:8025"),
    ],
)
def test_addresses_that_credentials_may_travel_to(text, url):
    assert base_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.zendesk.com",
        "http://example.zendesk.com",
        "http://127.0.0.1.example.com",
        "ftp://example.com",
        "https://",
        "https://user:secret@example.com",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://example.com:port",
        "https://[::1",
    ],
)
def test_addresses_that_credentials_may_not_travel_to(text):
    with pytest.raises(ValueError, match=r"must|is not"):
        base_url(text)


NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("1.5", 1.5),
        ("86400", 600),
        (format_datetime(NOW + timedelta(seconds=45), usegmt=True), 45),
        (format_datetime(NOW - timedelta(seconds=45), usegmt=True), 1),
        (None, 10),
        ("", 10),
        ("soon", 10),
        ("-5", 10),
        ("²", 10),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(text, seconds):
    assert read_retry_after(text, now=NOW) == seconds


def test_a_list_is_given_under_items_and_no_content_is_nothing(api, client):
    api.answers = [Answer(body=b'[{"id": 1}, {"id": 2}]'), Answer(status=204, body=b"")]
    assert client.fetch(Lookup(what="user", id="1")) == {"items": [{"id": 1}, {"id": 2}]}
    assert client.fetch(Lookup(what="user", id="2")) == {}
