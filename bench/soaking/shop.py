"""A shop that sends webhooks as Shopify does: signed, repeated until acknowledged, and now and then twice."""

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import queue
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridge.sources import samples

SECRET = "soak-secret"  # noqa: S105 - it protects nothing
TOPIC = "orders/create"

#: Shopify hangs up after so long.
PATIENCE_SECONDS = 5.0
_THREADS = 24
_SHARE_SENT_TWICE = 0.05
_FIRST_NUMBER = 100_001


@dataclass(kw_only=True)
class Order:
    """A webhook about a new order. `keys` are what its delivery may be known by in the database."""

    number: int
    body: bytes
    headers: dict[str, str]
    keys: list[str] = field(default_factory=list)
    acknowledged_at: float | None = None

    @classmethod
    def new(cls, number: int) -> "Order":
        """The order with this number, with ids of its own."""
        name = {"id": 5_728_193_000_000_000 + number, "name": f"#{number}"}
        sample = samples.load("shopify")["orders_create"].with_values(name)
        signature = hmac.new(SECRET.encode(), sample.body, hashlib.sha256).digest()
        signed = {"x-shopify-hmac-sha256": base64.b64encode(signature).decode(), "x-shopify-topic": TOPIC}
        order = cls(number=number, body=sample.body, headers={**sample.headers, **signed})
        order.take_new_ids()
        return order

    def take_new_ids(self) -> None:
        """Be told as another event from now on, with the body of before: what is captured and sent again."""
        event = str(uuid.uuid4())
        self.headers = {**self.headers, "x-shopify-event-id": event, "x-shopify-webhook-id": str(uuid.uuid4())}
        self.keys.append(f"{TOPIC}:{event}")


class Shop:
    """Sends `rate` orders a second to the web processes at `ports`; what became of them is in its attributes."""

    def __init__(self, rate: float, ports: Sequence[int], seed: int) -> None:
        self.orders: list[Order] = []
        #: When each web process acknowledged something, by its port.
        self.acknowledged: dict[int, list[float]] = {port: [] for port in ports}
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.unacknowledged = 0
        self._rate, self._ports = rate, list(ports)
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._due: list[tuple[float, int, Order]] = []
        self._sequence = itertools.count()
        self._lock = threading.Lock()
        self._ready: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._open = threading.Event()
        self._over = threading.Event()

    def start(self) -> None:
        """Open: orders come in until `close`."""
        self._open.set()
        for target in (self._dispatch, *[self._send] * _THREADS):
            threading.Thread(target=target, daemon=True).start()

    def close(self) -> None:
        """No new orders; what is not acknowledged yet is still repeated."""
        self._open.clear()

    def end(self) -> None:
        """Send nothing any more."""
        self._over.set()

    def _dispatch(self) -> None:
        """Take new orders in at the rate, and hand over what is due."""
        began, made = time.time(), 0
        while not self._over.wait(0.01):
            now = time.time()
            while self._open.is_set() and began + made / self._rate <= now:
                order = Order.new(_FIRST_NUMBER + made)
                made += 1
                self.orders.append(order)
                self.unacknowledged += 1
                self._ready.put(order)
                if self._random.random() < _SHARE_SENT_TWICE:
                    # At the same time through the other door, or some time later.
                    self._later(order, self._random.choice((0.0, 1.0, 15.0)) * self._random.random())
            with self._lock:
                while self._due and self._due[0][0] <= now:
                    self._ready.put(heapq.heappop(self._due)[2])

    def _later(self, order: Order, seconds: float) -> None:
        with self._lock:
            heapq.heappush(self._due, (time.time() + seconds, next(self._sequence), order))

    def _send(self) -> None:
        post = _poster()
        while not self._over.is_set():
            order = self._ready.get()
            with self._lock:
                port, wait = self._random.choice(self._ports), self._random.uniform(0.3, 1.0)
                if order.acknowledged_at and self._random.random() < 0.5:
                    order.take_new_ids()
            began = time.time()
            answer = post(port, order)
            now = time.time()
            with self._lock:
                self.answers[answer] += 1
                self.slowest = max(self.slowest, now - began)
                if answer == "200":
                    self.acknowledged[port].append(now)
                    self.unacknowledged -= order.acknowledged_at is None
                    order.acknowledged_at = order.acknowledged_at or now
            if answer != "200":
                self._later(order, wait)


def _poster() -> Callable[[int, Order], str]:
    """A function that posts an order and tells the status or what happened instead; keeps its connections."""
    connections: dict[int, http.client.HTTPConnection] = {}

    def post(port: int, order: Order) -> str:
        connection = connections.setdefault(
            port, http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        )
        try:
            connection.request("POST", "/hooks/shopify", order.body, order.headers)
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            connection.close()
            return "no answer in time"
        except (OSError, http.client.HTTPException):
            connection.close()
            return "no connection"
        return str(answer.status)

    return post
