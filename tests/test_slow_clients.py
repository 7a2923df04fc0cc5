"""Clients that are slow on purpose, and requests that are too large, against the real gunicorn."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import senders
from forked import ForkedStack

from bridge.web.arriving import MOST_HEADER_BYTES, Arriving, Verdict

# More than the threads of one web process, which is all that these tests start.
CROWD = 40
LIMIT = 100_000


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ForkedStack]:
    stack = ForkedStack(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    stack.migrate()
    stack.start_web(MAX_BODY_BYTES=str(LIMIT), CONSOLE_PASSWORD="console-password")
    yield stack
    stack.close()


class Crowd:
    """Clients that keep their connections open and send a byte now and then."""

    def __init__(self, stack: ForkedStack, begin: bytes, drip: bytes, *, size: int = CROWD) -> None:
        self._drip = drip
        self._is_over = threading.Event()
        self.sockets = [socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) for _ in range(size)]
        for one in self.sockets:
            one.sendall(begin)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(0.2):
            for one in self.sockets:
                with contextlib.suppress(OSError):
                    one.sendall(self._drip)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        for one in self.sockets:
            one.close()


def _read_until(sender: socket.socket, words: bytes, times: int = 1) -> bytes:
    answer = b""
    while answer.count(words) < times:
        data = sender.recv(1000)
        assert data, answer
        answer += data
    return answer


_CROWDS = {
    "says nothing": (b"", b""),
    "drips its headers": (b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nX-", b"a"),
    "drips its body": (b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n", b"{"),
    "drips chunks": (b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
    "never sends its too large body": (
        b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n",
        b"",
    ),
    "does not close after its bad request": (b"NONSENSE\r\n\r\n", b""),
}


@pytest.mark.parametrize("crowd", _CROWDS.values(), ids=_CROWDS.keys())
def test_a_crowd_of_slow_clients_keeps_nobody_waiting(stack: ForkedStack, crowd: tuple[bytes, bytes]) -> None:
    slow = Crowd(stack, *crowd)
    try:
        began = time.monotonic()
        for _ in range(10):
            assert senders.order().post(stack.web_url).json() == {"status": "stored"}
        assert time.monotonic() - began < 2.5
    finally:
        slow.close()


def test_who_never_reads_its_answers_keeps_no_thread(stack: ForkedStack) -> None:
    # Enough that the answers fill what the system keeps for the reader.
    request = b"GET /console/static/htmx.min.js HTTP/1.1\r\nHost: x\r\n\r\n" * 400
    deaf = [socket.socket() for _ in range(16)]
    try:
        for one in deaf:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", stack.web_port))
            one.sendall(request)
        time.sleep(2)
        began = time.monotonic()
        assert senders.order().post(stack.web_url).status_code == 200
        # Two turns of eight threads, each given up after two seconds.
        assert time.monotonic() - began < 10
    finally:
        for one in deaf:
            one.close()


def test_a_request_that_does_not_end_is_given_up(stack: ForkedStack) -> None:
    slow = Crowd(stack, b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nX-", b"a", size=1)
    (one,) = slow.sockets
    try:
        one.settimeout(40)
        began = time.monotonic()
        assert one.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert 18 < time.monotonic() - began < 25
    finally:
        slow.close()


def test_a_webhook_in_slow_pieces_is_stored_as_it_came(stack: ForkedStack) -> None:
    hook = senders.order()
    prepared = requests.Request("POST", f"{stack.web_url}/hooks/shopify", data=hook.body, headers=dict(hook.headers))
    headers = "".join(f"{name}: {value}\r\n" for name, value in prepared.prepare().headers.items())
    whole = f"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + hook.body
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as sender:
        for start in range(0, len(whole), 200):
            sender.sendall(whole[start : start + 200])
            time.sleep(0.005)
        _read_until(sender, b'{"status":"stored"}')
        # Two at once on the same connection.
        sender.sendall(whole + whole)
        _read_until(sender, b'{"status":"known"}', 2)
    assert hook.post(stack.web_url).json() == {"status": "known"}


def test_a_webhook_that_is_arriving_when_the_process_stops_is_still_stored(stack: ForkedStack) -> None:
    hook = senders.order()
    headers = "".join(f"{name}: {value}\r\n" for name, value in hook.headers.items())
    head = f"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: {len(hook.body)}\r\n{headers}\r\n".encode()
    web = next(process for process in stack._processes)
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as sender:
        sender.sendall(head)
        time.sleep(0.5)
        stopping = threading.Thread(target=web.terminate)
        stopping.start()
        time.sleep(1)
        sender.sendall(hook.body)
        _read_until(sender, b'{"status":"stored"}')
    stopping.join()
    assert not web.is_running


def test_requests_that_follow_each_other_on_a_connection_are_all_answered(stack: ForkedStack) -> None:
    hook = senders.order()
    headers = "".join(f"{name}: {value}\r\n" for name, value in hook.headers.items())
    head = f"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: {len(hook.body)}\r\n{headers}\r\n".encode()
    whole = head + hook.body
    look = b"HEAD /hooks/shopify HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as sender:
        # In one piece, and the last one not to its end.
        sender.sendall(whole + look + whole + whole[:40])
        answers = _read_until(sender, b'"status":', 2)
        sender.sendall(whole[40:])
        answers += _read_until(sender, b'"status":')
        sender.sendall(look + whole)
        answers += _read_until(sender, b'"status":')
    assert [answers.count(b'"stored"'), answers.count(b'"known"'), answers.count(b"HTTP/1.1 405 ")] == [1, 3, 2]


def test_a_sender_that_asks_first_is_told_to_go_on(stack: ForkedStack) -> None:
    head = b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as sender:
        sender.sendall(head)
        assert sender.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sender.sendall(b"{}")
        assert _read_until(sender, b"bad signature").startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", 413),
        (b"POST /hooks/shopify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: a\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: aaaaaaaaaaaaaaaaaaaa\r\n" * 2000, 431),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ],
    ids=["length", "chunk", "one header", "many headers", "endless headers", "address", "two lengths"],
)  # fmt: skip
def test_what_is_too_large_is_refused_before_it_has_come(stack: ForkedStack, request_bytes: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as sender:
        began = time.monotonic()
        sender.sendall(request_bytes)
        assert sender.recv(1000).startswith(b"HTTP/1.1 %d " % status)
        assert time.monotonic() - began < 1


_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
_ARRIVING = {
    "headers": (_HEAD + b"\r\n", Verdict.WHOLE),
    "half of the headers": (_HEAD, Verdict.MORE),
    "a body": (_HEAD + b"Content-Length: 3\r\n\r\nabc", Verdict.WHOLE),
    "half of a body": (_HEAD + b"content-length : 3\r\n\r\nab", Verdict.MORE),
    "too long a body": (_HEAD + b"Content-Length: 11\r\n\r\n", Verdict.BODY_TOO_LARGE),
    "chunks": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n", Verdict.WHOLE),
    "chunks with a trailer": (
        _HEAD + b"Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        Verdict.WHOLE,
    ),
    "chunks without an end": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", Verdict.MORE),
    "half of a chunk": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n0\r\n\r\n"[:-1], Verdict.MORE),
    "too many chunks": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"6\r\nabcdef\r\n" * 2, Verdict.BODY_TOO_LARGE),
    "no chunks": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", Verdict.WHOLE),
    "endless headers": (_HEAD + b"X: y\r\n" * MOST_HEADER_BYTES, Verdict.HEADERS_TOO_LARGE),
}


def test_a_body_of_tiny_chunks_is_too_large_and_one_of_usual_chunks_is_not() -> None:
    head = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert Arriving(5 << 20).take(head + b"1\r\na\r\n" * 20_000) is Verdict.BODY_TOO_LARGE
    usual = b"400\r\n" + b"a" * 1024 + b"\r\n"
    assert Arriving(5 << 20).take(head + usual * 5120 + b"0\r\n\r\n") is Verdict.WHOLE


def test_many_chunks_cost_no_more_than_their_number(stack: ForkedStack) -> None:
    hook = senders.shopify("orders/create", b'{"id": 9}'.ljust(LIMIT))
    chunks = (hook.body[start : start + 16] for start in range(0, len(hook.body), 16))
    began = time.monotonic()
    answer = requests.post(f"{stack.web_url}/hooks/shopify", data=chunks, headers=dict(hook.headers), timeout=10)
    assert answer.json() == {"status": "stored"}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize(("data", "verdict"), _ARRIVING.values(), ids=_ARRIVING.keys())
def test_how_much_of_a_request_is_there(data: bytes, verdict: Verdict, step: int) -> None:
    arriving, found = Arriving(10), Verdict.MORE
    for start in range(0, len(data), step):
        if found is Verdict.MORE:
            found = arriving.take(data[start : start + step])
    assert found is verdict
