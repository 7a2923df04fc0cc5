"""A database that was put back from a back-up has forgotten what was texted since. So a person decides about that.

What waited in the back-up is held, and so is every new text about something that happened before the moment that
`restored` notes: it may have been told already.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, null, select, update

from bridge.errors import Misconfigured
from bridge.reasons import Reason
from bridge.store import account_health
from bridge.store.tables import (
    deliveries,
    is_held,
    is_stored,
    is_unsent,
    messages,
    postings,
    restorations,
    workers,
)

#: Why such a text is held.
RESTORED = "restored"

# As long as workers take to notice that another one is gone.
_SILENT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Restored:
    """How many messages are held now, how many deliveries will be processed, and until when what happens is held."""

    messages: int
    deliveries: int
    until: datetime


def mark(connection: Connection, now: datetime) -> None:
    """Note in a copy that it is a back-up: no worker starts on it before somebody has said that it is restored."""
    connection.execute(insert(restorations).values(at=now, until=None))


def refuse_unconfirmed(connection: Connection) -> None:
    """Raise Misconfigured if this database is a marked back-up."""
    marked = select(restorations.c.at).where(restorations.c.until.is_(None)).order_by(restorations.c.id.desc()).limit(1)
    at = connection.execute(marked).scalar_one_or_none()
    if at is not None:
        raise Misconfigured(
            [
                f"DATABASE_URL: this database is a back-up of {at:%Y-%m-%d %H:%M:%S}Z, and what waits in it may have"
                " been sent since; run `bridge db restored`, which holds it until you decide (docs/backup.md)"
            ]
        )


def restored(connection: Connection, now: datetime, until: datetime) -> Restored:
    """Hold whatever may have been sent since the back-up; new texts too, about what happened before `until`.

    Raises Misconfigured while a worker runs.
    """
    account_health.read(connection)
    _refuse_living_workers(connection, now)
    held = connection.execute(_HOLD.values(detail=null())).rowcount
    # What had been held for another reason may have been let go. What nobody vouches for stays apart from the rest.
    again = is_held & messages.c.reason.not_in(["unverified", RESTORED])
    reasons = list(connection.execute(select(messages.c.reason).where(again).distinct()).scalars())
    for reason in reasons:
        of_it = update(messages).where(is_held, messages.c.reason == reason)
        held += connection.execute(of_it.values(reason=RESTORED, detail=f"It was held as {reason}.")).rowcount
    connection.execute(update(deliveries).where(is_stored, deliveries.c.owner.is_not(None)).values(owner=None))
    connection.execute(_DOUBT_POSTINGS)
    connection.execute(delete(workers))
    connection.execute(delete(restorations))
    connection.execute(insert(restorations).values(at=now, until=until))
    waiting = connection.execute(select(func.count()).select_from(deliveries).where(is_stored)).scalar_one()
    return Restored(messages=held, deliveries=waiting, until=until)


def told_before(connection: Connection) -> datetime | None:
    """New texts about what happened before this moment may have been sent already. None: nothing was restored."""
    moment: datetime | None = connection.execute(_UNTIL).scalar_one()
    return moment


def end(connection: Connection, now: datetime) -> bool:
    """Let texts about what happens from now on go again; False if they did already."""
    cut = update(restorations).where(restorations.c.until > now).values(until=now)
    return connection.execute(cut).rowcount > 0


def why_held(until: datetime) -> Reason:
    """The reason of a new text that may have been sent already."""
    return Reason(code=RESTORED, detail=f"It is about something before {until:%Y-%m-%d %H:%M}Z.")


def _refuse_living_workers(connection: Connection, now: datetime) -> None:
    last = connection.execute(select(func.max(workers.c.seen_at))).scalar_one()
    if last is not None and (now - last).total_seconds() < _SILENT_SECONDS:
        raise Misconfigured(
            ["a worker of this database lived a moment ago; stop it, wait for ten seconds and run this once more"]
        )


_HOLD = (
    update(messages)
    .where(is_unsent(messages))
    .values(state="held", reason=RESTORED, owner=None, waiting_for=None, unknown_since=None, deaths=0)
)
# Whoever posts these looks first whether they are there.
_DOUBT_POSTINGS = (
    update(postings)
    .where(postings.c.state.in_(("queued", "posting")))
    .values(state="queued", owner=None, unknown_since=func.coalesce(postings.c.unknown_since, postings.c.created_at))
)
_UNTIL = select(func.max(restorations.c.until))
