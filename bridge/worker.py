"""The worker: claims work, walks it through the pipeline in threads, records the results. The only loop there is.

What the work comes to is written in the loop's own thread, one transaction a turn: what finished since the last turn,
the heartbeat, and what is claimed next. The threads only parse, look up, render and send; one tidies up beside them.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bridge import answering, claiming, echoing, joining, platforms
from bridge.claiming import Claimed
from bridge.compose import TemplateFolder
from bridge.concluding import Done, conclude
from bridge.errors import RowRefused, StoreUnavailable
from bridge.events import Delivery
from bridge.hands import Hands
from bridge.holding_back import Caps
from bridge.housekeeping import Housekeeper
from bridge.messages import AccountHealth, Message, Next, Processed
from bridge.observing import Observer
from bridge.performing import Performer
from bridge.postings import Posting
from bridge.presence import Presence
from bridge.reporting_back import places, report_back
from bridge.resting import BREATH_SECONDS, Rest
from bridge.route import Route
from bridge.saying import Saying
from bridge.settings import Settings
from bridge.store import account_health, postings, processing, traces, workers
from bridge.store.clock import Clock
from bridge.store.database import Database
from bridge.store.wakeup import Wakeup
from bridge.tally import Count, Tally
from bridge.watching import watch

log = structlog.get_logger()

_BEAT_SECONDS = 1.0
# The platform kills a process 30 seconds after SIGTERM.
_DRAIN_SECONDS = 24.0


@dataclass(kw_only=True)
class Worker:
    """One worker process. `run()` returns after `stop()`, once what was under way is recorded."""

    settings: Settings
    database: Database
    templates: TemplateFolder
    routes: dict[str, Route]
    me: workers.Identity
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _health: Mapping[str, AccountHealth] = field(default_factory=dict)
    _next_beat: float = 0.0
    _rest: Rest = field(default_factory=Rest)
    # Whether a result among those to record is refused by the database: then one at a time.
    _is_careful: bool = False

    def __post_init__(self) -> None:
        self._clock = Clock(self.database)
        self._wakeup = Wakeup(self.database, self._wake, self.me.name)
        self.routes = joining.remembering(self.routes, self.database, days=self.settings.retain_sightings)
        self.routes = echoing.recognising(self.routes, self.database)
        self._performer = Performer(
            settings=self.settings,
            templates=self.templates,
            routes=self.routes,
            clock=self._clock,
            trace_of=traces.finder(self.database),
        )
        self._tokens = self._performer.tokens
        self._presence = Presence(
            me=self.me,
            accounts={account.name for account in self.settings.accounts.values()},
            tokens=self._tokens,
            sending=self.settings.sending,
            keeps_quiet=self.settings.keeps_quiet,
            retain_sightings=self.settings.retain_sightings,
        )
        self._brands = {account.name: account.brand for account in self.settings.accounts.values()}
        self._confirmed = {one.account for one in self.settings.connections.values() if one.source == "attentive"}
        self._answering = answering.places(self.settings, platforms.discover())
        self._places = places(self.routes)
        self._tally = Tally()
        self._observer = Observer(
            database=self.database,
            tally=self._tally,
            looks=watch.of_worker(self.database, self.templates, self.settings),
        )
        self._housekeeper = Housekeeper(settings=self.settings, database=self.database, clock=self._clock)
        self._hands = Hands(perform=self._performer.perform, wake=self._wake, senders=self.settings.worker_threads)

    @property
    def id(self) -> str:
        """Under what its rows are known; another one after it was taken for dead."""
        return self._presence.me.id

    def stop(self) -> None:
        """Claim nothing more; safe to call from a signal handler."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until stopped."""
        self._retrying(self._start)
        log.info("worker.started", worker=self._presence.me.name, threads=self.settings.worker_threads)
        self._wakeup.start()
        self._observer.open()
        self._housekeeper.start()
        while not self._stopping.is_set():
            waits = claiming.seconds_to_wait(self._health.values(), self._clock.now(), most=_BEAT_SECONDS)
            self._wake.wait(min(max(0.0, self._next_beat - time.monotonic()), waits))
            # What finishes meanwhile shares a transaction; one for each would be most of the work.
            self._stopping.wait(self._rest.owed())
            self._wake.clear()
            self._retrying(self._turn)
        self._end()
        log.info("worker.stopped", worker=self._presence.me.name)

    def _end(self) -> None:
        """Record what is under way before anything else is waited for: the process may be killed meanwhile."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        self._housekeeper.stop()
        self._drain(deadline)
        self._wakeup.stop()
        self._housekeeper.wait(min(5.0, max(0.5, deadline - time.monotonic())))
        self._observer.close()

    def _retrying(self, step: Callable[[], None]) -> None:
        """One step; a database that does not answer is waited for, since nothing can be done without it."""
        while True:
            try:
                return step()
            except RowRefused as error:
                self._set_aside(error)
            except StoreUnavailable as error:
                log.error("worker.database_unavailable", error=str(error))
                # It may have been committed all the same.
                self._presence.lost_the_database()
                self._next_beat = 0.0
                if self._stopping.wait(1.0):
                    return None

    def _start(self) -> None:
        self._presence.be_called(self._wakeup.take_name())
        with self.database.write() as connection:
            self._presence.arrive(connection, self._clock.ask(connection))
        self._count(self._presence.counts)

    def _set_aside(self, error: RowRefused) -> None:
        """Record of a result that no database can hold only that there was one: it must not stop the others."""
        log.error("worker.row_refused", error=str(error))
        if self._is_careful:
            self._hands.change_first(lambda done: self._performer.crashed(done.work, error))
        self._is_careful = True
        self._stopping.wait(BREATH_SECONDS)

    def _turn(self) -> None:
        finished = self._hands.finished(only_first=self._is_careful)
        is_beat = time.monotonic() >= self._next_beat
        due = self._look()
        if not (finished or is_beat or due):
            return
        asked = time.monotonic()
        with self.database.write() as connection:
            began = time.monotonic()
            now = self._clock.ask(connection)
            before = account_health.read(connection)
            if is_beat:
                self._next_beat = time.monotonic() + _BEAT_SECONDS
                self._presence.be_called(self._wakeup.called)
                hands = self._hands
                self._presence.beat(
                    connection, now, processed=hands.processing, sent=hands.sending, posted=hands.posting
                )
            health, sayings = conclude(
                connection,
                finished,
                before,
                tokens=self._tokens,
                caps=Caps(per_person=self.settings.cap_per_person, per_template=self.settings.cap_per_template),
                window=self.settings.duplicate_window,
                brands=self._brands,
                confirmed=self._confirmed,
                places=self._answering,
                now=now,
            )
            told = report_back(connection, now, is_on=self.settings.sending == "on", places=self._places)
            # After that, so that new messages go in this turn already, and into the room that it made.
            deliveries, messages, health = self._claim(connection, finished, due, health, now)
            posted = self._claim_postings(connection, finished, now, is_due=due.postings or told > 0)
            account_health.save(connection, [one for one in health.values() if one != before.get(one.name)])
        self._rest.after_turn(began, waited=began - asked if self.database.is_sqlite else 0.0)
        self._health = health
        # Not before the commit: what is said has happened, and nobody waits for the lock meanwhile.
        self._say(sayings)
        if is_beat:
            self._count(self._presence.counts)
        self._is_careful = self._is_careful and bool(finished)
        self._hands.forget(finished)
        self._hands.take(deliveries, messages, posted, owner=self.id)

    def _say(self, sayings: Iterable[Saying]) -> None:
        for saying in sayings:
            log.log(saying.level, saying.event, **saying.fields)
            self._count(saying.counts)
            if saying.sent:
                self._tally.sent(saying.sent)

    def _count(self, counts: Iterable[Count]) -> None:
        for count in counts:
            self._tally.add(count)

    def _look(self) -> claiming.Due:
        """What seems to be there to claim: a look without the lock, so that nobody waits for it."""
        if self._stopping.is_set():
            return claiming.NOTHING
        with self.database.read() as connection:
            return claiming.look(connection, self._clock.now(), self._tokens if self._may_send else (), self._health)

    @property
    def _may_send(self) -> bool:
        return self.settings.sending != "off"

    def _claim(
        self,
        connection: Connection,
        finished: list[Done],
        due: claiming.Due,
        health: Mapping[str, AccountHealth],
        now: datetime,
    ) -> tuple[list[Delivery], list[Claimed], Mapping[str, AccountHealth]]:
        if self._stopping.is_set():
            return [], [], health
        deliveries: list[Delivery] = []
        for_deliveries, for_messages, _ = self._hands.room(finished)
        if due.deliveries and for_deliveries:
            deliveries = processing.claim(connection, self.id, for_deliveries, now)
        if not (for_messages and self._may_send):
            return deliveries, [], health
        new = {draft.account for done in finished if isinstance(done.result, Processed) for draft in done.result.drafts}
        # What has only been looked at leaves now.
        new |= {
            done.work.account for done in finished if isinstance(done.work, Message) and isinstance(done.result, Next)
        }
        health, messages = claiming.claim(
            connection,
            self.id,
            for_messages,
            now,
            health,
            names=[name for name in self._tokens if name in due.accounts | new],
            requests_per_second=self.settings.rate,
            released_only=self.settings.sending == "hold",
        )
        return deliveries, messages, health

    def _claim_postings(
        self, connection: Connection, finished: list[Done], now: datetime, *, is_due: bool
    ) -> list[Posting]:
        room = self._hands.room(finished)[2]
        # Among what is finished may be somebody's answer, which this turn has put down.
        if self._stopping.is_set() or not room or not (is_due or finished):
            return []
        return postings.claim(connection, self.id, room, now)

    def _drain(self, deadline: float) -> None:
        """Let what is under way end and record it; give the rest back."""
        while self._hands.is_busy and time.monotonic() < deadline:
            self._wake.wait(0.2)
            self._wake.clear()
            self._retrying(self._turn)
        try:
            self._sign_off()
        except StoreUnavailable as error:
            # The others will find this worker dead.
            log.error("worker.database_unavailable", error=str(error))
        self._hands.let_go()

    def _sign_off(self) -> None:
        with self.database.write() as connection:
            self._presence.leave(connection, sent=self._hands.sending, posted=self._hands.posting)
