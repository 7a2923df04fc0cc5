"""What is wrong, whom that was told, and what is to be told next: kept so that several processes tell it once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select, update

from bridge.store.tables import alerts

#: What is gone and comes back within so long was never gone.
CALM = timedelta(minutes=2)
#: How long after it was told first it is told again, each after the one before; then not any more.
REMINDERS = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
_NEVER = timedelta(days=3650)
# Who tells it has so long; after that another one does.
_TELLING = timedelta(minutes=1)

_LONGEST = 300
_LONGEST_WORDS = 500

#: Kind and subject.
Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something that is, or was, wrong. `gone_since` is None while it lasts; `told` is how often it was told."""

    kind: str
    subject: str
    words: str
    since: datetime
    gone_since: datetime | None
    told: int
    tell_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether it has been gone for long enough."""
        return self.gone_since is not None


def read(connection: Connection) -> list[Alert]:
    """All there are, the oldest first."""
    return [Alert(**row._asdict()) for row in connection.execute(select(alerts).order_by(alerts.c.since))]


def is_shown(alert: Alert) -> bool:
    """Whether it is there and has been told: what may be over in a moment is not."""
    return alert.told > 0 and not alert.is_over


def settle(connection: Connection, found: Mapping[Key, str], now: datetime, *, patience: Mapping[str, float]) -> None:
    """Bring the list in line with what was `found` wrong (in words), for the kinds that `patience` names.

    Something new is told after its kind's patience, in seconds.
    """
    known = {(one.kind, one.subject): one for one in read(connection) if one.kind in patience}
    short = {(kind, subject[:_LONGEST]): words[:_LONGEST_WORDS] for (kind, subject), words in found.items()}
    for key, words in short.items():
        if key not in known:
            tell_at = now + timedelta(seconds=patience[key[0]])
            values = {"kind": key[0], "subject": key[1], "words": words, "since": now, "told": 0, "tell_at": tell_at}
            connection.execute(insert(alerts).values(**values))
        else:
            back = {"gone_since": None, "tell_at": now + REMINDERS[0]} if known[key].is_over else {}
            _change(connection, key, words=words, **back)
    for key, one in known.items():
        if key in short:
            continue
        if one.told == 0:
            connection.execute(delete(alerts).where(_is(key)))
        elif not one.is_over:
            _change(connection, key, gone_since=now, tell_at=now + CALM)


def claim(connection: Connection, now: datetime, kinds: Collection[str]) -> list[Alert]:
    """What of these kinds is to be told now. Whoever does not say that it was `told` leaves it to be claimed again."""
    due = [one for one in read(connection) if one.kind in kinds and one.tell_at <= now]
    for one in due:
        _change(connection, (one.kind, one.subject), tell_at=now + _TELLING)
    return due


def told(connection: Connection, one: Alert, now: datetime) -> None:
    """Note that it was told. What is over is forgotten."""
    key = one.kind, one.subject
    if one.is_over:
        connection.execute(delete(alerts).where(_is(key), alerts.c.gone_since.is_not(None)))
        return
    after = REMINDERS[one.told] if one.told < len(REMINDERS) else _NEVER
    connection.execute(
        update(alerts).where(_is(key), alerts.c.gone_since.is_(None)).values(told=one.told + 1, tell_at=now + after)
    )
    # It may have gone while it was told: then that is told, too.
    connection.execute(update(alerts).where(_is(key), alerts.c.told == 0).values(told=1))


def _change(connection: Connection, key: Key, **values: Any) -> None:
    connection.execute(update(alerts).where(_is(key)).values(**values))


def _is(key: Key) -> Any:
    return and_(alerts.c.kind == key[0], alerts.c.subject == key[1])
