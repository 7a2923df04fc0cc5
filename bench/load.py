"""A load generator that is cheap: it shares the machine with what it measures.

`Orders` makes signed Shopify webhooks, each of another order and another person. `Connections` sends them in a closed
loop: each connection has one request in flight, and sends the next one when it is answered.
"""

import itertools
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge import phone, sources
from bridge.events import Delivery
from bridge.sources import samples
from wire import content_length

SECRET = "bench-secret"  # noqa: S105 - it protects nothing
PATH = "/hooks/shopify"

_SHOPIFY = sources.discover()["shopify"]
_FIRST_NUMBER = 1_000_000
# Beginnings of an order's id, as long as Shopify's with the number behind.
_ID = "572819304612"
_PATIENCE_SECONDS = 10.0
_E164, _NATIONAL = "+1%(area)s55501%(line)02d", "(%(area)s) 555-01%(line)02d"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook: the number of its order (`#1000000`), headers and body as they are sent."""

    number: int
    headers: bytes
    body: bytes

    def named_headers(self) -> dict[str, str]:
        """The headers by name."""
        return dict(line.split(": ", 1) for line in self.headers.decode().splitlines())


class Orders:
    """Webhooks without end: the recorded sample `orders/create`, 9 KB, each with its own order, ids and recipient.

    Recipients differ because reading a phone number is cached, and because a person gets only so many texts.
    """

    def __init__(self) -> None:
        sample = samples.load("shopify")["orders_create"]
        marked = sample.with_values(
            {
                "name": "#%(number)d",
                "id": f"{_ID}%(number)d",
                "admin_graphql_api_id": f"gid://shopify/Order/{_ID}%(number)d",
                **{path: _E164 if path in ("phone", "customer.phone") else _NATIONAL for path in sample.phone},
            }
        )
        self._body = _as_template(marked.body).replace(f'"{_ID}%(number)d"'.encode(), f"{_ID}%(number)d".encode())
        fresh = dict.fromkeys(_SHOPIFY.fresh_headers(), "b54557e4-bdd9-4b37-8a5f-bf7d7%(number)d")
        headers = {"user-agent": "Shopify-Captain-Hook", **sample.headers, **fresh}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        numbers = {str(area): phone.read(f"+1{area}5550123") for area in range(200, 1000)}
        self._areas = [area.encode() for area, read in numbers.items() if read.allowed and read.region == "US"]
        assert len(self._areas) > 100

    def __iter__(self) -> Iterator[Webhook]:
        for number in itertools.count(_FIRST_NUMBER):
            yield self.webhook(number)

    def webhook(self, number: int) -> Webhook:
        """The webhook of one order, signed."""
        area = self._areas[number % len(self._areas)]
        values = {b"number": number, b"area": area, b"line": number // len(self._areas) % 100}
        body = self._body % values
        now = datetime.now(UTC)
        signed = _SHOPIFY.sign(Delivery(connection="shopify", headers={}, body=body, received_at=now), SECRET, now=now)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        return Webhook(number, self._headers % values + lines.encode(), body)


def _as_template(body: bytes) -> bytes:
    """`body` for the % operator; only our own marks stay special."""
    for mark in (b"number)d", b"area)s", b"line)02d"):
        body = body.replace(b"%(" + mark, b"\0(" + mark)
    return body.replace(b"%", b"%%").replace(b"\0", b"%")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. Moments of the monotonic clock; status 0: no whole answer came."""

    number: int
    sent_at: float
    answered_at: float
    status: int

    @property
    def milliseconds(self) -> float:
        """How long the sender waited."""
        return (self.answered_at - self.sent_at) * 1000


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self.sent_at = 0.0
        self.received = b""


class Connections:
    """`count` keep-alive connections to a port of this machine, through which `webhooks` are sent in order."""

    def __init__(self, port: int, count: int, webhooks: Iterator[Webhook], path: str = PATH) -> None:
        self._port = port
        self._count = count
        self._webhooks = webhooks
        self._start = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n".encode()
        self._idle: list[_Connection] = []
        self._selector = selectors.DefaultSelector()

    def one(self) -> Exchange:
        """Send a single webhook; the answer. Raises OSError where nobody listens."""
        return self._run(until=0.0, connections=1)[0]

    def run(self, seconds: float) -> list[Exchange]:
        """Send as fast as the answers come; returns once all are answered, or nothing moves any more."""
        return self._run(until=time.monotonic() + seconds, connections=self._count)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            self._forget(connection)
        self._idle.clear()
        self._selector.close()

    def _run(self, *, until: float, connections: int) -> list[Exchange]:
        done: list[Exchange] = []
        while len(self._idle) < connections:
            self._idle.append(self._connect())
        busy = {self._send(connection) for connection in self._idle[:connections]}
        del self._idle[:connections]
        while busy:
            ready = self._selector.select(_PATIENCE_SECONDS)
            # Those that are due for an answer and get none for so long are given up.
            for connection in [key.data for key, _ in ready] or list(busy):
                status = self._receive(connection) if ready else 0
                if status is None:
                    continue
                done.append(Exchange(connection.number, connection.sent_at, time.monotonic(), status))
                busy.discard(connection)
                connection = self._renewed(connection) if not status else connection
                if time.monotonic() < until and ready:
                    busy.add(self._send(connection))
                else:
                    self._idle.append(connection)
        return done

    def _connect(self) -> _Connection:
        connection = _Connection(self._port)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _renewed(self, broken: _Connection) -> _Connection:
        self._forget(broken)
        return self._connect()

    def _forget(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _send(self, connection: _Connection) -> _Connection:
        webhook = next(self._webhooks)
        length = b"content-length: %d\r\n\r\n" % len(webhook.body)
        connection.number = webhook.number
        connection.received = b""
        connection.sent_at = time.monotonic()
        connection.socket.sendall(self._start + webhook.headers + length + webhook.body)
        return connection

    def _receive(self, connection: _Connection) -> int | None:
        """The status once the answer is whole, 0 if the connection broke, None if more is to come."""
        try:
            data = connection.socket.recv(65536)
        except OSError:
            return 0
        if not data:
            return 0
        connection.received += data
        head, end, body = connection.received.partition(b"\r\n\r\n")
        if not end or len(body) < content_length(head):
            return None
        return int(head[9:12])
