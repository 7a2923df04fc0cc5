"""What a web process keeps of a request while it arrives, and what it says to one that it does not take."""

import contextlib
import select
import socket
import struct
import threading
import time
from typing import Any

import structlog
from gunicorn.workers.gthread import TConn

from bridge.web.arriving import Arriving

log = structlog.get_logger()

#: So long a request may take from its first byte to its last. Senders of webhooks give up after 3 to 30 seconds.
PATIENCE_SECONDS = 20.0
# A client that reads its answer so slowly that nothing more can be written for so long is given up.
_STALLED_SECONDS = 2
# What a request still lacks when a thread first looks at it is nearly always on its way.
_FIRST_GLANCE_MS = 10

_ANSWERS = {
    408: ("Request Timeout", "the request did not arrive in time"),
    413: ("Content Too Large", "the body is too large"),
    431: ("Request Header Fields Too Large", "the headers are too large"),
    503: ("Service Unavailable", "too many large requests at a time; try again"),
}


class Room:
    """The memory that larger requests share while they arrive."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._free = size

    def take(self, count: int) -> bool:
        """Whether there was room for so many bytes more; they are taken then."""
        with self._lock:
            if count > self._free:
                return False
            self._free -= count
            return True

    def give_back(self, count: int) -> None:
        """Free what was taken."""
        with self._lock:
            self._free += count


class Visit:
    """One request of a connection, from its first byte (or the connection's beginning) until it is served."""

    def __init__(self, largest_body: int) -> None:
        self.arriving = Arriving(largest_body)
        self.until = time.monotonic() + PATIENCE_SECONDS
        self.in_room = 0
        self.was_told_to_go_on = False
        self.was_waited_for = False


class Arrived:
    """A connection whose next bytes are here already, for gunicorn's parser.

    It gets them piece by piece, as it would from the network: it copies what it has not used with every step.
    """

    def __init__(self, sock: socket.socket, data: bytes) -> None:
        self._sock = sock
        self._data = memoryview(data)

    def recv(self, size: int) -> bytes:
        """The next bytes."""
        if not self._data:
            return self._sock.recv(size)
        piece, self._data = bytes(self._data[:size]), self._data[size:]
        return piece

    def rest(self) -> bytes:
        """What was not asked for."""
        return bytes(self._data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def unreader_of(conn: TConn) -> Any:
    """What gunicorn's parser reads the connection through; it looks first at what is put back there."""
    return conn.parser.unreader  # type: ignore[union-attr]  # only HTTP/2 has none, and is not spoken here


def glance(sock: socket.socket) -> None:
    """Wait for what is on its way, for a moment."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.poll(_FIRST_GLANCE_MS)


def never_wait_long(sock: socket.socket) -> None:
    """Have the system itself end a blocking call of this connection after some seconds."""
    seconds = struct.pack("ll", _STALLED_SECONDS, 0)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, seconds)


def refuse(conn: TConn, status: int) -> None:
    """Answer without the application, and close."""
    title, words = _ANSWERS[status]
    body = b'{"error":"%b"}\n' % words.encode()
    again = b"Retry-After: 10\r\n" if status == 503 else b""
    head = f"HTTP/1.1 {status} {title}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
    with contextlib.suppress(OSError):
        conn.sock.send(head + again + b"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n" + body)
    log.warning("request.refused", status=status, error=words)
