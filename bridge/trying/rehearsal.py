"""Recorded samples walked through the real path without a server: for `check`, `preview`, `demo` and the console."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge import pipeline, sources
from bridge.compose import Template
from bridge.connections import Account, Connection
from bridge.errors import PersonUnknown, Unreadable
from bridge.events import PLACES, Delivery, Lookup, Nothing, Place
from bridge.messages import Deferred, Draft, Processed
from bridge.phone import ALLOWED_REGIONS
from bridge.route import Fetch, Route
from bridge.settings import Settings
from bridge.sighting import Find, Sighting, order_keys, parcel_key
from bridge.sighting_json import from_known
from bridge.sources import Source, samples
from bridge.sources._fields import text_of
from bridge.sources.samples import Sample


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A connection that samples are rehearsed on, with the brand its texts bear."""

    connection: Connection
    source: Source
    account: Account
    allowed_regions: Collection[str] = ALLOWED_REGIONS
    phone_preference: tuple[Place, ...] = PLACES


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One sample on one stage, and what it comes to."""

    stage: Stage
    sample: Sample
    result: Processed

    @property
    def name(self) -> str:
        """`shopify/orders_create`."""
        return f"{self.stage.connection.name}/{self.sample.name}"

    @property
    def brand(self) -> str | None:
        """The name that stands before its texts."""
        return self.stage.account.brand


def stages(settings: Settings) -> list[Stage]:
    """Each configured connection; and each source without one, under its own name."""
    configured = list(settings.connections.values())
    spare = set(sources.names()) - {connection.source for connection in configured}
    return [
        Stage(
            connection=connection,
            source=sources.find(connection.source),
            account=settings.accounts[connection.account],
            allowed_regions=settings.allowed_regions,
            phone_preference=settings.phone_preference,
        )
        for connection in [*configured, *(_unconfigured(name) for name in sorted(spare))]
    ]


def bare_stages(brand: str) -> list[Stage]:
    """Each source under its own name, without any settings."""
    account = Account(name="attentive", brand=brand)
    return [_bare_stage(source, account) for source in sources.discover().values()]


def _bare_stage(source: Source, account: Account) -> Stage:
    return Stage(connection=_unconfigured(source.name), source=source, account=account)


def _unconfigured(source: str) -> Connection:
    return Connection(name=source, source=source, secrets=())


def rehearse(
    stage: Stage, templates: Sequence[Template], now: datetime, *, keeps_quiet: bool = False
) -> Iterator[Rehearsal]:
    """What each sample of the stage's source comes to with these templates.

    The platform's answer to a look-up is the one that was recorded with the sample.
    """
    for sample in samples.load(stage.source.name).values():
        result = rehearse_one(stage, sample, templates, now, keeps_quiet=keeps_quiet)
        yield Rehearsal(stage=stage, sample=sample, result=result)


def rehearse_one(
    stage: Stage, sample: Sample, templates: Sequence[Template], now: datetime, *, keeps_quiet: bool = False
) -> Processed:
    """What one sample comes to."""
    delivery = _delivery(stage.connection.name, sample, now)
    result = pipeline.process(delivery, route_of(stage, sample, keeps_quiet=keeps_quiet), templates, now)
    if isinstance(result, Deferred):
        raise AssertionError(f"{sample.name}: a recorded answer is never late")
    return result


def route_of(stage: Stage, sample: Sample | None = None, *, keeps_quiet: bool = False) -> Route:
    """The route of the stage's webhooks, whose platform knows what was recorded with the sample.

    What a text says does not depend on the hour of the rehearsal: quiet hours are kept only where they are the point.
    """
    return Route(
        connection=stage.connection,
        source=stage.source,
        account=stage.account,
        allowed_regions=frozenset(stage.allowed_regions),
        phone_preference=stage.phone_preference,
        is_live=False,
        sending="on",
        keeps_quiet=keeps_quiet,
        fetch=_answers(sample) if sample else None,
        find=_sightings(sample) if sample and "sighting" in sample.lookups else None,
    )


def find_stage(stages: Sequence[Stage], template: Template, name: str) -> Stage:
    """The stage that tests of `template` play on: that of a connection or a source of this name.

    A template for one connection plays on that one, whether it is configured or not.
    """
    of_source = [stage for stage in stages if name in (stage.connection.name, stage.source.name)]
    chosen = next((stage for stage in of_source if stage.connection.name in template.connections), None)
    if chosen or not template.connections:
        return chosen or (of_source or stages)[0]
    stand_in = replace((of_source or stages)[0].connection, name=min(template.connections))
    return replace((of_source or stages)[0], connection=stand_in)


def texts(rehearsals: Sequence[Rehearsal]) -> list[tuple[Rehearsal, Draft]]:
    """Every draft of every rehearsal."""
    return [(rehearsal, draft) for rehearsal in rehearsals for draft in rehearsal.result.drafts]


def lookups(source: Source, sample: Sample) -> list[tuple[Lookup, Mapping[str, object]]]:
    """What the bridge would ask the platform about this sample, and the recorded answers."""
    asked: list[tuple[Lookup, Mapping[str, object]]] = []

    def fetch(lookup: Lookup) -> Mapping[str, object]:
        found = _answers(sample)(lookup)
        asked.append((lookup, found))
        return found

    now = datetime.now(UTC)
    route = replace(route_of(_bare_stage(source, Account(name="attentive")), sample), fetch=fetch)
    try:
        parsed = route.parse(_delivery(source.name, sample, now), now)
        for event in () if isinstance(parsed, Nothing) else parsed:
            route.look_up(event)
    except (Unreadable, PersonUnknown):
        pass  # nothing (more) is asked about it
    return asked


def _delivery(connection: str, sample: Sample, now: datetime) -> Delivery:
    return Delivery(connection=connection, headers=sample.headers, body=sample.body, received_at=now)


def recorded_sightings(walk: Rehearsal) -> list[Sighting]:
    """What shops are to have told before a carrier's sample comes, under each key that its events have."""
    if "sighting" not in walk.sample.lookups:
        return []
    now = datetime.now(UTC)
    route = route_of(walk.stage, walk.sample)
    try:
        parsed = route.parse(_delivery(walk.stage.connection.name, walk.sample, now), now)
    except Unreadable:
        return []  # it makes no message, whoever is known
    events = () if isinstance(parsed, Nothing) else parsed
    keys = {key for event in events for key in (parcel_key(event.shipment), *order_keys(event.order)) if key}
    return list(_sightings(walk.sample)(walk.stage.connection.name, keys).values())


def _sightings(sample: Sample) -> Find:
    """Shops that told only what was recorded with a sample."""

    def find(account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
        known = sample.lookups["sighting"]
        identity = text_of(known.get("identity"))
        return {key: from_known(known, account=account, key=key, identity=identity) for key in keys}

    return find


def _answers(sample: Sample) -> Fetch:
    """A platform that knows only what was recorded with a sample."""

    def fetch(lookup: Lookup) -> Mapping[str, object]:
        if lookup.what not in sample.lookups:
            raise PersonUnknown(f"No answer is recorded for {lookup.what} {lookup.id}.")
        return sample.lookups[lookup.what]

    return fetch
