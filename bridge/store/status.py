"""How full the queue is and how the accounts fare: for the readiness body and the metrics.

What is counted may be millions, and is asked for every few seconds: so no count goes further than COUNTED_TO, and the
oldest of each account is found without looking at the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, literal_column, select
from sqlalchemy import func as sql

from bridge.messages import AccountHealth
from bridge.store import account_health, confirming, sending, switches
from bridge.store.confirming import Share
from bridge.store.switches import Stopped
from bridge.store.tables import (
    deliveries,
    is_held,
    is_not_posted,
    is_posting,
    is_queued,
    is_sending,
    is_stored,
    is_to_post,
    messages,
    postings,
    workers,
)
from bridge.store.workers import DEAD_AFTER

#: Where counting ends: from there on a number means "at least".
COUNTED_TO = 100_000

#: Work that is due for longer than this is behind.
BEHIND_AFTER = timedelta(minutes=1)

# So many due messages of an account are asked whether they wait for an earlier one.
_LOOKED_AT = 1000


@dataclass(frozen=True, kw_only=True)
class Status:
    """Waiting work at `now`. `oldest` is when the longest waiting row was due: of the deliveries, of each account.

    A message that waits for an earlier one of its thread is not counted as waiting by itself, nor is one whose template
    is paused. `stopped` is what people have stopped. `shares` tell how many texts Attentive confirms of each account
    where it does.
    """

    now: datetime
    deliveries_stored: int
    messages_queued: int
    messages_sending: int
    messages_held: int
    oldest_delivery: datetime | None
    oldest_messages: Mapping[str, datetime]
    workers: int
    accounts: tuple[AccountHealth, ...]
    stopped: Stopped
    shares: Mapping[str, Share]
    postings_waiting: int = 0
    postings_failed: int = 0

    @property
    def oldest_seconds(self) -> float:
        """For how long the longest waiting row has been due; 0 if none is."""
        return max((self._waited(due) for due in (self.oldest_delivery, *self.oldest_messages.values())), default=0.0)

    def account_seconds(self, account: str) -> float:
        """For how long the longest waiting message of the account has been due; 0 if none is."""
        return self._waited(self.oldest_messages.get(account))

    @property
    def is_behind(self) -> bool:
        """Whether something waits for longer than a minute."""
        return self.oldest_seconds > BEHIND_AFTER.total_seconds()

    @property
    def why_behind(self) -> str | None:
        """A sentence for a person, if something is behind."""
        if not self.is_behind:
            return None
        paused = [account.name for account in self.accounts if account.paused_until]
        causes = ["no worker is alive"] * (self.workers == 0) + [f"{name} is paused" for name in paused]
        causes += [one.words for one in self.stopped.switches if one.kind != "template"]
        since = f"the longest waiting row has been due for {self.oldest_seconds:.0f} seconds"
        return f"{since}: {', '.join(causes)}" if causes else since

    def _waited(self, due: datetime | None) -> float:
        return max(0.0, (self.now - due).total_seconds()) if due else 0.0


def read(connection: Connection, now: datetime) -> Status:
    """The state of the queue now."""
    first = {row.account: row.due for row in connection.execute(_OLDEST_MESSAGES)}
    oldest_messages = {name: due for name in first if (due := _oldest_free(connection, name, first[name], now))}
    # An account that has no token yet has no row either.
    accounts = {name: AccountHealth(name=name) for name in first} | dict(account_health.look(connection))
    return Status(
        now=now,
        deliveries_stored=connection.execute(_counting(deliveries, is_stored)).scalar_one(),
        messages_queued=connection.execute(_counting(messages, is_queued)).scalar_one(),
        messages_sending=connection.execute(_counting(messages, is_sending)).scalar_one(),
        messages_held=connection.execute(_counting(messages, is_held)).scalar_one(),
        oldest_delivery=connection.execute(_OLDEST_DELIVERY).scalar_one(),
        oldest_messages=oldest_messages,
        workers=connection.execute(_alive(now)).scalar_one(),
        accounts=tuple(accounts.values()),
        stopped=switches.read(connection),
        shares=confirming.shares(connection, now),
        postings_waiting=sum(
            connection.execute(_counting(postings, one)).scalar_one() for one in (is_to_post, is_posting)
        ),
        postings_failed=connection.execute(_counting(postings, is_not_posted)).scalar_one(),
    )


def _alive(now: datetime) -> Select[int]:
    return select(sql.count()).select_from(workers).where(workers.c.seen_at > now - DEAD_AFTER)


def _counting(table: Table, condition: ColumnElement[bool]) -> Select[int]:
    some = select(literal_column("1")).select_from(table).where(condition).limit(COUNTED_TO).subquery()
    return select(sql.count()).select_from(some)


def _oldest_messages() -> Select[str, datetime]:
    """The due moment of each account's first queued message, by stepping from account to account in the index."""
    first = select(sql.min(messages.c.account).label("account")).where(is_queued).cte("step", recursive=True)
    following = select(sql.min(messages.c.account)).where(is_queued, messages.c.account > first.c.account)
    step = first.union_all(select(following.scalar_subquery()).where(first.c.account.is_not(None)))
    due = select(sql.min(messages.c.due)).where(is_queued, messages.c.account == step.c.account)
    return select(step.c.account, due.scalar_subquery().label("due")).where(step.c.account.is_not(None))


def _oldest_free(connection: Connection, account: str, first: datetime, now: datetime) -> datetime | None:
    """When the longest waiting message was due that waits for no earlier one of its thread, say until the morning."""
    if first > now:
        return first
    due: datetime | None = connection.execute(_OLDEST_FREE, {"of": account, "at": now}).scalar_one()
    return due


def _oldest_of_an_account() -> Select[datetime]:
    is_due = is_queued, messages.c.account == bindparam("of"), messages.c.due <= bindparam("at")
    due = select(messages).where(*is_due).order_by(messages.c.due, messages.c.id)
    some = due.limit(_LOOKED_AT).subquery()
    free = select(some.c.due).where(~sending.is_blocked(some)).order_by(some.c.due).limit(1).scalar_subquery()
    # Those beyond are taken for free: to look at all might take long.
    beyond = due.with_only_columns(messages.c.due).offset(_LOOKED_AT).limit(1).scalar_subquery()
    return select(sql.coalesce(free, beyond))


_OLDEST_DELIVERY = select(sql.min(deliveries.c.due)).where(is_stored)
_OLDEST_MESSAGES = _oldest_messages()
_OLDEST_FREE = _oldest_of_an_account()
