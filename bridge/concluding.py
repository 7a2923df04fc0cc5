"""What follows from finished work: decided, written down in the turn's transaction, and told afterwards."""

import logging
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bridge import joining
from bridge.attentive import retry
from bridge.events import Delivery
from bridge.holding_back import Caps, hold_back
from bridge.messages import AccountHealth, Attempt, Deferred, Message, Next, Outcome, Processed
from bridge.store import people, pictures, processing, recording, sending

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
    finished: Sequence[Done],
    health: Mapping[str, AccountHealth],
    *,
    tokens: Collection[str],
    caps: Caps,
    window: float,
    now: datetime,
) -> tuple[Mapping[str, AccountHealth], list[Saying]]:
    """Record what finished work came to; the accounts' health after it, and what there is to say."""
    deliveries = [done for done in finished if isinstance(done.work, Delivery)]
    messages = [done for done in finished if isinstance(done.work, Message)]
    sayings = _conclude_deliveries(connection, deliveries, tokens, caps, now) if deliveries else []
    if not messages:
        return health, sayings
    after, more = _conclude_messages(connection, messages, health, window, now)
    return after, sayings + more


def _conclude_deliveries(
    connection: Connection, finished: Sequence[Done], tokens: Collection[str], caps: Caps, now: datetime
) -> list[Saying]:
    sayings: list[Saying] = []
    results: list[tuple[Delivery, Processed]] = []
    owners = {done.work.id or 0: done.owner for done in finished}
    held = processing.still_held(connection, owners)
    for done in finished:
        delivery, result = done.work, done.result
        fields: dict[str, object] = {"delivery": delivery.id}
        if delivery.id not in held:
            sayings.append(Saying(event="delivery.taken_over", level=logging.WARNING, fields=fields))
        elif isinstance(result, Deferred):
            processing.defer(connection, delivery.id, done.owner, result)
            fields["waiting_for"] = result.waiting_for
            sayings.append(Saying(event="delivery.deferred", level=logging.WARNING, fields=fields))
        elif isinstance(delivery, Delivery) and isinstance(result, Processed):
            results.append((delivery, result))
    overtaken = joining.keep(connection, results, now)
    for delivery, result in results:
        fields = {"delivery": delivery.id}
        if delivery.id in overtaken:
            again = Deferred(due=now, waiting_for="shipment")
            processing.defer(connection, delivery.id or 0, owners[delivery.id or 0], again)
            sayings.append(Saying(event="delivery.overtaken", fields=fields))
        else:
            fields["reason"] = result.reason.code if result.reason else None
            sayings.append(Saying(event=f"delivery.{result.state}", fields=fields))
    results = [(delivery, result) for delivery, result in results if delivery.id not in overtaken]
    new = recording.processed(connection, results, now=now, tokens=tokens)
    for message_id, reason in hold_back(connection, new, caps, now).items():
        sayings.append(Saying(event="message.held_back", fields={"message": message_id, "reason": reason.code}))
    return sayings


def _conclude_messages(
    connection: Connection, finished: Sequence[Done], health: Mapping[str, AccountHealth], window: float, now: datetime
) -> tuple[Mapping[str, AccountHealth], list[Saying]]:
    after = dict(health)
    sayings: list[Saying] = []
    ours: list[sending.Finished] = []
    others: list[sending.Finished] = []
    held = sending.still_held(connection, {done.work.id or 0: done.owner for done in finished})
    for done in finished:
        message, result = done.work, done.result
        assert isinstance(message, Message)  # noqa: S101 - for the type checker: the caller has sorted them
        attempt = result if isinstance(result, Attempt) else None
        if message.id not in held:
            others.append(sending.Finished(message=message, attempt=attempt, then=Next(state="")))
            sayings.append(Saying(event="message.taken_over", level=logging.WARNING, fields={"message": message.id}))
            continue
        account = after.get(message.account) or AccountHealth(name=message.account)
        then, after[message.account] = _judge(message, result, account, window, now)
        ours.append(sending.Finished(message=message, attempt=attempt, then=then))
        sayings += _account_sayings(account, after[message.account], attempt)
        sayings.append(_message_saying(message, attempt, then))
    sending.finish(connection, ours, now)
    pictures.keep(
        connection, [one.then.media.picture for one in ours if one.then.media and one.then.media.picture], now
    )
    # An attempt is on record even if its message has been taken over.
    sending.record(connection, ours + others)
    return after, sayings + _note_reachability(connection, ours, now)


def _note_reachability(connection: Connection, finished: Sequence[sending.Finished], now: datetime) -> list[Saying]:
    """Remember whom Attentive refuses, and forget it of those who take a text."""
    people.reached(connection, {_person(one.message) for one in finished if one.then.state == "sent"})
    refused = [
        _person(one.message)
        for one in finished
        if one.attempt and one.then.state == "refused" and one.attempt.status == 400
    ]
    sayings = []
    for account, to in people.refused(connection, refused, now):
        skipped = people.skip_waiting(connection, (account, to), now)
        fields = {"account": account, "skipped": skipped}
        sayings.append(Saying(event="person.unreachable", level=logging.WARNING, fields=fields))
    return sayings


def _person(message: Message) -> people.Person:
    return message.account, message.to


def _judge(
    message: Message, result: Result, account: AccountHealth, window: float, now: datetime
) -> tuple[Next, AccountHealth]:
    """What becomes of the message, and how its account fares after it."""
    if isinstance(result, Next):
        return result, account
    assert isinstance(result, Attempt)  # noqa: S101 - for the type checker: the pipeline gives nothing else
    then = retry.decide(message, result, account, now=now, window=window, jitter=random.random())  # noqa: S311 - no secret
    # One that is refused alone was not the account's fault.
    judged = replace(result, outcome=Outcome.REFUSED) if then.state == "refused" else result
    return then, retry.account_after(account, judged, now=now)


def _message_saying(message: Message, attempt: Attempt | None, then: Next) -> Saying:
    fields = {
        "message": message.id,
        "delivery": message.delivery_id,
        "reason": then.reason.code if then.reason else None,
        "status": attempt.status if attempt else None,
    }
    if then.media:
        fields["picture"] = then.media.reason.code if then.media.reason else "good"
    # A 2xx that Attentive's page does not know is taken for sent, and worth a look.
    is_odd = attempt is not None and then.state == "sent" and attempt.status != 200
    return Saying(event=f"message.{then.state}", level=logging.WARNING if is_odd else logging.INFO, fields=fields)


def _account_sayings(before: AccountHealth, after: AccountHealth, attempt: Attempt | None) -> list[Saying]:
    if attempt and after.paused_until and not before.paused_until:
        fields = {"account": after.name, "reason": after.pause_reason, "status": attempt.status}
        return [Saying(event="account.paused", level=logging.ERROR, fields=fields)]
    if before.paused_until and not after.paused_until:
        return [Saying(event="account.resumed", fields={"account": after.name})]
    return []
