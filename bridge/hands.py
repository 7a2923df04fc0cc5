"""The hands of a worker: its threads, what each of them has under way, and what is finished and not yet recorded."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from bridge.claiming import Claimed
from bridge.concluding import Done, Result
from bridge.events import Delivery
from bridge.messages import Message

# Parsing has no effect outside, so a worker may hold more deliveries than it has threads for them.
_DELIVERIES_AT_ONCE = 64
_PARSER_THREADS = 4


@dataclass(kw_only=True)
class Hands:
    """What `perform` does is done in threads, so many of which send. `wake` is set whenever something is finished.

    All methods are the worker's own thread's. `sending` and `processing` are ids.
    """

    perform: Callable[[Delivery | Claimed, float], Result]
    wake: threading.Event
    senders: int
    sending: set[int] = field(default_factory=set)
    processing: set[int | None] = field(default_factory=set)
    _done: deque[Done] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._senders = ThreadPoolExecutor(self.senders, thread_name_prefix="sender")
        self._parsers = ThreadPoolExecutor(_PARSER_THREADS, thread_name_prefix="parser")

    @property
    def is_busy(self) -> bool:
        """Whether there is something that is not recorded yet."""
        return bool(self.sending or self.processing)

    def room(self, finished: Collection[Done]) -> tuple[int, int]:
        """How many deliveries and how many messages may be taken once these are recorded."""
        sent = sum(isinstance(done.work, Message) for done in finished)
        deliveries = _DELIVERIES_AT_ONCE - len(self.processing) + len(finished) - sent
        return deliveries, self.senders - len(self.sending) + sent

    def take(self, deliveries: Collection[Delivery], messages: Collection[Claimed], *, owner: str) -> None:
        """Give what was claimed under the id `owner` to the threads."""
        now = time.monotonic()
        for delivery in deliveries:
            self.processing.add(delivery.id)
            self._parsers.submit(self._work, delivery, owner, now)
        for claimed in messages:
            self.sending.add(claimed.message.id)
            self._senders.submit(self._work, claimed, owner, now)

    def finished(self, *, only_first: bool) -> list[Done]:
        """What is finished and not recorded, or the first of it."""
        # Copied in one step: a thread may append its result between any two.
        return list(self._done)[: 1 if only_first else None]

    def change_first(self, change: Callable[[Done], Result]) -> None:
        """Put another result in the place of the first one, if there is one."""
        if self._done:
            done = self._done.popleft()
            self._done.appendleft(replace(done, result=change(done)))

    def forget(self, finished: Collection[Done]) -> None:
        """Take the first ones away, which are recorded."""
        for done in finished:
            self._done.popleft()
            (self.sending if isinstance(done.work, Message) else self.processing).discard(done.work.id)

    def let_go(self) -> None:
        """End the threads that have nothing to do; the others are not waited for."""
        self._senders.shutdown(wait=False)
        self._parsers.shutdown(wait=False)

    def _work(self, work: Delivery | Claimed, owner: str, since: float) -> None:
        result = self.perform(work, since)
        done = work if isinstance(work, Delivery) else work.message
        self._done.append(Done(work=done, result=result, owner=owner))
        self.wake.set()
