"""One POST to Attentive, against real servers on this machine that answer in every way a server can."""

import contextlib
import gzip
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.attentive.apis import TextApi
from bridge.attentive.client import Client
from bridge.attentive.message_names import MessageNames
from bridge.messages import Attempt, Message, Outcome

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
#: A key with its own signature, for 127.0.0.1 only.
CERTIFICATE = Path(__file__).parent / "loopback.pem"

MESSAGE = Message(
    id=1,
    delivery_id=1,
    template="order_shipped",
    account="attentive",
    to="+12125550123",
    body="On its way.",
    link=None,
    media_url=None,
    attempts=1,
    denials=0,
    expires_at=NOW,
    if_unknown="hold",
    unknown_since=None,
    first_denied_at=None,
)
TOKEN = "1a2b3c4d5"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Script = Callable[["Exchange"], None]


class Exchange:
    """One connection to a server, as its script sees it."""

    def __init__(self, connection: socket.socket, server: "Server") -> None:
        self.connection = connection
        self.is_closing = server.is_closing
        self.server = server

    def read(self) -> bytes:
        """One whole request; noted by the server. Empty when the client has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (more := self.connection.recv(65536)):
                return b""
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(dict(headers_of(head))["content-length"])
        while len(body) < length:
            body += self.connection.recv(65536)
        self.server.requests.append((head, body))
        return body

    def answer(self, *parts: bytes) -> None:
        self.connection.sendall(b"".join(parts))

    def drip(self, answer: bytes, *, every: float = 0.05) -> None:
        """A byte at a time, until the client has had enough."""
        for byte in answer:
            self.connection.sendall(bytes([byte]))
            if self.server.is_closing.wait(every):
                return

    def say_nothing(self) -> None:
        self.server.is_closing.wait(10)


class Server:
    """Accepts connections and plays `script` on each, in a thread of its own."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script, self._tls = script, tls
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.is_closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._play, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _play(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        # The client may leave whenever it has had enough.
        with contextlib.suppress(OSError), connection:
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self.script(Exchange(secured, self))
            else:
                self.script(Exchange(connection, self))

    def close(self) -> None:
        self.is_closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers; each is ended with the test."""
    servers: list[Server] = []

    def start(script: Script, *, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def keep_answering(*parts: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        while exchange.read():
            exchange.answer(*parts)

    return script


def answer_once(*parts: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(*parts)

    return script


def headers_of(head: bytes) -> list[tuple[str, str]]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def status(code: int, *headers: str, body: bytes = b'{"message": "No."}') -> bytes:
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def client_of(server: Server | int, *, scheme: str = "http", connect: float = 2.0, read: float = 5.0) -> Client:
    port = server if isinstance(server, int) else server.port
    return Client(f"{scheme}://127.0.0.1:{port}", connect_timeout=connect, read_timeout=read)


def text_client_of(server: Server, *, short_links: bool = False) -> Client:
    api = TextApi(short_links=short_links, names=MessageNames(lambda: ["order_shipped"]))
    return Client(f"http://127.0.0.1:{server.port}", connect_timeout=2.0, read_timeout=5.0, api=api)


def send(client: Client, message: Message = MESSAGE, token: str = TOKEN) -> Attempt:
    return client.send(message, token, lambda: NOW)


# --- what is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {}),
        ({"link": "client.attn.tv"}, {"link": "client.attn.tv"}),
        ({"media_url": "https://example.com/a.png"}, {"mediaUrl": "https://example.com/a.png"}),
        ({"link": "", "media_url": ""}, {}),
    ],
)
def test_the_request_is_the_one_of_attentives_page(
    serve: Callable[..., Server], changes: dict[str, str], more: dict[str, str]
) -> None:
    server = serve(keep_answering(OK))
    attempt = send(client_of(server), replace(MESSAGE, **changes))  # type: ignore[arg-type]
    ((head, body),) = server.requests
    headers = dict(headers_of(head))
    assert head.startswith(b"POST /1/messages HTTP/1.1\r\n")
    assert json.loads(body) == {"to": "+12125550123", "body": "On its way.", "type": "TRANSACTIONAL", **more}
    assert (headers["authorization"], headers["content-type"]) == ("Bearer 1a2b3c4d5", "application/json")
    assert (attempt.outcome, attempt.status, attempt.started_at) == (Outcome.SENT, 200, NOW)


@pytest.mark.parametrize(
    "body", ['"quoted" \\ \n\r\t', "caf\xe9 🎉 \u2028", "half \ud83d", "NUL \x00", "x" * 100_000, "</script>"],
    ids=["quotes", "emoji", "half", "NUL", "long", "html"],
)  # fmt: skip
def test_any_text_arrives_as_it_is(serve: Callable[..., Server], body: str) -> None:
    server = serve(keep_answering(OK))
    assert send(client_of(server), replace(MESSAGE, body=body)).outcome is Outcome.SENT
    assert json.loads(server.requests[0][1])["body"] == body


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "a\r\n\tb", "\x00", "a\x7f"])
def test_a_token_that_no_header_can_hold_is_not_sent(serve: Callable[..., Server], token: str) -> None:
    server = serve(keep_answering(OK))
    attempt = send(client_of(server), token=token)
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "the token holds a character that no header can")
    assert server.requests == []


def test_each_token_is_sent_with_its_own_messages(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(OK))
    client = client_of(server)
    for token in ("a", "b\xf6", "a"):
        send(client, token=token)
    sent = [dict(headers_of(head))["authorization"] for head, _ in server.requests]
    assert sent == ["Bearer a", "Bearer b\xf6".encode().decode("latin-1"), "Bearer a"]


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://127.0.0.1:{port}", "/1/messages", "127.0.0.1:{port}"),
        ("http://localhost:{port}/a/b%20c", "/a/b%20c/1/messages", "localhost:{port}"),
        ("http://127.0.0.1:{port}/a b", "/a%20b/1/messages", "127.0.0.1:{port}"),
        ("http://someone:secret@127.0.0.1:{port}", "/1/messages", "127.0.0.1:{port}"),
    ],
)
def test_the_address_may_have_a_path(serve: Callable[..., Server], url: str, target: str, host: str) -> None:
    server = serve(keep_answering(OK))
    client = Client(url.format(port=server.port), connect_timeout=2, read_timeout=5)
    assert send(client).outcome is Outcome.SENT
    ((head, _),) = server.requests
    assert head.startswith(f"POST {target} HTTP/1.1\r\n".encode())
    assert dict(headers_of(head))["host"] == host.format(port=server.port)
    assert dict(headers_of(head))["authorization"] == "Bearer 1a2b3c4d5"


@pytest.mark.parametrize("token", ["t\xf6ken", "“quoted”", "🎉", "a\nb", "a\r\nX-Evil: 1", " a", "", "\x00", "\udc80"])
def test_a_token_that_cannot_be_one_does_no_harm(serve: Callable[..., Server], token: str) -> None:
    server = serve(keep_answering(status(403)))
    attempt = send(client_of(server), token=token)
    assert attempt.outcome in (Outcome.DENIED, Outcome.NOT_SENT)
    assert not any(name == "x-evil" for head, _ in server.requests for name, _ in headers_of(head))


def test_two_sends_of_a_thread_share_a_connection_and_two_threads_do_not(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(OK))
    client = client_of(server)
    for _ in range(3):
        assert send(client).outcome is Outcome.SENT
    assert (server.connections, len(server.requests)) == (1, 3)
    other = threading.Thread(target=send, args=(client,))
    other.start()
    other.join(10)
    assert (server.connections, len(server.requests)) == (2, 4)


@pytest.mark.parametrize("code", [400, 403, 429, 500])
def test_a_connection_outlives_a_refusal(serve: Callable[..., Server], code: int) -> None:
    server = serve(keep_answering(status(code)))
    client = client_of(server)
    send(client)
    send(client)
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(serve: Callable[..., Server]) -> None:
    server = serve(answer_once(OK))
    client = client_of(server)
    for sends in (1, 2, 3):
        assert send(client).outcome is Outcome.SENT
        _wait_for_close(server)
        assert server.connections == sends


@pytest.mark.parametrize(
    "answer",
    [status(200, "Connection: close"), OK.replace(b"1.1", b"1.0"), status(200, body=b"x" * 20_000), status(103)],
    ids=["close", "HTTP/1.0", "more than is read", "not the last word"],
)
def test_a_connection_that_may_hold_something_else_is_not_used_again(
    serve: Callable[..., Server], answer: bytes
) -> None:
    server = serve(keep_answering(answer))
    client = client_of(server)
    send(client)
    send(client)
    assert (server.connections, len(server.requests)) == (2, 2)


def test_a_thread_that_ends_leaves_no_connection_behind(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(OK))
    client = client_of(server)
    sender = threading.Thread(target=send, args=(client,))
    sender.start()
    sender.join(10)
    _wait_for_close(server)
    assert server.connections == 1


def _wait_for_close(server: Server) -> None:
    for thread in server._threads[1:]:
        thread.join(10)


def test_no_proxy_and_no_netrc_of_the_environment_is_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, proxy = serve(keep_answering(OK)), serve(keep_answering(status(407)))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert send(client_of(server)).outcome is Outcome.SENT
    assert proxy.connections == 0
    assert dict(headers_of(server.requests[0][0]))["authorization"] == "Bearer 1a2b3c4d5"


# --- the newer API -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {}),
        # It knows none: the text itself holds every address that a person needs.
        ({"link": "client.attn.tv"}, {}),
        ({"media_url": "https://example.com/a.png"}, {"mediaUrl": "https://example.com/a.png"}),
        ({"link": "", "media_url": ""}, {}),
    ],
)
def test_the_request_is_the_one_of_the_newer_apis_page(
    serve: Callable[..., Server], changes: dict[str, str], more: dict[str, str]
) -> None:
    server = serve(keep_answering(OK))
    attempt = send(text_client_of(server), replace(MESSAGE, **changes))  # type: ignore[arg-type]
    ((head, body),) = server.requests
    headers = dict(headers_of(head))
    assert head.startswith(b"POST /v1/text/send HTTP/1.1\r\n")
    assert json.loads(body) == {
        "to": "+12125550123", "body": "On its way.", "subscriptionType": "TRANSACTIONAL", "useShortLinks": False,
        "messageName": "order_shipped", **more,
    }  # fmt: skip
    assert (headers["authorization"], headers["content-type"]) == ("Bearer 1a2b3c4d5", "application/json")
    assert (attempt.outcome, attempt.status, attempt.started_at) == (Outcome.SENT, 200, NOW)


def test_short_links_are_asked_for_where_they_are_wanted(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(OK))
    send(text_client_of(server, short_links=True))
    assert json.loads(server.requests[0][1])["useShortLinks"] is True


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.SENT), (202, Outcome.SENT), (400, Outcome.REFUSED), (401, Outcome.DENIED),
        (403, Outcome.DENIED), (404, Outcome.DENIED), (408, Outcome.NOT_SENT), (429, Outcome.SLOW_DOWN),
        # After a 500 the text may be on its way, and nothing says that a repeat would be dropped.
        (500, Outcome.UNKNOWN), (502, Outcome.UNKNOWN), (503, Outcome.NOT_SENT), (504, Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_an_answer_of_the_newer_api_means(serve: Callable[..., Server], code: int, outcome: Outcome) -> None:
    attempt = send(text_client_of(serve(keep_answering(status(code)))))
    assert (attempt.outcome, attempt.status, attempt.words) == (outcome, code, "No.")


@pytest.mark.parametrize(
    ("code", "headers", "wait", "words"),
    [
        (429, ["x-ratelimit-limit: 150", "x-ratelimit-remaining: 0"], 1.0, "No. (150 requests a second are allowed)"),
        (429, ["X-RateLimit-Limit: 10", "Retry-After: 7"], 7.0, "No. (10 requests a second are allowed)"),
        (429, ["x-ratelimit-limit: many"], None, "No."),
        (429, ["x-ratelimit-limit: 0"], None, "No."),
        (429, ["x-ratelimit-limit: 99999999999"], None, "No."),
        # They stand in every answer.
        (503, ["x-ratelimit-limit: 150", "x-ratelimit-remaining: 12"], None, "No."),
    ],
)
def test_the_limit_is_one_of_requests_a_second(
    serve: Callable[..., Server], code: int, headers: list[str], wait: float | None, words: str
) -> None:
    attempt = send(text_client_of(serve(keep_answering(status(code, *headers)))))
    assert (attempt.retry_after, attempt.words) == (wait, words)


def _keep_answering_also_what_has_no_body(exchange: Exchange) -> None:
    for asked in itertools.count(1):
        exchange.read()
        if len(exchange.server.requests) < asked:
            return
        exchange.answer(OK)


def test_the_token_is_looked_at_without_sending_anything(serve: Callable[..., Server]) -> None:
    server = serve(_keep_answering_also_what_has_no_body)
    client = text_client_of(server)
    assert client.check(TOKEN, lambda: NOW).status == 200
    assert send(client).status == 200
    assert client.check(TOKEN, lambda: NOW).status == 200
    assert [(head.partition(b" HTTP")[0], bool(body)) for head, body in server.requests] == [
        (b"GET /v1/me", False), (b"POST /v1/text/send", True), (b"GET /v1/me", False)
    ]  # fmt: skip
    assert server.connections == 1
    assert dict(headers_of(server.requests[0][0]))["authorization"] == "Bearer 1a2b3c4d5"


def test_the_legacy_token_is_looked_at_with_a_message_to_nobody(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(status(400)))
    assert client_of(server).check(TOKEN, lambda: NOW).status == 400
    ((head, body),) = server.requests
    assert (head.startswith(b"POST /1/messages HTTP/1.1\r\n"), json.loads(body)) == (True, {})


# --- what comes back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.SENT), (202, Outcome.SENT), (400, Outcome.REFUSED), (401, Outcome.DENIED),
        (403, Outcome.DENIED), (404, Outcome.DENIED), (408, Outcome.NOT_SENT), (429, Outcome.SLOW_DOWN),
        (500, Outcome.NOT_SENT), (502, Outcome.UNKNOWN), (503, Outcome.NOT_SENT), (504, Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_an_answer_is_told_with_its_words(serve: Callable[..., Server], code: int, outcome: Outcome) -> None:
    attempt = send(client_of(serve(keep_answering(status(code)))))
    assert (attempt.outcome, attempt.status, attempt.words) == (outcome, code, "No.")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve: Callable[..., Server], code: int) -> None:
    elsewhere = serve(keep_answering(OK))
    server = serve(keep_answering(status(code, f"Location: http://127.0.0.1:{elsewhere.port}/1/messages")))
    assert send(client_of(server)).outcome is Outcome.DENIED
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("Wed, 25 Nov 2026 18:01:00 GMT", 60.0), ("soon", None), ("", None)],
)
def test_retry_after_is_read(serve: Callable[..., Server], header: str, seconds: float | None) -> None:
    server = serve(keep_answering(status(429, f"Retry-After: {header}")))
    assert send(client_of(server)).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b'{"message": "Invalid\\n phone  number."}', "Invalid phone number."),
        (b'{"error": "x"}', '{"error": "x"}'),
        (b'{"message": {"deep": 1}}', "{'deep': 1}"),
        (b"<html>Bad</html>", "<html>Bad</html>"),
        (b'["a"]', '["a"]'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 1000, "x" * 300),
    ],
)
def test_whatever_is_said_is_kept_short(serve: Callable[..., Server], body: bytes, words: str) -> None:
    attempt = send(client_of(serve(keep_answering(status(400, body=body)))))
    assert (attempt.outcome, attempt.words) == (Outcome.REFUSED, words)


@pytest.mark.parametrize("body", [b"[" * 12_000, b'{"message":' * 1400, b"x" * 1_000_000, b"1" * 10_000])
def test_no_answer_is_too_strange(serve: Callable[..., Server], body: bytes) -> None:
    attempt = send(client_of(serve(answer_once(status(200, body=body)))))
    assert (attempt.outcome, attempt.status) == (Outcome.SENT, 200)
    assert len(attempt.words) <= 300


def test_an_answer_without_length_ends_with_its_connection(serve: Callable[..., Server]) -> None:
    server = serve(answer_once(b"HTTP/1.1 400 X\r\n\r\n", b"The phone number is missing."))
    attempt = send(client_of(server))
    assert (attempt.outcome, attempt.words) == (Outcome.REFUSED, "The phone number is missing.")


def test_a_chunked_answer_is_read_to_its_end(serve: Callable[..., Server]) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"
    server = serve(keep_answering(chunked))
    client = client_of(server)
    assert [send(client).words for _ in range(2)] == ["OK", "OK"]
    assert server.connections == 1


def test_an_answer_that_was_compressed_unasked_is_read(serve: Callable[..., Server]) -> None:
    body = gzip.compress(b'{"message": "No."}')
    server = serve(keep_answering(status(400, "Content-Encoding: gzip", body=body)))
    attempt = send(client_of(server))
    assert (attempt.outcome, attempt.words) == (Outcome.REFUSED, "No.")
    assert dict(headers_of(server.requests[0][0]))["accept-encoding"] == "identity"


def test_an_interim_answer_is_not_taken_for_the_answer(serve: Callable[..., Server]) -> None:
    server = serve(keep_answering(b"HTTP/1.1 100 Continue\r\n\r\n", status(400)))
    client = client_of(server)
    assert [send(client).outcome for _ in range(2)] == [Outcome.REFUSED] * 2


@pytest.mark.parametrize("is_polite", [True, False], ids=["polite", "reset"])
def test_a_refusal_before_the_whole_request_was_read_is_a_refusal(
    serve: Callable[..., Server], is_polite: bool
) -> None:
    def script(exchange: Exchange) -> None:
        exchange.connection.recv(100)
        exchange.answer(status(413, "Connection: close"))
        # To close with so much unread resets the connection.
        while is_polite and exchange.connection.recv(1_000_000):
            pass

    attempt = send(client_of(serve(script)), replace(MESSAGE, body="x" * 20_000_000))
    assert (attempt.outcome, attempt.status) == (Outcome.REFUSED, 413)


# --- certainly not sent ------------------------------------------------------------------------------------------


def test_a_refused_connection_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    attempt = send(client_of(port))
    assert (attempt.outcome, attempt.status, attempt.words) == (
        Outcome.NOT_SENT, None, "the connection failed or was closed",
    )  # fmt: skip


def test_a_connection_that_is_not_made_in_time_is_not_sent() -> None:
    with deaf() as port:
        attempt = send(client_of(port, connect=0.2))
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "no connection in time")


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """The port of a server that answers no connection."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # The queue is full, so that the next one is not answered.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def test_a_name_that_is_not_found_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    client = Client("https://api.attentive.invalid", connect_timeout=1, read_timeout=1)
    assert send(client).outcome is Outcome.NOT_SENT


class LookUps:
    """Answers for one name with `addresses`, once it has been told to."""

    def __init__(self, system: Callable[..., list[Any]]) -> None:
        self._system = system
        self._may_answer = threading.Event()
        self._lock = threading.Lock()
        self.addresses: list[tuple[str, int]] = []
        self.asked = 0

    def answer(self, *addresses: tuple[str, int]) -> None:
        self.addresses = list(addresses)
        self._may_answer.set()

    def __call__(self, host: str, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "api.attentive.invalid":
            return self._system(host, *args, **kwargs)
        with self._lock:
            self.asked += 1
        assert self._may_answer.wait(20)
        return [found for address in self.addresses for found in self._system(*address, type=socket.SOCK_STREAM)]


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> Iterator[LookUps]:
    """A name server for api.attentive.invalid, at our command."""
    played = LookUps(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", played)
    yield played
    played.answer()


def _wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true")


def test_a_name_that_is_not_found_in_time_is_not_sent(look_ups: LookUps) -> None:
    client = Client("http://api.attentive.invalid", connect_timeout=0.2, read_timeout=5)
    start = time.monotonic()
    attempt = send(client)
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "no connection in time")
    assert time.monotonic() - start < 1.5


def test_senders_that_wait_for_the_same_name_share_a_look_up(serve: Callable[..., Server], look_ups: LookUps) -> None:
    server = serve(keep_answering(OK))
    client = Client("http://api.attentive.invalid", connect_timeout=10, read_timeout=5)
    with ThreadPoolExecutor(8) as senders:
        attempts = [senders.submit(send, client) for _ in range(8)]
        _wait_until(lambda: look_ups.asked == 1)
        assert not wait(attempts, timeout=0.2).done
        look_ups.answer(("127.0.0.1", server.port))
        assert {attempt.result().outcome for attempt in attempts} == {Outcome.SENT}
    # A sender that was slow to start may have come after the answer.
    assert look_ups.asked < 8


def test_a_look_up_that_hangs_is_not_waited_for_by_later_senders(
    serve: Callable[..., Server], look_ups: LookUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(keep_answering(OK))
    client = Client("http://api.attentive.invalid", connect_timeout=0.2, read_timeout=5)
    assert send(client).outcome is Outcome.NOT_SENT
    monkeypatch.setattr(socket, "getaddrinfo", answering := LookUps(look_ups._system))
    answering.answer(("127.0.0.1", server.port))
    assert send(client).outcome is Outcome.SENT


@pytest.mark.parametrize("is_silent", [False, True], ids=["refused", "silent"])
def test_the_next_address_is_tried_where_one_does_not_answer(
    serve: Callable[..., Server], look_ups: LookUps, is_silent: bool
) -> None:
    server = serve(keep_answering(OK))
    with deaf() as port, socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
        listener.close()
        look_ups.answer(("127.0.0.1", port if is_silent else closed), ("127.0.0.1", server.port))
        client = Client("http://api.attentive.invalid", connect_timeout=1, read_timeout=5)
        assert send(client).outcome is Outcome.SENT


def test_all_addresses_together_have_the_time_of_one(look_ups: LookUps) -> None:
    with deaf() as port:
        look_ups.answer(*[("127.0.0.1", port)] * 5)
        start = time.monotonic()
        attempt = send(Client("http://api.attentive.invalid", connect_timeout=0.5, read_timeout=5))
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "no connection in time")
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("host", ["a..b", "-", "x" * 300, "ex ample"])
def test_a_name_that_cannot_be_one_is_not_sent(host: str) -> None:
    client = Client(f"https://{host}", connect_timeout=1, read_timeout=1)
    assert send(client).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["plain", "closed"])
def test_a_server_that_speaks_no_tls_is_not_sent(serve: Callable[..., Server], answer: bytes) -> None:
    def script(exchange: Exchange) -> None:
        exchange.connection.recv(1024)
        exchange.answer(answer)

    assert send(client_of(serve(script), scheme="https")).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    "script", [Exchange.say_nothing, lambda exchange: exchange.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 900)],
    ids=["silent", "dripping"],
)  # fmt: skip
def test_a_tls_handshake_that_takes_too_long_is_not_sent(serve: Callable[..., Server], script: Script) -> None:
    start = time.monotonic()
    attempt = send(client_of(serve(script), scheme="https", connect=0.3))
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "no connection in time")
    assert time.monotonic() - start < 1.5


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_certificate_that_nobody_vouches_for_is_not_sent_to(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(keep_answering(OK), tls=tls)
    attempt = send(client_of(server, scheme="https"))
    assert (attempt.outcome, attempt.words) == (Outcome.NOT_SENT, "no secure connection (TLS)")
    assert server.requests == []


# --- nobody knows ------------------------------------------------------------------------------------------------

NO_COMPLETE_ANSWER: dict[str, Script] = {
    "closed after the request": lambda exchange: _read_then(exchange, b""),
    "half a status line": lambda exchange: _read_then(exchange, b"HTTP/1.1 20"),
    "the status line only": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\n"),
    "half a header": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half the headers": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
    "no answer after 100": lambda exchange: _read_then(exchange, b"HTTP/1.1 100 Continue\r\n\r\n"),
    "half the body": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
    "half a chunk": lambda exchange: _read_then(
        exchange, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}"
    ),
    "all chunks but no end": lambda exchange: _read_then(
        exchange, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n"
    ),
    "no HTTP": lambda exchange: _read_then(exchange, b"SSH-2.0-OpenSSH\r\n\r\n"),
    "broken gzip": lambda exchange: _read_then(exchange, status(200, "Content-Encoding: gzip", body=b"no gzip")),
    "a header without end": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "too many headers": lambda exchange: _read_then(exchange, b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n"),
    "closed within the request": lambda _: None,
}


def _read_then(exchange: Exchange, answer: bytes) -> None:
    exchange.read()
    exchange.answer(answer)


@pytest.mark.parametrize("script", NO_COMPLETE_ANSWER.values(), ids=NO_COMPLETE_ANSWER)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_a_complete_answer_the_outcome_is_unknown_and_nothing_is_repeated(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, script: Script, scheme: str
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(CERTIFICATE))
    server = serve(script, tls=tls if scheme == "https" else None)
    attempt = send(client_of(server, scheme=scheme))
    assert (attempt.outcome, attempt.status) == (Outcome.UNKNOWN, None)
    assert attempt.words
    assert server.connections == 1


SLOW: dict[str, Script] = {
    "silent": lambda exchange: (exchange.read(), exchange.say_nothing()),  # type: ignore[dict-item, return-value]
    "silent after the headers": lambda exchange: (  # type: ignore[dict-item, return-value]
        _read_then(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), exchange.say_nothing()
    ),
    "dripping headers": lambda exchange: (exchange.read(), exchange.drip(status(200))),  # type: ignore[dict-item, return-value]
    "dripping body": lambda exchange: (  # type: ignore[dict-item, return-value]
        _read_then(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), exchange.drip(b"x" * 5000)
    ),
    "dripping chunks": lambda exchange: (  # type: ignore[dict-item, return-value]
        _read_then(exchange, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        exchange.drip(b"1\r\nx\r\n" * 900),
    ),
}  # fmt: skip


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_slow_answer_is_unknown_within_the_time_out(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, script: Script, scheme: str
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(CERTIFICATE))
    server = serve(script, tls=tls if scheme == "https" else None)
    start = time.monotonic()
    attempt = send(client_of(server, scheme=scheme, read=0.3))
    assert attempt.outcome is Outcome.UNKNOWN
    assert attempt.words == "no answer in time"
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("is_dripping", [False, True], ids=["silent", "dripping"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_is_not_read_in_time_is_unknown(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, scheme: str, is_dripping: bool
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(CERTIFICATE))

    def script(exchange: Exchange) -> None:
        while is_dripping and exchange.connection.recv(65536):
            if exchange.is_closing.wait(0.005):
                return
        exchange.say_nothing()

    server = serve(script, tls=tls if scheme == "https" else None)
    start = time.monotonic()
    attempt = send(client_of(server, scheme=scheme, read=0.3), replace(MESSAGE, body="x" * 30_000_000))
    assert (attempt.outcome, attempt.words) == (Outcome.UNKNOWN, "no answer in time")
    # Most of it goes into making so large a text.
    assert time.monotonic() - start < 3.0


def test_a_kept_connection_that_closes_at_the_moment_of_a_request_is_unknown_and_nothing_is_repeated(
    serve: Callable[..., Server],
) -> None:
    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(OK)
        exchange.read()

    server = serve(script)
    client = client_of(server)
    assert [send(client).outcome for _ in range(2)] == [Outcome.SENT, Outcome.UNKNOWN]
    assert (server.connections, len(server.requests)) == (1, 2)


def test_after_a_slow_answer_the_next_send_is_not_given_the_rest_of_it(serve: Callable[..., Server]) -> None:
    def late(exchange: Exchange) -> None:
        exchange.read()
        if server.connections == 1:
            exchange.say_nothing()
        exchange.answer(status(400))

    server = serve(late)
    client = client_of(server, read=0.2)
    assert [send(client).outcome for _ in range(2)] == [Outcome.UNKNOWN, Outcome.REFUSED]
    assert server.connections == 2


def test_an_error_is_told_without_addresses_text_or_token(serve: Callable[..., Server]) -> None:
    attempts = [
        send(client_of(1)),
        send(client_of(serve(answer_once(b""))), replace(MESSAGE, body="Secret words.")),
        send(client_of(serve(answer_once(b"")), scheme="https", connect=0.2)),
    ]
    for attempt in attempts:
        for secret in ("127.0.0.1", "12125550123", "Secret", "1a2b3c4d5"):
            assert secret not in repr(attempt)
