"""Attentive as a bench needs it: takes every text at once, and notes when it came and of which order it speaks.

The product's own sandbox checks, keeps and shows each text, which costs more than the bridge's sending.

    python bench/fake_attentive.py PORT

`POST /1/messages` is answered 200. `GET /count` tells how many came, `GET /arrivals` a JSON list of [order, moment],
where the moment is of the machine's monotonic clock, and the order is 0 for a text that names none.
"""

import json
import re
import selectors
import socket
import sys
import time

from wire import content_length

_ORDER = re.compile(rb"#(\d{7})")
_SENT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"id":"sent"}'


class Fake:
    """The server; `serve()` never returns."""

    def __init__(self, port: int) -> None:
        self._arrivals: list[tuple[int, float]] = []
        self._received: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer whoever comes."""
        while True:
            for key, _ in self._selector.select():
                client = key.fileobj
                assert isinstance(client, socket.socket)
                if client is self._listener:
                    self._accept()
                elif not self._read(client):
                    self._selector.unregister(client)
                    self._received.pop(client)
                    client.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received[client] = b""
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self, client: socket.socket) -> bool:
        """Take what came and answer each request that is whole; False once the client is gone."""
        try:
            data = client.recv(65536)
            received = self._received[client] + data
            while True:
                head, end, rest = received.partition(b"\r\n\r\n")
                length = content_length(head) if end else 0
                if not end or len(rest) < length:
                    break
                client.sendall(self._answer(head, rest[:length]))
                received = rest[length:]
        except OSError:
            return False
        self._received[client] = received
        return bool(data)

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST /1/messages "):
            named = _ORDER.search(body)
            self._arrivals.append((int(named[1]) if named else 0, time.monotonic()))
            return _SENT
        if head.startswith(b"GET /count "):
            return _json(len(self._arrivals))
        if head.startswith(b"GET /arrivals "):
            return _json(self._arrivals)
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


if __name__ == "__main__":
    Fake(int(sys.argv[1])).serve()
