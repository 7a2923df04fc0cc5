"""What a worker may send now: each account's pause, rate limit and fair share of the sender threads."""

import math
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from bridge.attentive import rate
from bridge.messages import AccountHealth, Message
from bridge.store import opt_outs, postings, processing, sending, setting_aside, switches
from bridge.store.hashing import hashes


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message to send, and the moment it may leave at."""

    message: Message
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is due: any delivery, any posting, and messages of which accounts."""

    deliveries: bool = False
    postings: bool = False
    accounts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.deliveries or self.postings or bool(self.accounts)


NOTHING = Due()


def look(connection: Connection, now: datetime, names: Collection[str], health: Mapping[str, AccountHealth]) -> Due:
    """What there is to claim at present, of the accounts `names` as far as they may send. Locks nothing."""
    ready = [name for name in switches.read(connection).lets(names) if may_send(health.get(name), now)]
    return Due(
        deliveries=processing.has_due(connection, now),
        postings=postings.has_due(connection, now),
        accounts=frozenset(sending.accounts_with_due(connection, ready, now) if ready else ()),
    )


def may_send(health: AccountHealth | None, now: datetime) -> bool:
    """Whether there is a moment for a request of this account soon enough to claim a message for it."""
    if health is None:
        return True
    is_resting = health.paused_until is not None and health.paused_until > now
    is_full = health.next_at is not None and health.next_at > now + rate.AHEAD
    return not (is_resting or is_full)


def seconds_to_wait(health: Collection[AccountHealth], now: datetime, *, most: float) -> float:
    """In how many seconds an account may be claimed for again whose rate is used up, or whose pause ends."""
    moments = [one.paused_until or now for one in health]
    moments += [one.next_at - rate.AHEAD for one in health if one.next_at]
    waits = [(moment - now).total_seconds() for moment in moments]
    return min((wait for wait in waits if wait > 0), default=most)


def claim(
    connection: Connection,
    owner: str,
    room: int,
    now: datetime,
    health: Mapping[str, AccountHealth],
    *,
    names: Collection[str],
    requests_per_second: float,
    released_only: bool,
) -> tuple[Mapping[str, AccountHealth], list[Claimed]]:
    """Up to `room` due messages of the accounts `names`, each with its moment, and the accounts' health after that.

    An account whose pause has just ended gives one message as a probe, and no second one while that is under way.
    What a person has stopped gives none.
    """
    after = dict(health)
    claimed: list[Claimed] = []
    stopped = switches.read(connection)
    ready = [name for name in stopped.lets(names) if may_send(health.get(name), now)]
    # In another order each time, because what the first leave of their share is for those that come after them.
    random.shuffle(ready)
    for number, name in enumerate(ready):
        account = after.get(name) or AccountHealth(name=name)
        most = math.ceil((room - len(claimed)) / (len(ready) - number))
        if _is_probed(account):
            most = 0 if sending.has_under_way(connection, name) else min(most, 1)
        moments = rate.slots(account.next_at, now=now, rate=requests_per_second, most=most)
        if not moments:
            continue
        if stopped.templates:
            setting_aside.set_aside(connection, name, stopped.templates, now)
        messages = sending.claim(
            connection, owner, name, len(moments), now, released_only=released_only, but=stopped.templates
        )
        messages = _willing(connection, name, messages)
        if messages:
            next_at = rate.after(moments[len(messages) - 1], rate=requests_per_second)
            after[name] = replace(account, next_at=next_at)
            claimed += [Claimed(message=message, at=at) for message, at in zip(messages, moments, strict=False)]
    return after, claimed


def _willing(connection: Connection, account: str, claimed: list[Message]) -> list[Message]:
    """Those of the claimed messages whose people want texts. The others are over, though somebody sent them on."""
    hash_of = hashes(connection).of
    whom = {message.id: (account, hash_of(message.to)) for message in claimed}
    gone = opt_outs.out(connection, set(whom.values()))
    if gone:
        opt_outs.stop_claimed(connection, [one for one, person in whom.items() if person in gone])
    return [message for message in claimed if whom[message.id] not in gone]


def _is_probed(health: AccountHealth) -> bool:
    """Whether its pause has ended, and nobody knows yet whether it was long enough. After a slow-down all may go."""
    return health.paused_until is not None and health.pause_reason != "slow_down"
