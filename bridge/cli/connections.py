"""`bridge connections`: who may send webhooks here, what was refused lately and why, and which secrets are in use."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from bridge import rotation
from bridge.cli import output, setup
from bridge.connections import Connection, setting_prefix
from bridge.reasons import CAUSES
from bridge.rotation import Secret
from bridge.settings import Settings
from bridge.store import refusals, reporting, secret_use
from bridge.store.reporting import Period
from bridge.store.secret_use import Use

COLUMNS = ("name", "source", "path", "verification", "until", "last_webhook", "refused_24h")

_LATELY = timedelta(hours=24)
_SHOWN = 10

Uses = Mapping[tuple[str, str], Use]


@click.group()
def connections() -> None:
    """Look at connections and at what they refuse; have one report for another day."""


@connections.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """Every connection: its address, whether it enforces, its last genuine webhook, and what it refused in 24 hours."""
    settings = setup.read_settings()
    database = setup.open_database(settings)
    with database.read() as connection:
        now = database.now(connection)
        periods, uses = reporting.read(connection), secret_use.read(connection)
        refused = refusals.counted(connection, now - _LATELY)
    rows = [
        {**_row(one, periods.get(one.name), uses, now), "refused_24h": refused.get(one.name, 0)}
        for one in settings.connections.values()
    ]
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, rows, empty="No connection is configured: set for example SHOPIFY_SECRETS.")


def _row(one: Connection, period: Period | None, uses: Uses, now: datetime) -> dict[str, Any]:
    """What is told of a connection. `verification` is what holds: `report` ends by itself."""
    is_set = one.verification == "report"
    until = period.until if period and is_set else None
    last = [secret.last_used_at for secret in _secrets(one, uses, now) if secret.last_used_at]
    return {
        "name": one.name,
        "source": one.source,
        "path": f"/hooks/{one.name}",
        "verification": "report" if until and until > now else "enforce",
        "set_to": one.verification,
        "until": until,
        "last_webhook": max(last, default=None),
    }


def _secrets(one: Connection, uses: Uses, now: datetime) -> list[Secret]:
    found = (uses.get((one.name, rotation.fingerprint(one.name, secret))) for secret in one.secrets)
    return rotation.judge([(use.first, use.last) if use else (None, None) for use in found], now)


@connections.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(name: str, as_json: bool) -> None:
    """One connection: which of its secrets are in use, and the last webhooks it refused, with the probable cause."""
    settings = setup.read_settings()
    one = _find(settings, name)
    database = setup.open_database(settings)
    with database.read() as connection:
        now = database.now(connection)
        periods, uses = reporting.read(connection), secret_use.read(connection)
        refused = refusals.read(connection, name, limit=refusals.KEPT)
    refused = [{**row, "sentence": CAUSES.get(row["cause"], "")} for row in refused]
    secrets = _secrets(one, uses, now)
    row = _row(one, periods.get(name), uses, now)
    if as_json:
        output.print_json({**row, "secrets": [asdict(secret) for secret in secrets], "refused": refused})
        return
    click.echo(f"Connection {name} ({one.source}) at {(settings.public_url or '').rstrip('/')}{row['path']}")
    click.echo(f"  verification  {_verification(row, now)}")
    for secret in secrets:
        click.echo(f"  {_secret(secret, secrets, now)}")
    for line in _refused(refused, now):
        click.echo(f"  {line}")


def _verification(row: Mapping[str, Any], now: datetime) -> str:
    renew = f"`bridge connections renew {row['name']}`"
    if row["set_to"] == "enforce":
        return "enforce: what cannot be verified is refused"
    if row["until"] is None:
        return "enforce: report is set, but no web process has started with it yet"
    if row["verification"] == "enforce":
        return f"enforce: report ended {_ago(row['until'], now)}; {renew} begins it anew"
    left = output.counted(max(1, round((row["until"] - now).total_seconds() / 3600)), "hour")
    return f"report, for {left} more: what cannot be verified is kept, and its texts are held; {renew}"


def _secret(secret: Secret, all_of_them: Sequence[Secret], now: datetime) -> str:
    which = f"secret {secret.number} of {len(all_of_them)}"
    if secret.number == 1 and len(all_of_them) > 1:
        which += " (newest)"
    if secret.last_used_at is None:
        used, unused = "never used", "never used"
    else:
        used, unused = f"last used {_ago(secret.last_used_at, now)}", f"not used for {_span(now - secret.last_used_at)}"
    return f"{which}: {used}" + (f"; can be removed: {unused}" if secret.removable else "")


def _refused(rows: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    if not rows:
        yield "refused       nothing is on record"
        return
    for row in rows[:_SHOWN]:
        times = "" if row["count"] == 1 else f", at least {row['count']} times within a minute"
        kept = "kept, unverified" if row["was_stored"] else "refused"
        words = " ".join(part for part in (CAUSES.get(row["cause"]), row["detail"]) if part)
        yield f"{kept} {_ago(row['at'], now)}{times}: {row['cause']}: {words}"
        seen = row["seen"]
        looks = (f"{seen.get('bytes', 0)} bytes", seen.get("content_type"), seen.get("user_agent"))
        yield f"    {', '.join(look for look in looks if look)}; headers: {', '.join(seen.get('headers', ()))}"
    if (more := len(rows) - _SHOWN) > 0:
        yield f"and {more} more: --json has them all"


def _ago(moment: datetime, now: datetime) -> str:
    """`3 minutes ago`; the day where it is long past."""
    past = now - moment
    return f"{_span(past)} ago" if past < timedelta(days=2) else f"on {moment:%Y-%m-%d}"


def _span(time: timedelta) -> str:
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return output.counted(minutes, "minute")
    return output.counted(minutes // 60, "hour") if minutes < 48 * 60 else output.counted(minutes // 1440, "day")


@connections.command()
@click.argument("name")
def renew(name: str) -> None:
    """Have a connection report for 24 hours from now: what cannot be verified is kept, and its texts are held."""
    settings = setup.read_settings()
    one = _find(settings, name)
    if one.verification != "report":
        _fail(f"{name} enforces; set {setting_prefix(name)}_VERIFICATION=report, and start the web processes with it")
    database = setup.open_database(settings)
    with database.write() as connection:
        period = reporting.renew(connection, name, database.now(connection))
    click.echo(f"{name} reports until {period.until:%Y-%m-%d %H:%M}Z; web processes know it within seconds.")


def _find(settings: Settings, name: str) -> Connection:
    if name not in settings.connections:
        known = ", ".join(settings.connections) or "none"
        raise click.UsageError(f"there is no connection {name!r}; configured: {known}")
    return settings.connections[name]


def _fail(problem: str) -> None:
    click.echo(f"bridge: {problem}", err=True)
    sys.exit(1)
