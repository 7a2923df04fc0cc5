"""A worker among the others: announced, kept alive by a heartbeat, taking over from the dead, leaving in good order."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bridge.store import (
    account_health,
    confirming,
    opt_outs,
    people,
    pictures,
    postings,
    processing,
    recording,
    sending,
    setting_aside,
    sightings,
    switches,
    workers,
)
from bridge.tally import MESSAGES, Count

log = structlog.get_logger()

# It looks at everything that waits, so not at every beat.
_TIDY_EVERY_SECONDS = 30.0


@dataclass(kw_only=True)
class Presence:
    """One life of a worker as the database knows it. Takes the connection of the worker's transaction."""

    me: workers.Identity
    accounts: Collection[str]
    tokens: Collection[str]
    sending: str
    keeps_quiet: bool
    retain_sightings: int
    # What is to be counted once the transaction is committed.
    counts: list[Count] = field(default_factory=list, init=False)
    # Whether the last transaction may have been committed without our hearing of it.
    _is_in_doubt: bool = field(default=False, init=False)
    _was_without_database: float = field(default=float("-inf"), init=False)
    _next_tidy: float = field(default=0.0, init=False)
    # The templates that were paused when this was looked at last, with those whose messages are still set aside.
    _paused: frozenset[str] = field(default=frozenset(), init=False)

    def be_called(self, name: str) -> None:
        """Go by another name from now on: another live worker has ours."""
        if name != self.me.name:
            log.warning("worker.renamed", worker=self.me.name, to=name, why="another live worker has the name")
            self.me = replace(self.me, name=name)

    def lost_the_database(self) -> None:
        """Remember that a transaction has failed, and that the other workers were as silent meanwhile."""
        self._is_in_doubt, self._was_without_database = True, time.monotonic()

    def arrive(self, connection: Connection, now: datetime) -> None:
        """Announce this worker, and take up what nobody holds any more."""
        self.counts.clear()
        if self._is_in_doubt:
            self.me = workers.Identity(name=self.me.name)
        # As every turn begins: without it two workers could wait for each other's rows crosswise.
        account_health.read(connection)
        workers.register(connection, self.me, now)
        for owner in workers.orphaned_owners(connection):
            workers.recover(connection, owner)
        self._take_over(connection, now, is_new=True)
        # Also those without a token: their rows are what workers take turns by.
        account_health.add(connection, self.accounts)
        self._tidy(connection, now)

    def beat(
        self,
        connection: Connection,
        now: datetime,
        *,
        processed: Collection[int | None],
        sent: Collection[int],
        posted: Collection[int] = (),
    ) -> None:
        """Say that this worker is alive, with these deliveries, messages and postings under way, and look after the
        others."""
        self.counts.clear()
        if not workers.beat(connection, self.me, now):
            # The others took us for dead and gave our work away; what is under way will be fenced off.
            log.error("worker.was_taken_for_dead", worker=self.me.name)
            self.me = workers.Identity(name=self.me.name)
            workers.register(connection, self.me, now)
        if self._is_in_doubt:
            # What a commit whose answer was lost has claimed is ours, and no thread has it.
            processing.release(connection, self.me.id, but=processed)
            sending.release(connection, self.me.id, but=sent)
            postings.release(connection, self.me.id, but=posted)
            self._is_in_doubt = False
        if self._take_over(connection, now) or time.monotonic() >= self._next_tidy:
            self._tidy(connection, now)
        else:
            self._let_go_on(connection, now)

    def leave(self, connection: Connection, *, sent: Collection[int], posted: Collection[int] = ()) -> None:
        """Give back everything; `sent` and `posted` are messages and postings whose sending outlasts us, and who may
        have left."""
        account_health.read(connection)
        processing.release(connection, self.me.id)
        sending.release(connection, self.me.id, but=sent)
        postings.release(connection, self.me.id, but=posted)
        # The next worker treats these like a dead worker's.
        sending.recover(connection, self.me.id)
        postings.recover(connection, self.me.id)
        workers.sign_off(connection, self.me)

    def _take_over(self, connection: Connection, now: datetime, *, is_new: bool = False) -> bool:
        # Without a database all are silent; the others come back within seconds, too.
        judges = time.monotonic() - self._was_without_database > workers.DEAD_AFTER.total_seconds()
        taken = workers.take_over(connection, self.me, now, is_new=is_new, judges_silence=judges)
        for name, count in taken:
            log.warning("worker.taken_over", worker=name, rows=count)
        return bool(taken)

    def _let_go_on(self, connection: Connection, now: datetime, *, looks: bool = False) -> None:
        """Take back what was set aside for templates that are paused no more. It `looks` even if none has gone on."""
        paused = switches.read(connection).templates
        if not (looks or self._paused - paused):
            self._paused = paused
        elif setting_aside.take_back(connection, paused, now) == setting_aside.AT_ONCE:
            # There may be more: that is for the next beat.
            self._paused |= paused | {""}
        else:
            self._paused = paused

    def _tidy(self, connection: Connection, now: datetime) -> None:
        """What came back from a dead worker, or from one with other settings, obeys ours; what is late is over."""
        self._next_tidy = time.monotonic() + _TIDY_EVERY_SECONDS
        recording.settle_waiting(connection, now, tokens=self.tokens, sending=self.sending)
        if not self.keeps_quiet:
            recording.end_quiet_hours(connection, now)
        if expired := recording.expire(connection, now):
            self.counts += [Count(metric=MESSAGES, labels=of, by=many) for of, many in expired.items()]
            log.warning("messages.expired", count=expired.total())
        self._let_go_on(connection, now, looks=True)
        people.forget(connection, now)
        opt_outs.forget(connection, now)
        confirming.forget(connection, now)
        pictures.forget(connection, now)
        sightings.forget(connection, now, self.retain_sightings)
