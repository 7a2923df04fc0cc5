"""`bridge verify`: the signature doctor, on a request that was saved."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

from bridge import sources
from bridge.cli import output, saved_request
from bridge.cli.saved_request import SavedRequest
from bridge.connections import Connection, ConnectionReader, setting_prefix
from bridge.environment import Environment
from bridge.errors import Misconfigured
from bridge.events import Delivery
from bridge.reasons import CAUSES
from bridge.signature_doctor import Diagnosis, diagnose
from bridge.signature_doctor.other_schemes import proves


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """What --at means."""
    if value is None:
        return None
    try:
        return saved_request.moment(value)
    except (ValueError, TypeError) as error:
        raise click.BadParameter("write it like 2026-11-23T10:00:00Z", context, parameter) from error


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """What the doctor says. `secret` is the position of the one that fits, counted from 1; None where none does."""

    found: Diagnosis
    ok: bool
    secret: int | None
    notes: Sequence[str]


_FILE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


@click.command()
@click.argument("connection")
@click.option("--request", "path", type=_FILE, required=True, metavar="FILE", help="- reads standard input.")
@click.option("--secret", "secrets", multiple=True, metavar="TEXT", help="Use this instead of the settings' secrets.")
@click.option(
    "--url", metavar="URL", help="The address that the platform called. Default: PUBLIC_URL, else what FILE says."
)
@click.option(
    "--at",
    callback=_moment,
    metavar="TIME",
    help="When it was received. Default: what FILE says, else its time is no matter.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def verify(
    connection: str,
    path: str,
    secrets: tuple[str, ...],
    url: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Say whether a saved request to CONNECTION verifies and, if not, why.

    CONNECTION is one of the settings, or with --secret also the name of a platform. FILE holds the request as HTTP
    (request line, headers, blank line, exact body), as JSON {"method", "url", "headers", "body" or "body_base64"}, as a
    HAR file or as a curl command. Nothing is sent and no database is needed.

    Exit status: 0 if it verifies, 1 if not, 2 for wrong usage.
    """
    environment = Environment()
    known = {one.name: one for one in ConnectionReader(environment, sources.discover().keys()).connections()}
    public_url = environment.text("PUBLIC_URL")
    chosen = _chosen(connection, secrets, known, environment)
    try:
        with click.open_file(path, "rb") as file:
            saved = saved_request.read(file.read())
    except ValueError as error:
        raise click.UsageError(f"--request: {error}") from error
    others = [other for other in known.values() if other.name != connection]
    verdict = _judge(
        chosen, saved, others, url=url or _called(saved, connection, public_url), at=at or saved.received_at
    )
    if as_json:
        output.print_json(_document(verdict))
    else:
        _show(chosen, verdict)
    sys.exit(0 if verdict.ok else 1)


def _chosen(
    name: str, secrets: tuple[str, ...], known: Mapping[str, Connection], environment: Environment
) -> Connection:
    """The connection with the secrets to try. Raises UsageError."""
    if name in known:
        return replace(known[name], secrets=secrets or known[name].secrets)
    if name in sources.discover():
        if secrets:
            return Connection(name=name, source=name, secrets=secrets)
        raise click.UsageError(f"no secret is known: set {setting_prefix(name)}_SECRETS, or give --secret")
    there = ", ".join(sorted({*known, *sources.discover()}))
    if about_it := [problem for problem in environment.problems() if setting_prefix(name) in problem]:
        raise Misconfigured(about_it)
    raise click.UsageError(f"{name!r} is neither a connection of the settings nor a platform; there are: {there}")


def _called(saved: SavedRequest, connection: str, public_url: str | None) -> str:
    """The address as the running bridge would take it."""
    if not public_url:
        return saved.url
    try:
        parts = urlsplit(saved.url)
    except ValueError:
        return saved.url
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return public_url.rstrip("/") + (path or f"/hooks/{connection}")


def _judge(
    chosen: Connection, saved: SavedRequest, others: Sequence[Connection], *, url: str, at: datetime | None
) -> _Verdict:
    source = sources.discover()[chosen.source]
    header = chosen.signature_header or source.signature_header
    delivery = Delivery(
        connection=chosen.name,
        headers=saved.headers,
        body=saved.body,
        received_at=at or datetime.now(UTC),
        method=saved.method,
        url=url,
    )
    found = diagnose(
        delivery, source.scheme, chosen.secrets, header=header, others={other.name: other.secrets for other in others}
    )
    notes = list(saved.notes)
    ok = found.cause == "verifies"
    # What was saved is old by nature: only where it is known when it came in can it have been too old then.
    if found.cause == "stale_timestamp" and at is None:
        ok = True
        notes.append(f"It would be refused now: {found.detail[:1].lower()}{found.detail[1:]}")
        found = Diagnosis(cause="verifies")
    return _Verdict(found=found, ok=ok, secret=_fitting(delivery, chosen, header), notes=notes)


def _fitting(delivery: Delivery, chosen: Connection, header: str) -> int | None:
    scheme = sources.discover()[chosen.source].scheme
    fitting = (n for n, secret in enumerate(chosen.secrets, start=1) if proves(scheme, delivery, [secret], header))
    return next(fitting, None)


def _document(verdict: _Verdict) -> dict[str, object]:
    return {
        "ok": verdict.ok,
        "reason": None if verdict.ok else verdict.found.cause,
        "sentence": CAUSES[verdict.found.cause],
        "detail": verdict.found.detail,
        "secret": verdict.secret,
        "notes": list(verdict.notes),
    }


def _show(chosen: Connection, verdict: _Verdict) -> None:
    said = click.style("verifies", fg="green") if verdict.ok else click.style("does not verify", fg="red")
    click.echo(f"{chosen.name}: {said}")
    if not verdict.ok:
        click.echo(f"  reason  {CAUSES[verdict.found.cause]} ({verdict.found.cause})")
    if verdict.found.detail:
        click.echo(f"  detail  {verdict.found.detail}")
    if verdict.secret:
        click.echo(f"  secret  number {verdict.secret} of {len(chosen.secrets)}")
    for note in verdict.notes:
        click.echo(f"  note    {note}")
