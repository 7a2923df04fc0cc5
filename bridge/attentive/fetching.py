"""Fetch a picture that a webhook names, without being led into this machine's own network, held up or flooded."""

import contextlib
import functools
import http.client
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from urllib.parse import urljoin

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as NotInTime
from urllib3.response import BaseHTTPResponse

from bridge.attentive import addresses
from bridge.attentive.addresses import Place
from bridge.reasons import Reason

_REDIRECTS = 3
_MOVED = (301, 302, 303, 307, 308)
# Not even a cookie or a referrer; and no word about formats, because a server that knows better ones might give one.
_HEADERS = {"User-Agent": "helpdesk-bridge", "Accept": "*/*", "Accept-Encoding": "identity"}

# What it says about odd headers quotes the address, and that may hold a person's data.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

#: The IP addresses of a host. Raises OSError, or ValueError for a name that cannot be one.
Resolver = Callable[[str], Sequence[str]]


def look_up(host: str) -> Sequence[str]:
    """The IP addresses of a host, as the system knows them."""
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Fetches pictures, from any thread, each within `seconds`. `is_live`: false towards a sandbox only."""

    is_live: bool
    resolve: Resolver = look_up
    seconds: float = 10.0

    def fetch(self, url: str, *, at_most: int) -> bytes | Reason:
        """What the address gives, at most so many bytes; or why it cannot be had."""
        errand = _Errand(self, url, at_most)
        # A time-out of the socket's begins anew with every byte that drips in.
        watch = threading.Timer(self.seconds, errand.break_off)
        watch.daemon = True
        watch.start()
        try:
            return errand.run()
        finally:
            watch.cancel()

    @functools.cached_property
    def tls(self) -> ssl.SSLContext:
        """What all connections are secured with."""
        return ssl.create_default_context(cafile=certifi.where())


@dataclass(frozen=True)
class _Moved:
    to: str


class _Errand:
    """One picture on its way. Every hop is judged from the start, and asked at the very address that was judged."""

    def __init__(self, fetcher: Fetcher, url: str, at_most: int) -> None:
        self._fetcher, self._url, self._at_most = fetcher, url, at_most
        self._until = time.monotonic() + fetcher.seconds
        self._connection: HTTPConnection | None = None

    def run(self) -> bytes | Reason:
        url = self._url
        for _ in range(_REDIRECTS + 1):
            place = addresses.read(url, is_live=self._fetcher.is_live)
            if isinstance(place, Reason):
                return place
            try:
                got = self._ask(place)
            except (HTTPError, OSError, ValueError, http.client.HTTPException) as error:
                return _unreachable(f"{place.host}: {self._describe(error)}.")
            if not isinstance(got, _Moved):
                return got
            try:
                url = urljoin(url, got.to)
            except ValueError:
                return Reason(code="media_address_refused", detail=f"{place.host} redirects to what cannot be read.")
        return _unreachable(f"There are more than {_REDIRECTS} redirects.")

    def break_off(self) -> None:
        """End what is under way, from another thread."""
        connected = self._connection and self._connection.sock
        if connected:
            with contextlib.suppress(OSError):
                # Not the TLS socket's own, which would go on in plain text.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def _ask(self, place: Place) -> bytes | _Moved | Reason:
        found = self._addresses(place.host)
        if refused := addresses.refusal(place, found, is_live=self._fetcher.is_live):
            return refused
        with contextlib.closing(self._connect(place, found)) as connection:
            connection.request(
                "GET", place.target, headers={"Host": place.authority, **_HEADERS}, preload_content=False
            )
            with contextlib.closing(connection.getresponse()) as response:
                return self._read(response, place)

    def _addresses(self, host: str) -> Sequence[str]:
        """The host's IP addresses. The system's look-up knows no time-out of its own, so it has a thread of its own."""
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        answer: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._fetcher.resolve(host))
            except (OSError, ValueError) as error:
                answer.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        return answer.result(self._left())

    def _connect(self, place: Place, found: Sequence[str]) -> HTTPConnection:
        """A connection to the first of the addresses that answers, secured for the host's name."""
        for more, address in zip(range(len(found), 0, -1), found, strict=True):
            # Connecting and the TLS handshake each may take so long; an address must not use up the time of the others.
            connection = self._connection = self._connection_to(place, address, self._left() / 2 / more)
            try:
                connection.connect()
                connection.timeout = self._left()
            except (HTTPError, OSError):
                connection.close()
                if more == 1:
                    raise
            else:
                return connection
        raise OSError("the name has no address")

    def _connection_to(self, place: Place, address: str, timeout: float) -> HTTPConnection:
        if place.scheme == "http":
            return HTTPConnection(address, place.port, timeout=timeout)
        return HTTPSConnection(
            address, place.port, timeout=timeout, ssl_context=self._fetcher.tls, server_hostname=place.host
        )

    def _read(self, response: BaseHTTPResponse, place: Place) -> bytes | _Moved | Reason:
        location = response.headers.get("Location")
        if response.status in _MOVED and location:
            return _Moved(location)
        if response.status != 200:
            return _unreachable(f"{place.host} answered {response.status}.")
        told = response.headers.get("Content-Length", "")
        if told.isdecimal() and int(told) > self._at_most:
            return Reason(code="media_too_large")
        content = response.read(self._at_most + 1)
        self._left()
        if not content:
            # As when the answer broke off within its headers.
            return _unreachable(f"{place.host} gave nothing.")
        return Reason(code="media_too_large") if len(content) > self._at_most else content

    def _left(self) -> float:
        """The seconds that are left. Raises TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _describe(self, error: Exception) -> str:
        """The error in a few words, without the address."""
        if isinstance(error, TimeoutError | NotInTime | ReadTimeoutError) or time.monotonic() >= self._until:
            return f"no answer within {self._fetcher.seconds:g} seconds"
        if isinstance(error, socket.gaierror | NameResolutionError | UnicodeError):
            return "the name was not found"
        return "no secure connection (TLS)" if isinstance(error, ssl.SSLError) else "the connection failed or broke off"


def _unreachable(why: str) -> Reason:
    return Reason(code="media_unreachable", detail=why)
