"""Recorded samples walked through the real path without a server: what `check`, `preview` and `demo` show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge import pipeline, sources
from bridge.compose import Template
from bridge.errors import PersonUnknown, Unreadable
from bridge.events import Delivery, Lookup, Nothing
from bridge.messages import Deferred, Draft, Processed
from bridge.route import Fetch, Route
from bridge.settings import Account, Connection
from bridge.sources import Source, samples
from bridge.sources.samples import Sample


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One sample and what it comes to."""

    source: str
    sample: Sample
    result: Processed

    @property
    def name(self) -> str:
        """`shopify/orders_create`."""
        return f"{self.source}/{self.sample.name}"


def all_samples() -> Iterator[tuple[Source, Sample]]:
    """Every sample of every source."""
    for source in sources.discover().values():
        for sample in samples.load(source.name).values():
            yield source, sample


def find_sample(source: str, name: str) -> Sample:
    """A sample by name; ValueError lists those there are."""
    known = samples.load(source)
    if name not in known:
        raise ValueError(f"{source} has no sample {name!r}; there are: {', '.join(known)}")
    return known[name]


def lookups(source: Source, sample: Sample) -> list[Lookup]:
    """What the bridge would ask the platform about this sample."""
    delivery = Delivery(connection=source.name, headers=sample.headers, body=sample.body, received_at=datetime.now(UTC))
    try:
        parsed = source.parse(delivery)
    except Unreadable:
        return []
    return [] if isinstance(parsed, Nothing) else [event.lookup for event in parsed if event.lookup]


def rehearse(
    source: Source,
    sample: Sample,
    templates: Sequence[Template],
    *,
    now: datetime,
    brand: str | None,
    allowed_regions: frozenset[str],
) -> Rehearsal:
    """What `sample` comes to with these templates, with the sample's own recorded answer as the platform's."""
    route = Route(
        connection=Connection(name=source.name, source=source.name, secrets=()),
        source=source,
        account=Account(name="attentive", brand=brand),
        allowed_regions=allowed_regions,
        is_live=False,
        sending="on",
        fetch=_answers(sample),
    )
    delivery = Delivery(connection=source.name, headers=sample.headers, body=sample.body, received_at=now)
    result = pipeline.process(delivery, route, templates, now)
    if isinstance(result, Deferred):
        raise AssertionError(f"{sample.name}: a recorded answer is never late")
    return Rehearsal(source=source.name, sample=sample, result=result)


def texts(rehearsals: Sequence[Rehearsal]) -> list[tuple[Rehearsal, Draft]]:
    """Every draft of every rehearsal."""
    return [(rehearsal, draft) for rehearsal in rehearsals for draft in rehearsal.result.drafts]


def _answers(sample: Sample) -> Fetch:
    """A platform that knows only what was recorded with a sample."""

    def fetch(lookup: Lookup) -> Mapping[str, object]:
        if sample.lookup is None:
            raise PersonUnknown(f"No answer is recorded for {lookup.what} {lookup.id}.")
        return sample.lookup

    return fetch
