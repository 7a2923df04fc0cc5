"""A sample as the platform would send it: with a number of one's own, signed, to the bridge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import requests

from bridge import sources
from bridge.attentive.sandbox import Shelf
from bridge.connections import Connection
from bridge.events import Delivery
from bridge.settings import Settings
from bridge.sources import samples
from bridge.sources.samples import Sample


@dataclass(frozen=True, kw_only=True)
class Signed:
    """One webhook, ready to be posted. `proof` is what the signature adds to its headers."""

    url: str
    headers: Mapping[str, str]
    proof: Mapping[str, str]
    body: bytes

    def post(self) -> requests.Response:
        """The bridge's answer. Raises requests.RequestException."""
        return requests.post(self.url, data=self.body, headers=self.headers, timeout=30, allow_redirects=False)


def numbered(sample: Sample, phone: str) -> dict[str, object]:
    """The values to set so that a sample is about this number. Raises ValueError where it carries none."""
    if not sample.phone:
        raise ValueError(f"the sample {sample.name} carries no phone number; the bridge looks the person up")
    return dict.fromkeys(sample.phone, phone)


def sign(
    settings: Settings, connection: Connection, sample: Sample, *, base: str, secret: str, at: datetime, as_is: bool
) -> Signed:
    """The sample signed as of `at` for the bridge at `base`; `as_is` keeps the ids of its headers."""
    source = sources.find(connection.source)
    url = f"{base.rstrip('/')}/hooks/{connection.name}"
    delivery = Delivery(
        connection=connection.name,
        headers={**sample.headers, **({} if as_is else source.fresh_headers())},
        body=sample.body,
        received_at=at,
        url=f"{settings.public_url}/hooks/{connection.name}" if settings.public_url else url,
    )
    header = connection.signature_header or source.signature_header
    proof = source.sign(delivery, secret, signature_header=header, now=at)
    return Signed(url=url, headers={**delivery.headers, **proof}, proof=proof, body=sample.body)


def shelf_of_all() -> Shelf:
    """The samples of every source, to be looked at: no bridge is known to send them to."""
    return Shelf(connections=lambda: {name: _named(name) for name in sorted(sources.names())})


def shelf_for(settings: Settings, base: str) -> Shelf:
    """The samples of each connection, sent to the bridge at `base` and signed with the connection's newest secret."""

    def send(connection: str, name: str, number: str | None) -> str:
        configured = settings.connections.get(connection)
        sample = samples.load(configured.source).get(name) if configured else None
        if configured is None or sample is None:
            raise ValueError(f"there is no sample {name} of {connection}")
        chosen = sample.refreshed().with_values(numbered(sample, number) if number else {})
        signed = sign(
            settings, configured, chosen, base=base, secret=configured.secrets[0], at=datetime.now(UTC), as_is=False
        )
        try:
            answer = signed.post()
        except requests.RequestException:
            raise ValueError(f"nothing answers at {base}; is the bridge running?") from None
        return f"{answer.status_code} {answer.text.strip()[:200]}"

    def connections() -> Mapping[str, Mapping[str, str]]:
        return {name: _named(one.source) for name, one in sorted(settings.connections.items())}

    return Shelf(bridge=base, connections=connections, send=send)


def _named(source: str) -> dict[str, str]:
    return {name: sample.about for name, sample in samples.load(source).items()}
