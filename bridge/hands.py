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
from bridge.postings import Posting

# Parsing has no effect outside, so a worker may hold more deliveries than it has threads for them.
_DELIVERIES_AT_ONCE = 64
_PARSER_THREADS = 4
# Threads of their own: a helpdesk that is slow must hold up neither texts nor look-ups.
_POSTER_THREADS = 4


@dataclass(kw_only=True)
class Hands:
    """What `perform` does is done in threads, so many of which send. `wake` is set whenever something is finished.

    All methods are the worker's own thread's. `sending`, `processing` and `posting` are ids.
    """

    perform: Callable[[Delivery | Claimed | Posting, float], Result]
    wake: threading.Event
    senders: int
    sending: set[int] = field(default_factory=set)
    processing: set[int | None] = field(default_factory=set)
    posting: set[int] = field(default_factory=set)
    _done: deque[Done] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._senders = ThreadPoolExecutor(self.senders, thread_name_prefix="sender")
        self._parsers = ThreadPoolExecutor(_PARSER_THREADS, thread_name_prefix="parser")
        self._posters = ThreadPoolExecutor(_POSTER_THREADS, thread_name_prefix="poster")

    @property
    def is_busy(self) -> bool:
        """Whether there is something that is not recorded yet."""
        return bool(self.sending or self.processing or self.posting)

    def room(self, finished: Collection[Done]) -> tuple[int, int, int]:
        """How many deliveries, messages and postings may be taken once these are recorded."""
        sent = sum(isinstance(done.work, Message) for done in finished)
        posted = sum(isinstance(done.work, Posting) for done in finished)
        deliveries = _DELIVERIES_AT_ONCE - len(self.processing) + len(finished) - sent - posted
        return deliveries, self.senders - len(self.sending) + sent, _POSTER_THREADS - len(self.posting) + posted

    def take(
        self,
        deliveries: Collection[Delivery],
        messages: Collection[Claimed],
        postings: Collection[Posting] = (),
        *,
        owner: str,
    ) -> None:
        """Give what was claimed under the id `owner` to the threads."""
        now = time.monotonic()
        for delivery in deliveries:
            self.processing.add(delivery.id)
            self._parsers.submit(self._work, delivery, owner, now)
        for claimed in messages:
            self.sending.add(claimed.message.id)
            self._senders.submit(self._work, claimed, owner, now)
        for posting in postings:
            self.posting.add(posting.id)
            self._posters.submit(self._work, posting, owner, now)

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
            if isinstance(done.work, Delivery):
                self.processing.discard(done.work.id)
            else:
                (self.sending if isinstance(done.work, Message) else self.posting).discard(done.work.id)

    def let_go(self) -> None:
        """End the threads that have nothing to do; the others are not waited for."""
        self._senders.shutdown(wait=False)
        self._parsers.shutdown(wait=False)
        self._posters.shutdown(wait=False)

    def _work(self, work: Delivery | Claimed | Posting, owner: str, since: float) -> None:
        result = self.perform(work, since)
        done = work.message if isinstance(work, Claimed) else work
        self._done.append(Done(work=done, result=result, owner=owner))
        self.wake.set()
