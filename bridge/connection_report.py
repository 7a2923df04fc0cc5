"""How a connection fares: whether it enforces, when a genuine webhook last came, which secrets are in use, what was
refused. Told by `bridge connections` and by the console."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy

from bridge import rotation
from bridge.connections import Connection, Verification
from bridge.reasons import CAUSES
from bridge.rotation import Secret
from bridge.store import refusals, reporting, secret_use
from bridge.store.reporting import Period
from bridge.store.secret_use import Use
from bridge.wording import ago, counted, span

_LATELY = timedelta(hours=24)

Uses = Mapping[tuple[str, str], Use]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One connection at `now`. `verification` is what holds, `set_to` what is set: `report` ends by itself, at `until`.

    `refused_24h` counts as far as refusals are kept.
    """

    name: str
    source: str
    verification: Verification
    set_to: Verification
    until: datetime | None
    secrets: tuple[Secret, ...]
    fingerprints: tuple[str, ...]
    refused_24h: int
    now: datetime

    @property
    def path(self) -> str:
        """Where its webhooks are taken."""
        return f"/hooks/{self.name}"

    @property
    def last_webhook(self) -> datetime | None:
        """When a genuine webhook last came."""
        return max((one.last_used_at for one in self.secrets if one.last_used_at), default=None)

    @property
    def verification_words(self) -> str:
        """How what cannot be verified is dealt with, and for how long."""
        if self.set_to == "enforce":
            return "enforce: what cannot be verified is refused"
        if self.until is None:
            return "enforce: report is set, but no web process has started with it yet"
        if self.verification == "enforce":
            return f"enforce: report ended {ago(self.until, self.now)}"
        left = counted(max(1, round((self.until - self.now).total_seconds() / 3600)), "hour")
        return f"report, for {left} more: what cannot be verified is kept, and its texts are held"

    def secret_words(self, secret: Secret) -> str:
        """One of its secrets, and whether it can be removed."""
        which = f"secret {secret.number} of {len(self.secrets)}"
        if secret.number == 1 and len(self.secrets) > 1:
            which += " (newest)"
        if secret.last_used_at is None:
            used = unused = "never used"
        else:
            used = f"last used {ago(secret.last_used_at, self.now)}"
            unused = f"not used for {span(self.now - secret.last_used_at)}"
        return f"{which}: {used}" + (f"; can be removed: {unused}" if secret.removable else "")


def read_all(connection: sqlalchemy.Connection, ones: Mapping[str, Connection], now: datetime) -> list[Report]:
    """A report of each connection, in the order of the settings."""
    periods, uses = reporting.read(connection), secret_use.read(connection)
    refused = refusals.counted(connection, now - _LATELY)
    return [_report(one, periods.get(one.name), uses, refused.get(one.name, 0), now) for one in ones.values()]


def read_refused(connection: sqlalchemy.Connection, name: str) -> list[dict[str, Any]]:
    """The last webhooks that a connection refused, the newest first, each with the sentence of its cause."""
    rows = refusals.read(connection, name, limit=refusals.KEPT)
    return [{**row, "sentence": CAUSES.get(row["cause"], "")} for row in rows]


def looks_of(seen: Mapping[str, Any]) -> str:
    """What a refused request looked like."""
    looks: Sequence[object] = (f"{seen.get('bytes', 0)} bytes", seen.get("content_type"), seen.get("user_agent"))
    return f"{', '.join(str(look) for look in looks if look)}; headers: {', '.join(seen.get('headers', ()))}"


def _report(one: Connection, period: Period | None, uses: Uses, refused: int, now: datetime) -> Report:
    is_set = one.verification == "report"
    until = period.until if period and is_set else None
    prints = tuple(rotation.fingerprint(one.name, secret) for secret in one.secrets)
    found = [uses.get((one.name, print_)) for print_ in prints]
    return Report(
        name=one.name,
        source=one.source,
        verification="report" if until and until > now else "enforce",
        set_to=one.verification,
        until=until,
        secrets=tuple(rotation.judge([(use.first, use.last) if use else (None, None) for use in found], now)),
        fingerprints=prints,
        refused_24h=refused,
        now=now,
    )
