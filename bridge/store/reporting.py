"""Until when connections keep webhooks that cannot be verified: `report` ends by itself.

A connection's row is made by the first web process that is started with the setting, outlives all restarts, and is
deleted by one that is started with `enforce`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from bridge.store.tables import inserts, reporting

#: How long a connection reports, from its beginning or from when somebody renewed it.
LASTS = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Period:
    """When a connection began to report, and when that ends."""

    since: datetime
    until: datetime


def settle(
    connection: Connection, *, reports: Collection[str], enforces: Collection[str], now: datetime
) -> dict[str, Period]:
    """What a web process does as it starts: begin what is set and has not begun, end what is set no longer.

    A restart renews nothing.
    """
    periods = read(connection)
    for name in sorted(set(reports) - periods.keys()):
        row = {"connection": name, "since": now, "until": now + LASTS}
        connection.execute(_BEGIN[connection.dialect.name], row)
    if ended := sorted(periods.keys() & set(enforces)):
        connection.execute(delete(reporting).where(reporting.c.connection.in_(ended)))
    return read(connection)


def read(connection: Connection) -> dict[str, Period]:
    """The connections that report, or did until their time was over."""
    return {row.connection: Period(since=row.since, until=row.until) for row in connection.execute(select(reporting))}


def renew(connection: Connection, name: str, now: datetime) -> Period:
    """Have a connection report for its whole time from now on."""
    row = {"connection": name, "since": now, "until": now + LASTS}
    connection.execute(_BEGIN[connection.dialect.name], row)
    ours = reporting.c.connection == name
    # One whose time was over begins anew.
    connection.execute(update(reporting).where(ours, reporting.c.until <= now).values(since=now))
    connection.execute(update(reporting).where(ours).values(until=now + LASTS))
    return read(connection)[name]


_BEGIN = {name: made.on_conflict_do_nothing() for name, made in inserts(reporting).items()}
