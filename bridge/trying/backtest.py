"""Plays recorded webhooks through templates as they are now, and counts what would be different. Nothing is sent."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge import fulfilling, joining, pipeline, sms
from bridge.compose import Template
from bridge.errors import LookupFailed, kind_and_place
from bridge.events import Event, Lookup, PhoneCandidate
from bridge.messages import Deferred, Draft, Processed
from bridge.reasons import Reason
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.history import Past, PastMessage
from bridge.trying.comparing import Comparer, Comparison


def routes_of_the_past(settings: Settings, database: Database, *, looks_up: bool) -> dict[str, Route]:
    """The routes that recorded webhooks are played on: that sending is off says nothing about a text."""
    made = joining.in_hindsight(routes(settings, looks_up=looks_up), database, days=settings.retain_sightings)
    return {name: replace(route, sending="on") for name, route in made.items()}


@dataclass(kw_only=True)
class Count:
    """What there was to see of one template. `segments` are those of all its texts, before and now."""

    deliveries: int = 0
    same: int = 0
    text: int = 0
    recipient: int = 0
    segments: int = 0
    link: int = 0
    picture: int = 0
    quiet_hours: int = 0
    held: int = 0
    skipped: int = 0
    expired: int = 0
    additional: int = 0
    gone: int = 0
    reason: int = 0
    segments_before: int = 0
    segments_now: int = 0


@dataclass(kw_only=True)
class Backtest:
    """Goes through a past, oldest first; afterwards its fields tell what would be different.

    With `only`, messages of other templates are not looked at. `differences` are the newest; `different` counts them
    all. `unknown` counts deliveries that nothing can be said of without a look-up, `by_record` those that were told by
    the number on record instead. Without `looks_up` no platform is asked.
    """

    templates: Sequence[Template]
    routes: Mapping[str, Route]
    cap_per_person: int
    looks_up: bool
    most: int
    only: str | None = None
    counts: dict[str, Count] = field(default_factory=dict)
    deliveries: int = 0
    waiting: int = 0
    unconfigured: int = 0
    asked_for: int = 0
    erased: int = 0
    unknown: int = 0
    by_record: int = 0
    different: int = 0

    def __post_init__(self) -> None:
        self.differences: deque[Comparison] = deque(maxlen=self.most)
        self._comparer = Comparer(cap_per_person=self.cap_per_person)
        self._brands = {route.account.name: route.account.brand for route in self.routes.values()}

    def look_at(self, batch: Sequence[Past]) -> None:
        """Compare each delivery of a batch."""
        for past in batch:
            self.compare(past)
        if batch:
            self._comparer.forget(batch[-1].delivery.received_at)

    def segments(self, account: str, text: str | None) -> int:
        """What a text costs with the account's brand, which is today's for both sides."""
        if text is None:
            return 0
        return sms.measure(sms.with_brand(text, self._brands.get(account))).segments

    def compare(self, past: Past) -> list[Comparison]:
        """Each message that there was of a delivery or would be, compared; nothing where that cannot be told."""
        self.deliveries += 1
        route = self.routes.get(past.delivery.connection)
        if past.state == "stored":
            self.waiting += 1
            return []
        if past.erased_at:
            self.erased += 1
            return []
        if any(made.template == fulfilling.KIND for made in past.messages):
            self.asked_for += 1
            return []
        if route is None:
            self.unconfigured += 1
            return []
        if self.only is not None:
            past = replace(past, messages=tuple(made for made in past.messages if made.template == self.only))
        result, unknown = self._play(past, route if self.looks_up else replace(route, fetch=ask_nobody))
        found = self._comparer.compare(past, result, but=unknown)
        for one in found:
            self._count(one)
        for name in {one.template for one in found}:
            self.counts[name].deliveries += 1
        return found

    def _play(self, past: Past, route: Route) -> tuple[Processed, Sequence[str]]:
        """What the delivery comes to now, and the templates of which that cannot be told."""
        result = _process(past, route, self.templates)
        if isinstance(result, Processed):
            return result, ()
        # One template's look-up must not keep the others from being told.
        played: list[Processed] = []
        unknown: list[str] = []
        by_record = False
        for template in self.templates:
            one = _process(past, route, [template])
            if isinstance(one, Deferred):
                made = [row for row in past.messages if row.template == template.name and row.to]
                one = _process(past, _with_number(route, made[0].to), [template]) if made else one
                if isinstance(one, Deferred) or not _is_as_made(one, made):
                    unknown.append(template.name)
                    continue
                by_record = True
            played.append(one)
        self.unknown += bool(unknown)
        self.by_record += by_record and not unknown
        drafts = tuple(draft for one in played for draft in one.drafts)
        story = tuple(line for one in played for line in one.story)
        return Processed(drafts=drafts, story=story), unknown

    def _count(self, one: Comparison) -> None:
        count = self.counts.setdefault(one.template, Count())
        before, now = self.segments(one.account, one.text_before), self.segments(one.account, one.text_now)
        count.segments_before += before
        count.segments_now += now
        names = one.changed if one.what == "changed" else (one.what,)
        if one.what == "changed" and before != now:
            names = (*names, "segments")
        for name in names:
            setattr(count, name, getattr(count, name) + 1)
        if one.what != "same":
            self.different += 1
            self.differences.append(one)


def _process(past: Past, route: Route, templates: Sequence[Template]) -> Processed | Deferred:
    """As of the delivery's receipt, so that nothing has expired that had not then."""
    at: datetime = past.delivery.received_at
    try:
        return pipeline.process(past.delivery, route, templates, at)
    except Exception as error:  # noqa: BLE001 - as in the worker, whose loop this is: one bad webhook is one
        return Processed(state="parked", reason=Reason(code="crashed", detail=kind_and_place(error)))


def ask_nobody(lookup: Lookup) -> Mapping[str, object]:
    """A platform that is not asked. Raises LookupFailed."""
    raise LookupFailed(f"{lookup.what} {lookup.id} is not asked for.")


def _with_number(route: Route, number: str | None) -> Route:
    """The route to a platform that knows nothing of a person but the number that is on record."""

    def absorb(event: Event, _answer: Mapping[str, object]) -> Event:
        # Wherever one is looked for first.
        phones = tuple(PhoneCandidate(number=number or "", where=place) for place in route.phone_preference)
        return replace(event, customer=replace(event.customer, phone=number, phones=phones), lookup=None)

    return replace(route, source=replace(route.source, absorb=absorb), fetch=lambda _lookup: {})


def _is_as_made(result: Processed, made: Sequence[PastMessage]) -> bool:
    """Whether the texts are word for word those on record: then it does not matter what else the platform knows."""
    return _texts(result.drafts) == {(row.to, row.body) for row in made if row.body}


def _texts(drafts: Sequence[Draft]) -> set[tuple[str | None, str | None]]:
    return {(draft.to, draft.body) for draft in drafts}
