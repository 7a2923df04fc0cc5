"""What a worker's threads do with one piece of work: a delivery is processed, a message delivered at its moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge import faults, fulfilling, pipeline, posting, tracing
from bridge.attentive import apis
from bridge.attentive.client import Client
from bridge.attentive.pace import Pace
from bridge.attentive.pictures import Pictures
from bridge.claiming import Claimed
from bridge.compose import TemplateFolder
from bridge.concluding import Result
from bridge.connections import Api
from bridge.errors import StoreUnavailable, kind_and_place
from bridge.events import Delivery
from bridge.messages import Attempt, Deferred, Message, Outcome, Processed
from bridge.postings import Posting
from bridge.reasons import Reason
from bridge.route import Route
from bridge.settings import Settings
from bridge.store.clock import Clock

log = structlog.get_logger()

_AGAIN_AFTER = timedelta(seconds=2)


@dataclass(kw_only=True)
class Performer:
    """Does the work of one worker process, in any thread. Nothing is written to the database here."""

    settings: Settings
    templates: TemplateFolder
    routes: dict[str, Route]
    clock: Clock
    # The trace that a delivery was stored with, and how often it was processed.
    trace_of: Callable[[int], tuple[str | None, int]] = lambda _delivery: (None, 0)

    def __post_init__(self) -> None:
        self.tokens = {account.name: account.token for account in self.settings.accounts.values() if account.token}
        self._callers = {caller.name: caller for caller in self.settings.callers}
        self._paces = {name: Pace(requests_per_second=self.settings.rate) for name in self.tokens}
        # One for all accounts of an API, so that their threads share connections.
        self._clients = {name: self._client(name) for name in {one.api for one in self.settings.accounts.values()}}
        self._pictures = Pictures(
            is_live=self.settings.is_live,
            public_url=self.settings.public_url,
            # A server of pictures that hangs must not hold up the texts without one.
            at_once=max(1, self.settings.worker_threads // 2),
        )

    def _client(self, api: Api) -> Client:
        return Client(
            self.settings.attentive_url,
            connect_timeout=self.settings.connect_timeout,
            read_timeout=self.settings.read_timeout,
            api=apis.named(api, short_links=self.settings.short_links, templates=self._template_names),
        )

    def _template_names(self) -> list[str]:
        # As they were last read: whoever processes deliveries looks at the folder. What programs send is counted with
        # them, so that every worker gives the same ones names of their own.
        of_programs = [fulfilling.KIND] if self._callers else []
        return [*(template.name for template in self.templates.current(since=0.0)), *of_programs]

    def perform(self, work: Delivery | Claimed | Posting, since: float) -> Result:
        """What a piece of work comes to, by templates as they were at `since` (of time.monotonic()) or later."""
        with structlog.contextvars.bound_contextvars(**_ids(work)):
            return self._perform(work, since)

    def _perform(self, work: Delivery | Claimed | Posting, since: float) -> Result:
        try:
            if isinstance(work, Posting):
                return posting.put(work, self.routes, self.clock.now)
            return self._process(work, since) if isinstance(work, Delivery) else self._deliver(work.message, work.at)
        except Exception as error:  # noqa: BLE001 - one bad webhook must not stop the others
            return self.crashed(work.message if isinstance(work, Claimed) else work, error)

    def _process(self, delivery: Delivery, since: float) -> Result:
        ids = {"connection": delivery.connection}
        with tracing.delivery_span(delivery.headers.get(tracing.CARRIER), delivery.id, delivery.attempts, **ids):
            return self._parse(delivery, since)

    def _parse(self, delivery: Delivery, since: float) -> Result:
        if caller := self._callers.get(delivery.connection):
            return fulfilling.process(delivery, caller, self.settings, self.clock.now())
        route = self.routes.get(delivery.connection)
        if route is None:
            return Processed(state="parked", reason=Reason(code="unknown_connection", detail=delivery.connection))
        try:
            return pipeline.process(delivery, route, self.templates.current(since=since), self.clock.now())
        except StoreUnavailable as error:
            # What shops told before could not be read.
            return Deferred(due=self.clock.now() + _AGAIN_AFTER, waiting_for="database", detail=str(error))

    def _deliver(self, message: Message, at: datetime) -> Result:
        # Asked for only where it is told: it costs a look into the database.
        carrier, processed = self.trace_of(message.delivery_id) if tracing.is_on() else (None, 0)
        ids = {"message": message.id, "account": message.account, "template": message.template}
        with tracing.message_span(carrier, message.delivery_id, processed, **ids):
            return self._send(message, at)

    def _send(self, message: Message, at: datetime) -> Result:
        self._paces[message.account].wait((at - self.clock.now()).total_seconds())
        return pipeline.deliver(
            message,
            self.tokens[message.account],
            self._clients[self.settings.accounts[message.account].api],
            self.clock.now,
            look=lambda one: self._pictures.look(one, self.clock.now),
            settings=self.settings,
        )

    def crashed(self, work: Delivery | Message | Posting, error: Exception) -> Result:
        """The result of work that an error has broken off."""
        # The exception's own words may quote the payload, so only its kind and place are logged.
        place = kind_and_place(error)
        kind = type(work).__name__.lower()
        log.error("worker.crashed", **{kind: work.id}, error=place)
        faults.tell(error, **{kind: work.id})
        if isinstance(work, Delivery):
            return Processed(state="parked", reason=Reason(code="crashed", detail=place))
        if isinstance(work, Posting):
            return posting.crashed(place, self.clock.now())
        # Nobody knows how far it came.
        return Attempt(outcome=Outcome.UNKNOWN, started_at=self.clock.now(), seconds=0.0, words=place)


def _ids(work: Delivery | Claimed | Posting) -> dict[str, object]:
    """What every line for the log tells that is said while this is worked on."""
    if isinstance(work, Delivery):
        return {"delivery": work.id, "connection": work.connection}
    if isinstance(work, Posting):
        return {"posting": work.id, "message": work.message_id, "connection": work.connection}
    one = work.message
    ids = {"message": one.id, "delivery": one.delivery_id, "attempt": one.attempts}
    return {**ids, "connection": one.connection, "account": one.account, "template": one.template}
