"""`bridge trigger`: sends a signed sample webhook, as the platform would."""

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import requests

from bridge import sources
from bridge.cli import firing, setup
from bridge.connections import Connection, setting_prefix
from bridge.errors import Unreadable
from bridge.events import Delivery, Nothing
from bridge.settings import Settings
from bridge.sources import Source, samples
from bridge.sources.samples import Sample


@click.command()
@click.argument("connection")
@click.argument("sample", required=False)
@click.option("--to", "phone", help="Write this phone number into the sample.")
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set a value in the body: order_id=5, customer.phone=null.",
)
@click.option(
    "--parcel", metavar="NUMBER", help="Write this tracking number into the sample: a shop's parcel, or a carrier's."
)
@click.option(
    "--as-is", is_flag=True, help="Keep the sample's own ids. Without it each firing is a new order or ticket."
)
@click.option("--bad-signature", is_flag=True, help="Sign with a wrong secret: the bridge must answer 401.")
@click.option("--stale", is_flag=True, help="Sign as of ten minutes ago: the bridge must answer 401.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Send the same request so many times.")
@click.option("--url", help="Where the bridge is. Default http://127.0.0.1:8000 (or PORT).")
def trigger(
    connection: str,
    sample: str | None,
    phone: str | None,
    values: tuple[str, ...],
    parcel: str | None,
    as_is: bool,
    bad_signature: bool,
    stale: bool,
    repeat: int,
    url: str | None,
) -> None:  # fmt: skip
    """Send SAMPLE to CONNECTION, signed with its newest secret. Without SAMPLE, list the samples there are.

    Every firing is a new order or ticket, so that you see a text each time; --as-is and --repeat send the very same.

    A parcel keeps its tracking number, by which carriers' samples find those of shops, and each of its states is texted
    once. --parcel NUMBER makes another parcel: give it to the shop's sample first, then to the carrier's.
    """
    settings = setup.read_settings()
    configured = _configured(settings, connection)
    source = sources.find(configured.source)
    if sample is None:
        for name, found in samples.load(source.name).items():
            click.echo(f"{name:40} {found.about}")
        return
    chosen = _prepare(_sample(source.name, sample), phone, values, as_is=as_is)
    if parcel is not None:
        chosen = _of_parcel(source, chosen, parcel)
    secret = "not-the-secret" if bad_signature else configured.secrets[0]
    now = datetime.now(UTC)
    base = url or f"http://127.0.0.1:{settings.port or 8000}"

    def signed(at: datetime) -> firing.Signed:
        return firing.sign(settings, configured, chosen, base=base, secret=secret, at=at, as_is=as_is)

    one = signed(now - timedelta(minutes=10) if stale else now)
    if stale and one.proof == signed(now).proof:
        raise click.UsageError(f"{source.title} signs no time, so there is no stale webhook of it")
    expected = 401 if bad_signature or stale else 200
    statuses = [_post(one) for _ in range(repeat)]
    if any(status != expected for status in statuses):
        sys.exit(1)


def _configured(settings: Settings, connection: str) -> Connection:
    configured = settings.connections.get(connection)
    if configured is None:
        there_are = ", ".join(settings.connections) or "none"
        hint = (
            f"set {setting_prefix(connection)}_SECRETS" if connection in sources.names() else f"there are: {there_are}"
        )
        raise click.UsageError(f"the connection {connection!r} is not configured; {hint}")
    return configured


def _sample(source: str, name: str) -> Sample:
    known = samples.load(source)
    if name not in known:
        raise click.UsageError(f"{source} has no sample {name!r}; there are: {', '.join(known)}")
    return known[name]


def _prepare(sample: Sample, phone: str | None, values: tuple[str, ...], *, as_is: bool) -> Sample:
    changes: dict[str, object] = {}
    if phone is not None:
        try:
            changes = firing.numbered(sample, phone)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    for pair in values:
        path, separator, text = pair.partition("=")
        if not separator:
            raise click.UsageError(f"--set {pair}: write path=value")
        changes[path] = samples.value_of(text)
    try:
        return (sample if as_is else sample.refreshed()).with_values(changes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _of_parcel(source: Source, sample: Sample, number: str) -> Sample:
    """The sample with another tracking number wherever its own stands, also in the links to follow it."""
    if not re.fullmatch(r"(?=.*\d)[A-Za-z0-9]{6,40}", number):
        raise click.UsageError(f"--parcel {number}: a tracking number has six letters and digits or more")
    old = _tracking_number(source, sample)
    if old is None:
        raise click.UsageError(f"the sample {sample.name} carries no tracking number")
    return replace(sample, body=sample.body.replace(old.encode(), number.encode()))


def _tracking_number(source: Source, sample: Sample) -> str | None:
    """The number of the sample's first parcel, as the source reads it, if it stands in the body."""
    delivery = Delivery(connection=source.name, headers=sample.headers, body=sample.body, received_at=datetime.now(UTC))
    try:
        parsed = source.parse(delivery)
    except Unreadable:
        return None
    events = () if isinstance(parsed, Nothing) else parsed
    numbers = (event.shipment.tracking_number for event in events)
    return next((number for number in numbers if number and number.encode() in sample.body), None)


def _post(one: firing.Signed) -> int | None:
    try:
        answer = one.post()
    except requests.RequestException:
        click.echo(f"bridge: nothing answers at {one.url}; is `bridge serve` running?", err=True)
        return None
    click.echo(f"{answer.status_code} {answer.text.strip()}")
    return answer.status_code
