"""What follows from finished work: decided, written down in the turn's transaction, and told afterwards."""

import logging
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from bridge import joining, saying
from bridge.answering import NOWHERE, Places
from bridge.attentive import retry
from bridge.events import Delivery
from bridge.hearing import hear
from bridge.holding_back import Caps, hold_back
from bridge.messages import AccountHealth, Attempt, Deferred, Message, Next, Outcome, Processed
from bridge.postings import Ended, Posting
from bridge.reasons import Reason
from bridge.saying import Saying
from bridge.store import confirming, people, pictures, postings, processing, recording, sending, standing

Result = Processed | Deferred | Attempt | Next | Ended


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished piece of work on its way to the database. `owner` is the worker's id when it was claimed."""

    work: Delivery | Message | Posting
    result: Result
    owner: str


def conclude(
    connection: Connection,
    finished: Sequence[Done],
    health: Mapping[str, AccountHealth],
    *,
    tokens: Collection[str],
    caps: Caps,
    window_of: Callable[[str], float],
    brands: Mapping[str, str | None] = MappingProxyType({}),
    confirmed: Collection[str] = (),
    places: Places = NOWHERE,
    now: datetime,
) -> tuple[Mapping[str, AccountHealth], list[Saying]]:
    """Record what finished work came to; the accounts' health after it, and what there is to say.

    `window_of` gives the seconds in which Attentive drops a repeated text of an account, `brands` are the names that it
    puts before the texts of each; those of the accounts `confirmed` it confirms with its own webhooks. `places` are
    where people's answers can be put.
    """
    deliveries = [done for done in finished if isinstance(done.work, Delivery)]
    messages = [done for done in finished if isinstance(done.work, Message)]
    sayings = _conclude_deliveries(connection, deliveries, tokens, caps, brands, places, now) if deliveries else []
    sayings += _conclude_postings(connection, [done for done in finished if isinstance(done.work, Posting)], now)
    if not messages:
        return health, sayings
    after, more = _conclude_messages(connection, messages, health, window_of, brands, confirmed, now)
    return after, sayings + more


def _conclude_deliveries(
    connection: Connection,
    finished: Sequence[Done],
    tokens: Collection[str],
    caps: Caps,
    brands: Mapping[str, str | None],
    places: Places,
    now: datetime,
) -> list[Saying]:
    sayings: list[Saying] = []
    results: list[tuple[Delivery, Processed]] = []
    owners = {done.work.id or 0: done.owner for done in finished}
    held = processing.still_held(connection, owners)
    for done in finished:
        delivery, result = done.work, done.result
        fields = saying.ids_of_delivery(delivery)
        if delivery.id not in held:
            sayings.append(Saying(event="delivery.taken_over", level=logging.WARNING, fields=fields))
        elif isinstance(result, Deferred):
            processing.defer(connection, delivery.id, done.owner, result)
            fields["waiting_for"] = result.waiting_for
            sayings.append(Saying(event="delivery.deferred", level=logging.WARNING, fields=fields))
        elif isinstance(delivery, Delivery) and isinstance(result, Processed):
            results.append((delivery, result))
    results, heard = hear(connection, results, brands, places, now)
    sayings += heard
    overtaken = joining.keep(connection, results, now)
    for delivery, result in results:
        fields = saying.ids_of_delivery(delivery)
        if delivery.id in overtaken:
            again = Deferred(due=now, waiting_for="shipment")
            processing.defer(connection, delivery.id or 0, owners[delivery.id or 0], again)
            sayings.append(Saying(event="delivery.overtaken", fields=fields))
        else:
            fields["reason"] = result.reason.code if result.reason else None
            sayings.append(
                Saying(
                    event=f"delivery.{result.state}", fields=fields, counts=(saying.delivery_count(delivery, result),)
                )
            )
            sayings += saying.of_skipped(delivery, result)
    results = [(delivery, result) for delivery, result in results if delivery.id not in overtaken]
    new = recording.processed(connection, results, now=now, tokens=tokens)
    held_back = hold_back(connection, new, caps, now)
    return sayings + [saying.made(row) for row in new if row["id"] not in held_back] + _held_back(connection, held_back)


def _held_back(connection: Connection, held_back: Mapping[int, Reason]) -> list[Saying]:
    """What became of messages because of the others there are."""
    sayings = []
    for row in standing.states_of(connection, held_back):
        fields = {"message": row.id, "delivery": row.delivery_id, "account": row.account, "state": row.state}
        fields["reason"] = held_back[row.id].code
        counts = (saying.message_count(row.account, row.state, held_back[row.id]),)
        sayings.append(Saying(event="message.held_back", fields=fields, counts=counts))
    return sayings


def _conclude_messages(
    connection: Connection,
    finished: Sequence[Done],
    health: Mapping[str, AccountHealth],
    window_of: Callable[[str], float],
    brands: Mapping[str, str | None],
    confirmed: Collection[str],
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
            fields = saying.ids_of_message(message)
            sayings.append(Saying(event="message.taken_over", level=logging.WARNING, fields=fields))
            continue
        account = after.get(message.account) or AccountHealth(name=message.account)
        then, after[message.account] = _judge(message, result, account, window_of(message.account), now)
        ours.append(sending.Finished(message=message, attempt=attempt, then=then))
        sayings += saying.of_account(account, after[message.account], attempt)
        sayings.append(saying.of_message(message, attempt, then, brands.get(message.account)))
    sending.finish(connection, ours, now)
    _count_sent(connection, ours, confirmed, now)
    pictures.keep(
        connection, [one.then.media.picture for one in ours if one.then.media and one.then.media.picture], now
    )
    # An attempt is on record even if its message has been taken over.
    sending.record(connection, ours + others)
    return after, sayings + _note_reachability(connection, ours, now)


def _conclude_postings(connection: Connection, finished: Sequence[Done], now: datetime) -> list[Saying]:
    if not finished:
        return []
    held = postings.still_held(connection, {done.work.id or 0: done.owner for done in finished})
    ended: dict[int, Ended] = {}
    sayings: list[Saying] = []
    for done in finished:
        posting, then = done.work, done.result
        assert isinstance(posting, Posting)  # noqa: S101 - for the type checker: the caller has sorted them
        assert isinstance(then, Ended)  # noqa: S101 - for the type checker: nothing else comes of one
        if posting.id in held:
            ended[posting.id] = then
            sayings.append(saying.of_posting(posting, then))
        else:
            fields = saying.ids_of_posting(posting)
            sayings.append(Saying(event="posting.taken_over", level=logging.WARNING, fields=fields))
    postings.finish(connection, ended, now)
    return sayings


def _count_sent(
    connection: Connection, finished: Sequence[sending.Finished], confirmed: Collection[str], now: datetime
) -> None:
    """Count what was sent where Attentive confirms it, and end the doubt about what it has confirmed meanwhile."""
    # In one order: two workers that each wait for the other's hour would wait for ever.
    for account in sorted(confirmed):
        sent = sum(one.then.state == "sent" and one.message.account == account for one in finished)
        if sent:
            confirming.count(connection, account, now, sent=sent)
    confirming.settle(connection, [one.message.id for one in finished if one.then.state in ("unknown", "queued")])


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
        counts = (saying.message_count(account, "skipped", "unreachable", by=skipped),) if skipped else ()
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
