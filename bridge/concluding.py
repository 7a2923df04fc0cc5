"""What follows from finished work: decided, written down in the turn's transaction, and told afterwards."""

import logging
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bridge.attentive import retry
from bridge.events import Delivery
from bridge.messages import AccountHealth, Attempt, Deferred, Message, Next, Outcome, Processed
from bridge.store import account_health, outbox, processing, recording

Result = Processed | Deferred | Attempt | Next


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished piece of work on its way to the database. `owner` is the worker's id when it was claimed."""

    work: Delivery | Message
    result: Result
    owner: str


@dataclass(frozen=True, kw_only=True)
class Saying:
    """A line for the log, said once the transaction that makes it true is committed. Nothing personal in it."""

    event: str
    level: int = logging.INFO
    fields: Mapping[str, object] = field(default_factory=dict)


def conclude(
    connection: Connection,
    finished: Iterable[Done],
    health: Mapping[str, AccountHealth],
    *,
    tokens: Collection[str],
    window: float,
    now: datetime,
) -> tuple[Mapping[str, AccountHealth], list[Saying]]:
    """Record what finished work came to; the accounts' health after it, and what there is to say."""
    after = dict(health)
    sayings: list[Saying] = []
    for done in finished:
        if isinstance(done.work, Message):
            sayings += _conclude_message(connection, done.work, done, after, window, now)
        else:
            sayings.append(_conclude_delivery(connection, done.work, done, tokens, now))
    for name, account in after.items():
        if account != health.get(name):
            account_health.save(connection, account)
    return after, sayings


def _conclude_delivery(
    connection: Connection, delivery: Delivery, done: Done, tokens: Collection[str], now: datetime
) -> Saying:
    result = done.result
    if isinstance(result, Deferred):
        processing.defer(connection, delivery.id or 0, done.owner, result)
        fields = {"delivery": delivery.id, "waiting_for": result.waiting_for}
        return Saying(event="delivery.deferred", level=logging.WARNING, fields=fields)
    assert isinstance(result, Processed)  # noqa: S101 - for the type checker: the pipeline gives nothing else
    recording.processed(connection, delivery, result, owner=done.owner, now=now, tokens=tokens)
    reason = result.reason.code if result.reason else None
    return Saying(event=f"delivery.{result.state}", fields={"delivery": delivery.id, "reason": reason})


def _conclude_message(
    connection: Connection,
    message: Message,
    done: Done,
    health: dict[str, AccountHealth],
    window: float,
    now: datetime,
) -> list[Saying]:
    then, attempt, sayings = done.result, None, []
    if isinstance(done.result, Attempt):
        attempt = done.result
        account = health.get(message.account) or AccountHealth(name=message.account)
        then = retry.decide(message, attempt, account, now=now, window=window, jitter=random.random())  # noqa: S311 - no secret
        # One that is refused alone was not the account's fault.
        judged = replace(attempt, outcome=Outcome.REFUSED) if then.state == "refused" else attempt
        health[message.account] = retry.account_after(account, judged, now=now)
        sayings += _account_sayings(account, health[message.account], attempt)
    assert isinstance(then, Next)  # noqa: S101 - for the type checker: the pipeline gives nothing else
    if not outbox.finish(connection, message, done.owner, attempt, then, now):
        sayings.append(Saying(event="message.taken_over", level=logging.WARNING, fields={"message": message.id}))
    fields = {
        "message": message.id,
        "delivery": message.delivery_id,
        "reason": then.reason.code if then.reason else None,
        "status": attempt.status if attempt else None,
    }
    # A 2xx that Attentive's page does not know is taken for sent, and worth a look.
    odd = attempt is not None and then.state == "sent" and attempt.status != 200
    return [
        *sayings,
        Saying(event=f"message.{then.state}", level=logging.WARNING if odd else logging.INFO, fields=fields),
    ]


def _account_sayings(before: AccountHealth, after: AccountHealth, attempt: Attempt) -> list[Saying]:
    if after.paused_until and not before.paused_until:
        fields = {"account": after.name, "reason": after.pause_reason, "status": attempt.status}
        return [Saying(event="account.paused", level=logging.ERROR, fields=fields)]
    if before.paused_until and not after.paused_until:
        return [Saying(event="account.resumed", fields={"account": after.name})]
    return []
