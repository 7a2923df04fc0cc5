"""What follows from finished work: decided, written down in the turn's transaction, and told afterwards."""

import logging
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from bridge import joining, sms
from bridge.attentive import retry
from bridge.events import Delivery
from bridge.holding_back import Caps, hold_back
from bridge.messages import AccountHealth, Attempt, Deferred, Message, Next, Outcome, Processed
from bridge.reasons import Reason
from bridge.store import people, pictures, processing, recording, sending, standing
from bridge.tally import ANSWERED, ATTEMPTS, DELIVERIES, MESSAGES, SEGMENTS, Count, Sent

Result = Processed | Deferred | Attempt | Next


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished piece of work on its way to the database. `owner` is the worker's id when it was claimed."""

    work: Delivery | Message
    result: Result
    owner: str


@dataclass(frozen=True, kw_only=True)
class Saying:
    """A line for the log, said once the transaction that makes it true is committed. Nothing personal in it.

    `counts`, and `sent` where a text has left, are counted then for the metrics.
    """

    event: str
    level: int = logging.INFO
    fields: Mapping[str, object] = field(default_factory=dict)
    counts: tuple[Count, ...] = ()
    sent: Sent | None = None


def conclude(
    connection: Connection,
    finished: Sequence[Done],
    health: Mapping[str, AccountHealth],
    *,
    tokens: Collection[str],
    caps: Caps,
    window: float,
    brands: Mapping[str, str | None] = MappingProxyType({}),
    now: datetime,
) -> tuple[Mapping[str, AccountHealth], list[Saying]]:
    """Record what finished work came to; the accounts' health after it, and what there is to say.

    `brands` are the names that Attentive puts before the texts of each account.
    """
    deliveries = [done for done in finished if isinstance(done.work, Delivery)]
    messages = [done for done in finished if isinstance(done.work, Message)]
    sayings = _conclude_deliveries(connection, deliveries, tokens, caps, now) if deliveries else []
    if not messages:
        return health, sayings
    after, more = _conclude_messages(connection, messages, health, window, brands, now)
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
        fields = _fields_of(delivery)
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
        fields = _fields_of(delivery)
        if delivery.id in overtaken:
            again = Deferred(due=now, waiting_for="shipment")
            processing.defer(connection, delivery.id or 0, owners[delivery.id or 0], again)
            sayings.append(Saying(event="delivery.overtaken", fields=fields))
        else:
            fields["reason"] = result.reason.code if result.reason else None
            sayings.append(Saying(event=f"delivery.{result.state}", fields=fields, counts=_counts_of(delivery, result)))
    results = [(delivery, result) for delivery, result in results if delivery.id not in overtaken]
    new = recording.processed(connection, results, now=now, tokens=tokens)
    held_back = hold_back(connection, new, caps, now)
    return sayings + [_made(row) for row in new if row["id"] not in held_back] + _held_back(connection, held_back)


def _fields_of(delivery: Delivery | Message) -> dict[str, object]:
    """What joins a delivery's lines with those of its messages."""
    return {"delivery": delivery.id, "connection": delivery.connection}


def _counts_of(delivery: Delivery, result: Processed) -> tuple[Count, ...]:
    why = result.reason.code if result.reason else ""
    # Of its drafts only the skipped ones: the others may be made already, and are counted when they are new.
    skipped = [draft for draft in result.drafts if draft.state == "skipped"]
    return (
        Count(metric=DELIVERIES, labels=(delivery.connection, result.state, why)),
        *(_message_count(one.account, one.state, one.reason) for one in skipped),
    )


def _message_count(account: str, state: str, reason: Reason | str | None, by: int = 1) -> Count:
    code = reason.code if isinstance(reason, Reason) else reason or ""
    return Count(metric=MESSAGES, labels=(account, state, code), by=by)


def _made(row: Mapping[str, Any]) -> Saying:
    names = ("delivery_id", "connection", "account", "template", "state", "reason")
    fields = {"message": row["id"], **{name.removesuffix("_id"): row[name] for name in names}}
    counts = (_message_count(row["account"], row["state"], row["reason"]),)
    return Saying(event="message.made", fields=fields, counts=counts)


def _held_back(connection: Connection, held_back: Mapping[int, Reason]) -> list[Saying]:
    """What became of messages because of the others there are."""
    sayings = []
    for row in standing.states_of(connection, held_back):
        fields = {"message": row.id, "delivery": row.delivery_id, "account": row.account, "state": row.state}
        fields["reason"] = held_back[row.id].code
        counts = (_message_count(row.account, row.state, held_back[row.id]),)
        sayings.append(Saying(event="message.held_back", fields=fields, counts=counts))
    return sayings


def _conclude_messages(
    connection: Connection,
    finished: Sequence[Done],
    health: Mapping[str, AccountHealth],
    window: float,
    brands: Mapping[str, str | None],
    now: datetime,
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
            fields = _fields_of_message(message)
            sayings.append(Saying(event="message.taken_over", level=logging.WARNING, fields=fields))
            continue
        account = after.get(message.account) or AccountHealth(name=message.account)
        then, after[message.account] = _judge(message, result, account, window, now)
        ours.append(sending.Finished(message=message, attempt=attempt, then=then))
        sayings += _account_sayings(account, after[message.account], attempt)
        sayings.append(_message_saying(message, attempt, then, brands.get(message.account)))
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
        counts = (_message_count(account, "skipped", "unreachable", by=skipped),) if skipped else ()
        sayings.append(Saying(event="person.unreachable", level=logging.WARNING, fields=fields, counts=counts))
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


def _message_saying(message: Message, attempt: Attempt | None, then: Next, brand: str | None) -> Saying:
    fields: dict[str, object] = {
        **_fields_of_message(message),
        "reason": then.reason.code if then.reason else None,
        "status": attempt.status if attempt else None,
    }
    if attempt:
        fields |= {"outcome": str(attempt.outcome), "seconds": round(attempt.seconds, 3)}
    if then.media:
        fields["picture"] = then.media.reason.code if then.media.reason else "good"
    # A 2xx that Attentive's page does not know is taken for sent, and worth a look.
    is_odd = attempt is not None and then.state == "sent" and attempt.status != 200
    return Saying(
        event=f"message.{then.state}",
        level=logging.WARNING if is_odd else logging.INFO,
        fields=fields,
        counts=_counts_of_message(message, attempt, then, brand),
        sent=_sent(message, attempt) if attempt and then.state == "sent" else None,
    )


def _fields_of_message(message: Message) -> dict[str, object]:
    names = ("delivery_id", "connection", "account", "template")
    fields = {name.removesuffix("_id"): getattr(message, name) for name in names}
    return {"message": message.id, **fields, "attempt": message.attempts}


def _counts_of_message(message: Message, attempt: Attempt | None, then: Next, brand: str | None) -> tuple[Count, ...]:
    counts = []
    if attempt:
        counts.append(Count(metric=ATTEMPTS, labels=(message.account, str(attempt.outcome))))
        counts.append(Count(metric=ANSWERED, labels=(message.account,), by=attempt.seconds))
    if then.state == "sent":
        segments = sms.measure(sms.with_brand(message.body, brand)).segments
        counts.append(Count(metric=SEGMENTS, labels=(message.account,), by=segments))
    # One that is queued again is where it was.
    if then.state != "queued":
        counts.append(_message_count(message.account, then.state, then.reason))
    return tuple(counts)


def _sent(message: Message, attempt: Attempt) -> Sent:
    at = attempt.started_at + timedelta(seconds=attempt.seconds)
    return Sent(delivery_id=message.delivery_id, account=message.account, at=at)


def _account_sayings(before: AccountHealth, after: AccountHealth, attempt: Attempt | None) -> list[Saying]:
    if attempt and after.paused_until and not before.paused_until:
        fields = {"account": after.name, "reason": after.pause_reason, "status": attempt.status}
        return [Saying(event="account.paused", level=logging.ERROR, fields=fields)]
    if before.paused_until and not after.paused_until:
        return [Saying(event="account.resumed", fields={"account": after.name})]
    return []
