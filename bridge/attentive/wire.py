"""One kept-alive HTTP/1.1 connection: it keeps to its times, and tells failing to connect from failing to answer.

A request is bytes that were made beforehand, sent once; http.client reads the answer. The libraries above http.client
build and take apart each request and answer again, which costs more than the rest of a send, and none of them limits
the time of a whole exchange.
"""

import contextlib
import http.client
import io
import select
import socket
import ssl
import threading
import time
import zlib
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

import certifi

#: As socket.getaddrinfo() gives them.
Addresses = list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete answer, or as much of its body as was asked for."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Server:
    """Where to connect to; shared by all threads. Moments are those of time.monotonic()."""

    def __init__(self, url: SplitResult) -> None:
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls: ssl.SSLContext | None = None
        if url.scheme == "https":
            self._tls = ssl.create_default_context(cafile=certifi.where())
            self._tls.set_alpn_protocols(["http/1.1"])
        self._lock = threading.Lock()
        self._look_up: Future[Addresses] | None = None
        self._look_up_until = 0.0

    def connect(self, until: float) -> "Wire":
        """A new connection, secured where the URL says https, by the moment `until`.

        Raises OSError (TimeoutError and ssl.SSLError among them), and ValueError for a name that cannot be one.
        """
        connected = _reach(self._addresses(until), until)
        try:
            # A request is a single write; waiting to fill a packet with more of them only delays it.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connected.settimeout(_left(until))
                connected = self._tls.wrap_socket(connected, server_hostname=self._host)
        except BaseException:
            connected.close()
            raise
        return Wire(connected)

    def _addresses(self, until: float) -> Addresses:
        """The host's addresses. The system's look-up knows no time-out of its own, so it has a thread of its own.

        Threads that ask at the same time share a look-up, so that a dead name server leaves few threads behind.
        """
        with self._lock:
            now = time.monotonic()
            if self._look_up is None or self._look_up.done() or self._look_up_until <= now:
                self._look_up, self._look_up_until = Future(), until
                threading.Thread(target=self._ask_system, args=(self._look_up,), daemon=True).start()
            look_up = self._look_up
        return look_up.result(_left(until))

    def _ask_system(self, look_up: "Future[Addresses]") -> None:
        try:
            look_up.set_result(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            look_up.set_exception(error)


class Wire:
    """A connection that one thread keeps for its requests. Closed when forgotten, as a thread does that ends."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def __del__(self) -> None:
        self._socket.close()

    def stands(self) -> bool:
        """Whether it can carry another request, as far as this side knows."""
        # Nobody has asked the server anything, so whatever there is to read says that it has done with us.
        return self._socket.fileno() >= 0 and not self._poll.poll(0)

    def post(self, request: bytes, until: float, *, at_most: int) -> Answer:
        """Send one whole request and read its answer by the moment `until`; of its body `at_most` so many bytes.

        Raises OSError (TimeoutError among them), http.client.HTTPException or zlib.error where no complete answer
        came; the server may have got the request all the same.
        """
        stands = False
        try:
            # A server may refuse before it has read everything; then its answer is there.
            with contextlib.suppress(ConnectionError):
                self._socket.settimeout(_left(until))
                self._socket.sendall(request)
            answer, stands = _receive(self._socket, until, at_most)
        finally:
            if not stands:
                self._socket.close()
        return answer


def _receive(connected: socket.socket, until: float, at_most: int) -> tuple[Answer, bool]:
    """The answer, and whether the connection can be used again."""
    incoming = _Incoming(connected, until)
    with http.client.HTTPResponse(incoming, method="POST") as response:  # type: ignore[arg-type]  # all that it uses
        response.begin()
        incoming.may_end = response.length is None and not response.chunked
        body = response.read(at_most)
        # What comes after a 1xx is the answer proper.
        stands = response.isclosed() and not response.will_close and response.status >= 200
        if response.headers.get("Content-Encoding") in ("gzip", "deflate"):  # unasked
            body = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, at_most)
        return Answer(status=response.status, headers=response.headers, body=body), stands


class _Incoming(io.RawIOBase):
    """What a socket receives until a moment has come.

    The socket alone would begin to count anew with every byte that drips in, and http.client takes an end within the
    headers for their end.
    """

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._socket = connected
        self._until = until
        self.may_end = False

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._until))
        received = self._socket.recv_into(buffer)
        if not (received or self.may_end):
            raise ConnectionError("the connection ended before the answer did")
        return received


def _reach(addresses: Addresses, until: float) -> socket.socket:
    """A connection to the first of the addresses that answers."""
    for place, (*_, address) in enumerate(addresses, 1):
        try:
            # One that says nothing must not use up the time of the others.
            return socket.create_connection(address[:2], _left(until) / (len(addresses) - place + 1))
        except OSError:
            if place == len(addresses):
                raise
    raise OSError("the name has no address")


def _left(until: float) -> float:
    """The seconds that are left until a moment. Raises TimeoutError when it is past."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left
