"""Which of our texts Attentive says that it sent (`sms.sent`), and which share of them it usually does."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, or_, select, update

from bridge.events import Notice
from bridge.store.days import days_until
from bridge.store.hashing import hashes
from bridge.store.sealed import is_unopened
from bridge.store.tables import confirmations, counts, inserts, messages

#: A text may leave for a phone so long after it was given to Attentive, and our clocks differ by so much.
WINDOW = timedelta(hours=24)
SKEW = timedelta(minutes=5)
# No message waits for longer than 31 days.
_MADE_WITHIN_DAYS = 32
_HOURS_ARE_KEPT = timedelta(days=9)

#: How a confirmation is spread over time: the last hours are compared with the days before. Of the newest hour some
#: are still on their way.
_PENDING, _RECENT, _USUAL = timedelta(hours=1), timedelta(hours=6), timedelta(days=7)

# Of fewer texts a share says nothing.
_ENOUGH = 10

# What the sender or Attentive may have made short links of.
_ADDRESS = re.compile(r"https?://\S+|\b[\w-]+(?:\.[\w-]+)+/\S*")


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A message that is confirmed; `was_in_doubt` if nobody knew before whether it had left."""

    id: int
    delivery_id: int
    was_in_doubt: bool


def confirm(connection: Connection, account: str, told: Notice, brands: Collection[str]) -> Confirmed | None:
    """Mark the oldest unconfirmed text that `told` can be about, which `sms.sent` comes once for each; None if none.

    That it left is certain then: what was in doubt is `sent` and never repeated. What is being sent just now stays so
    until its worker is done with it.
    """
    rows = connection.execute(
        _CANDIDATES,
        {
            "days": days_until(told.at + SKEW, _MADE_WITHIN_DAYS),
            "whom": hashes(connection).of(told.phone),
            "of": account,
            "since": told.at - WINDOW,
            "until": told.at + SKEW,
        },
    )
    wanted = _forms(told.text, [*brands, told.brand or ""])
    alike = [row for row in rows if not is_unopened(row.body) and wanted & _forms(row.body, ())]
    # The same one once more, say in a replay, confirms no second text.
    if any(row.confirmed_at == told.at for row in alike):
        return None
    found = next((row for row in alike if row.confirmed_at is None), None)
    return _mark(connection, account, found, told.at) if found else None


def _mark(connection: Connection, account: str, found: Any, at: datetime) -> Confirmed:
    was_in_doubt = found.state not in ("sent", "sending")
    values: dict[str, Any] = {"confirmed_at": at}
    if was_in_doubt:
        values |= _HAS_LEFT | {"sent_at": at}
        count(connection, account, at, sent=1)
    count(connection, account, found.sent_at or at, confirmed=1)
    connection.execute(update(messages).where(messages.c.id == found.id).values(values))
    return Confirmed(id=found.id, delivery_id=found.delivery_id, was_in_doubt=was_in_doubt)


def settle(connection: Connection, ids: Collection[int]) -> None:
    """Of finished messages that are in doubt make sent ones where Attentive has said meanwhile that it sent them."""
    if ids:
        doubtful = or_(messages.c.state == "unknown", messages.c.unknown_since.is_not(None))
        connection.execute(
            update(messages)
            .where(messages.c.id.in_(list(ids)), messages.c.confirmed_at.is_not(None), doubtful)
            .values(_HAS_LEFT | {"sent_at": messages.c.confirmed_at})
        )


def count(connection: Connection, account: str, at: datetime, *, sent: int = 0, confirmed: int = 0) -> None:
    """Count texts of an account that were sent, or confirmed, into their hour."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    values = {"account": account, "hour": hour, "sent": sent, "confirmed": confirmed}
    connection.execute(_COUNT[connection.dialect.name], values)


def forget(connection: Connection, now: datetime) -> None:
    """Delete hours that are compared with nothing any more."""
    connection.execute(delete(confirmations).where(confirmations.c.hour < now - _HOURS_ARE_KEPT))


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of an account's texts were sent and confirmed in the last hours, and how many in the week before."""

    sent: int
    confirmed: int
    usually_sent: int
    usually_confirmed: int

    @property
    def unconfirmed(self) -> int:
        """How many of the last hours' texts Attentive has taken and not confirmed."""
        return max(0, self.sent - self.confirmed)

    @property
    def is_falling(self) -> bool:
        """Whether far fewer are confirmed than usually are. Where none ever were, nobody can tell."""
        if self.sent < _ENOUGH or self.usually_confirmed < _ENOUGH or not self.usually_sent:
            return False
        return self.confirmed / self.sent < self.usually_confirmed / self.usually_sent / 2


def shares(connection: Connection, now: datetime) -> Mapping[str, Share]:
    """Of each account whose texts are counted."""
    values = {"recent": now - _PENDING - _RECENT, "pending": now - _PENDING, "oldest": now - _USUAL}
    rows = connection.execute(_SHARES, values)
    return {row.account: Share(**{name: int(getattr(row, name)) for name in _NAMES}) for row in rows}


def _forms(text: str, brands: Collection[str]) -> set[str]:
    """A text as it is compared: letters and digits only, addresses left out, with and without a brand before it."""
    plain = _plain(text)
    names = {name for brand in brands if (name := _plain(brand))}
    return {plain} | {plain.removeprefix(name) for name in names} - {""}


def _plain(text: str) -> str:
    words = unicodedata.normalize("NFKC", _ADDRESS.sub("", text)).casefold()
    # A text of signs alone, say of one heart, is compared by them.
    return "".join(one for one in words if one.isalnum()) or "".join(words.split())


_HAS_LEFT: dict[str, Any] = {
    "state": "sent", "reason": None, "detail": None, "waiting_for": None, "unknown_since": None
}  # fmt: skip
# When it was first tried.
_TRIED_AT = func.coalesce(messages.c.unknown_since, messages.c.claimed_at)
_CANDIDATES = (
    select(
        messages.c.id,
        messages.c.delivery_id,
        messages.c.state,
        messages.c.body,
        messages.c.sent_at,
        messages.c.confirmed_at,
    )
    .where(
        messages.c.day.in_(bindparam("days", expanding=True)),
        messages.c.recipient == bindparam("whom"),
        counts,
        messages.c.account == bindparam("of"),
        # What has certainly not been taken is not meant.
        or_(messages.c.state.in_(["sent", "sending", "unknown"]), messages.c.unknown_since.is_not(None)),
        _TRIED_AT.between(bindparam("since", type_=messages.c.due.type), bindparam("until", type_=messages.c.due.type)),
    )
    .order_by(_TRIED_AT, messages.c.id)
)
_COUNT = {
    name: made.on_conflict_do_update(
        index_elements=["account", "hour"],
        set_={
            "sent": confirmations.c.sent + made.excluded.sent,
            "confirmed": confirmations.c.confirmed + made.excluded.confirmed,
        },
    )
    for name, made in inserts(confirmations).items()
}
_NAMES = ("sent", "confirmed", "usually_sent", "usually_confirmed")
_AT = confirmations.c.hour
_IS_RECENT = bindparam("recent", type_=_AT.type) < _AT
_SHARES = (
    select(
        confirmations.c.account,
        func.sum(case((_IS_RECENT, confirmations.c.sent), else_=0)).label("sent"),
        func.sum(case((_IS_RECENT, confirmations.c.confirmed), else_=0)).label("confirmed"),
        func.sum(case((_IS_RECENT, 0), else_=confirmations.c.sent)).label("usually_sent"),
        func.sum(case((_IS_RECENT, 0), else_=confirmations.c.confirmed)).label("usually_confirmed"),
    )
    .where(bindparam("oldest", type_=_AT.type) < _AT, bindparam("pending", type_=_AT.type) >= _AT)
    .group_by(confirmations.c.account)
)
