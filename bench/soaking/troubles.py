"""The troubles: which, when and to whom, all from one seed; each of a kind comes before any comes again."""

import heapq
import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select

from bridge.errors import StoreUnavailable
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages, workers
from soaking.faults import FAULTS, WELL, Fault
from soaking.postgres import Postgres
from soaking.processes import Product, Running

Card = TypeVar("Card")

#: Longer than a worker may be silent before the others take it for dead.
_FROZEN_SECONDS = (11.5, 15.0)
_LATE_SECONDS = (4.0, 8.0)
_DATABASE_FROZEN_SECONDS = (3.0, 6.0)


@dataclass(kw_only=True)
class Trouble:
    """Something that was done to a process. `held` are the ids of the deliveries whose work it had just then."""

    kind: str
    at: float
    port: int | None = None
    held: frozenset[int] = frozenset()


@dataclass
class Troubles:
    """Makes trouble for `product` in a thread of its own, from `start` to `end`.

    Something dies every `every` seconds on average; Attentive is well for `calm` seconds between two faults.
    `diary` is a file in which each of them is noted.
    """

    product: Product
    database: Database
    postgres: Postgres | None
    seed: int
    every: float
    calm: float
    diary: Path
    done: list[Trouble] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    #: How long each worker took to stop in good order.
    stops: list[float] = field(default_factory=list)
    #: What ended although nobody had killed it, by name.
    ended_by_itself: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - no secret
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._is_ending = threading.Event()
        kinds = [
            self._kill_web, self._kill_web_child, self._kill_web_parent, self._stop_worker, self._freeze_worker,
            self._kill_worker, self._kill_worker, self._kill_worker_for_long,
        ]  # fmt: skip
        if self.postgres:
            kinds += [self._stop_postgres, self._kill_postgres, self._freeze_postgres]
        self._kinds, self._whats = self._deck(kinds), self._deck(FAULTS)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def fault(self) -> Mapping[str, object]:
        """What is wrong with Attentive just now."""
        return self.faults[-1].what if self.faults and self.faults[-1].over_at == float("inf") else {}

    def start(self) -> None:
        """Begin."""
        self.product.set_faults(WELL)
        self._in(self.every, self._hit)
        self._in(self.calm / 2, self._fail)
        self._thread.start()

    def end(self) -> None:
        """Make no more trouble, and let everything be well again; returns when all runs. Raises what went wrong."""
        self._is_ending.set()
        self._thread.join(60)
        if self.error:
            raise self.error

    def _deck(self, cards: Sequence[Card]) -> Iterator[Card]:
        """All of them in a random order, and then again in another."""
        while True:
            yield from self._random.sample(cards, len(cards))

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time.time() + seconds, next(self._sequence), action))

    def _run(self) -> None:
        try:
            # To the end of what is on the agenda: the frozen are thawed, the late come back.
            while self._agenda:
                if self._agenda[0][0] <= time.time():
                    heapq.heappop(self._agenda)[2]()
                else:
                    time.sleep(0.02)
                self.ended_by_itself += self.product.supervise()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the end is told
            self.error = error

    def _hit(self) -> None:
        if not self._is_ending.is_set():
            # One that finds nobody to hit leaves its turn to the next.
            next(hit for hit in self._kinds if hit())
            self._in(self.every * self._random.uniform(0.4, 1.6), self._hit)

    def _fail(self) -> None:
        if not self._is_ending.is_set():
            what = next(self._whats)
            self.product.set_faults({**WELL, **what})
            self._write(f"fault {what}")
            self.faults.append(Fault(what=what, at=time.time()))
            self._in(self.calm * self._random.uniform(0.15, 0.4), self._recover)

    def _recover(self) -> None:
        self.product.set_faults(WELL)
        self._write("fault over")
        self.faults[-1].over_at = time.time()
        self._in(self.calm * self._random.uniform(0.6, 1.4), self._fail)

    def _any(self, processes: Sequence[Running]) -> Running | None:
        """One that can be hit."""
        awake = [process for process in processes if process.is_running and not process.is_frozen]
        return self._random.choice(awake) if awake else None

    def _kill_web(self) -> bool:
        if web := self._any(self.product.webs):
            web.kill()
            self._note("web killed", web)
        return web is not None

    def _kill_web_child(self) -> bool:
        web = self._any(self.product.webs)
        if web is None or not web.kill_child():
            return False
        self._note("gunicorn's child killed", web)
        return True

    def _kill_web_parent(self) -> bool:
        if web := self._any(self.product.webs):
            web.kill_parent()
            self._note("gunicorn's parent killed", web)
        return web is not None

    def _kill_worker(self) -> bool:
        if worker := self._any(self.product.workers):
            worker.kill()
            self._note("worker killed, back at once", worker, held=self._held_by(worker))
            worker.start()
        return worker is not None

    def _kill_worker_for_long(self) -> bool:
        if worker := self._any(self.product.workers):
            worker.is_wanted = False
            worker.kill()
            self._note("worker killed, back late", worker, held=self._held_by(worker))
            self._in(self._random.uniform(*_LATE_SECONDS), worker.start)
        return worker is not None

    def _stop_worker(self) -> bool:
        if worker := self._any(self.product.workers):
            trouble = self._note("worker asked to stop", worker, held=self._held_by(worker))
            worker.terminate()
            self._in(0, lambda: self._start_when_stopped(worker, trouble))
        return worker is not None

    def _start_when_stopped(self, worker: Running, trouble: Trouble) -> None:
        if worker.is_running:
            self._in(0.05, lambda: self._start_when_stopped(worker, trouble))
        else:
            self.stops.append(time.time() - trouble.at)
            self._in(self._random.uniform(0.0, 2.0), worker.start)

    def _freeze_worker(self) -> bool:
        if worker := self._any(self.product.workers):
            worker.freeze()
            self._note("worker frozen", worker, held=self._held_by(worker))
            self._in(self._random.uniform(*_FROZEN_SECONDS), worker.thaw)
        return worker is not None

    def _stop_postgres(self) -> bool:
        return self._restart_postgres("PostgreSQL stopped at once", signal.SIGQUIT)

    def _kill_postgres(self) -> bool:
        return self._restart_postgres("PostgreSQL killed", signal.SIGKILL)

    def _restart_postgres(self, kind: str, ending: signal.Signals) -> bool:
        assert self.postgres
        self.postgres.die(ending)
        self._note(kind)
        self.postgres.start()
        self._write("PostgreSQL is back")
        return True

    def _freeze_postgres(self) -> bool:
        assert self.postgres
        self.postgres.freeze()
        self._note("PostgreSQL frozen")
        # Nothing else meanwhile: it might ask the database, and wait.
        time.sleep(self._random.uniform(*_DATABASE_FROZEN_SECONDS))
        self.postgres.thaw()
        self._write("PostgreSQL is back")
        return True

    def _note(self, kind: str, who: Running | None = None, held: frozenset[int] = frozenset()) -> Trouble:
        trouble = Trouble(kind=kind, at=time.time(), port=who.port if who else None, held=held)
        self.done.append(trouble)
        self._write(f"{kind} {who.name if who else ''} {sorted(held) or ''}")
        return trouble

    def _write(self, words: str) -> None:
        with self.diary.open("a") as diary:
            diary.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {words}\n")

    def _held_by(self, worker: Running) -> frozenset[int]:
        """The deliveries that this worker has in hand, or whose messages; none if the database cannot tell."""
        lives = select(workers.c.id).where(workers.c.name == worker.name)
        of_deliveries = select(deliveries.c.id).where(deliveries.c.owner.in_(lives))
        of_messages = select(messages.c.delivery_id).where(messages.c.owner.in_(lives))
        try:
            with self.database.read() as connection:
                return frozenset(connection.execute(of_deliveries.union(of_messages)).scalars())
        except StoreUnavailable:
            return frozenset()
