"""Looking for trouble every few seconds: one process at a time does it for all."""

import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection

from bridge.alerting import Alerting
from bridge.settings import Settings
from bridge.store import alerts, arrivals, leases, postings_ledger, refusals, secret_use, status
from bridge.store.alerts import Alert
from bridge.store.database import Database
from bridge.watching import habits, rules, telling
from bridge.watching.habits import Habit
from bridge.watching.rules import BEFORE, FAILED_WITHIN, HELD_FOR, KINDS, RECENT, Facts, Trouble

if TYPE_CHECKING:
    # A web process does without what reads them.
    from bridge.compose import TemplateFolder

log = structlog.get_logger()

_EVERY_SECONDS = 15.0
# Somebody else looks when one has not done so for this long.
_LEASE = timedelta(seconds=45)

#: What is wrong, as somebody sees it: asked with the time, and what was wrong before.
Look = Callable[[Connection, datetime, Collection[alerts.Key]], list[Trouble]]


@dataclass(kw_only=True)
class Watch:
    """One process that looks for trouble of some `kinds`, and tells of it. Call it every few seconds, in one thread.

    `look` is called in a transaction that webhooks wait for, and `prepare` before it.
    """

    database: Database
    name: str
    kinds: Collection[str]
    look: Look
    alerting: Alerting
    public_url: str | None
    prepare: Callable[[], object] = lambda: None
    _me: str = field(default_factory=lambda: str(uuid.uuid4()), init=False)
    _next: float = field(default=0.0, init=False)

    def __call__(self) -> None:
        """Look, if it is time and nobody else does. Raises StoreUnavailable."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_SECONDS
            self.turn()

    def turn(self) -> None:
        """Look now, and tell what is to be told."""
        with self.database.read() as connection:
            if leases.is_anothers(connection, self.name, self._me, self.database.now(connection)):
                return
        self.prepare()
        with self.database.write() as connection:
            now = self.database.now(connection)
            if not leases.take(connection, self.name, self._me, now, _LEASE):
                return
            before = {(one.kind, one.subject) for one in alerts.read(connection)}
            found = {(one.kind, one.subject): one.words for one in self.look(connection, now, before)}
            alerts.settle(connection, found, now, patience={kind: KINDS[kind].patience for kind in self.kinds})
            due = alerts.claim(connection, now, self.kinds)
        # Outside the transaction: a server that hangs must not keep its lock.
        for one in due:
            self._tell(one)

    def _tell(self, one: Alert) -> None:
        subject, text = telling.words_of(one, self.public_url)
        told = telling.tell(subject, text, self.alerting)
        for way in told:
            if way.problem:
                log.error("alert.not_sent", kind=one.kind, subject=one.subject, way=way.way, problem=way.problem)
        if not telling.is_told(told):
            return
        event = "alert.over" if one.is_over else "alert.still" if one.told else "alert.raised"
        log.warning(event, kind=one.kind, subject=one.subject, words=one.words, since=one.since.isoformat())
        with self.database.write() as connection:
            alerts.told(connection, one, self.database.now(connection))


def of_web(database: Database, settings: Settings) -> tuple[Watch, ...]:
    """What a web process watches: all that the database tells."""

    def look(connection: Connection, now: datetime, before: Collection[alerts.Key]) -> list[Trouble]:
        found = rules.troubles(_facts(connection, now, settings.connections), settings.alerting, before)
        return found + rules.of_callers(settings.callers_without_token)

    return (_watch(database, settings, "watch", KINDS.keys() - {"template_broken"}, look),)


def of_worker(database: Database, templates: "TemplateFolder", settings: Settings) -> tuple[Watch, ...]:
    """What a worker watches: the same, and the templates, which a web process does not have."""

    def look(_connection: Connection, _now: datetime, _before: Collection[alerts.Key]) -> list[Trouble]:
        return rules.of_templates(templates.problems)

    watch = _watch(database, settings, "watch templates", ["template_broken"], look)
    # Also a file that no delivery has asked for yet.
    return *of_web(database, settings), replace(watch, prepare=templates.current)


def _watch(database: Database, settings: Settings, name: str, kinds: Collection[str], look: Look) -> Watch:
    return Watch(
        database=database,
        name=name,
        kinds=kinds,
        look=look,
        alerting=settings.alerting,
        public_url=settings.public_url,
    )


def _facts(connection: Connection, now: datetime, names: Collection[str]) -> Facts:
    late, all_of_it = (refusals.counted(connection, now - RECENT), refusals.counted(connection, now - RECENT - BEFORE))
    return Facts(
        status=status.read(connection, now),
        held=arrivals.held_since(connection, now - HELD_FOR),
        refused=late,
        refused_before={name: count - late.get(name, 0) for name, count in all_of_it.items()},
        habits=_learn(connection, names),
        now=now,
        postings_failed=postings_ledger.failed_since(connection, now - FAILED_WITHIN),
    )


def _learn(connection: Connection, names: Collection[str]) -> list[Habit]:
    """The habit of each connection there is, with what has come since it was looked at last."""
    last: dict[str, datetime] = {}
    for (name, _), use in secret_use.read(connection).items():
        if name in names:
            last[name] = max(use.last, last.get(name, use.last))
    known = {name: Habit(**row) for name, row in arrivals.read_habits(connection).items()}
    learned = {
        name: habits.learn(known[name], seen_at) if name in known else habits.begin(name, seen_at)
        for name, seen_at in last.items()
    }
    arrivals.keep_habits(connection, [asdict(one) for name, one in learned.items() if one != known.get(name)])
    return list(learned.values())
