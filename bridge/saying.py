"""What is said and counted of finished work, once it is certain: lines for the log, figures for the metrics. Pure."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bridge import sms
from bridge.events import Delivery
from bridge.messages import AccountHealth, Attempt, Message, Next, Processed
from bridge.postings import Ended, Posting
from bridge.reasons import Reason
from bridge.tally import ANSWERED, ATTEMPTS, DELIVERIES, MESSAGES, POSTINGS, SEGMENTS, Count, Sent


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


def ids_of_delivery(delivery: Delivery | Message | Posting) -> dict[str, object]:
    """What joins a delivery's lines with those of its messages."""
    return {"delivery": delivery.id, "connection": delivery.connection}


def delivery_count(delivery: Delivery, result: Processed) -> Count:
    """That a delivery is done with."""
    why = result.reason.code if result.reason else ""
    return Count(metric=DELIVERIES, labels=(delivery.connection, result.state, why))


def of_skipped(delivery: Delivery, result: Processed) -> list[Saying]:
    """The messages of a delivery that nobody gets. The others may be made already: what is new is said when it is."""
    return [
        Saying(
            event="message.skipped",
            fields={
                **ids_of_delivery(delivery),
                "account": one.account,
                "template": one.template,
                "reason": one.reason.code if one.reason else None,
            },
            counts=(message_count(one.account, one.state, one.reason),),
        )
        for one in result.drafts
        if one.state == "skipped"
    ]


def message_count(account: str, state: str, reason: Reason | str | None, by: int = 1) -> Count:
    """That messages have come into a state."""
    code = reason.code if isinstance(reason, Reason) else reason or ""
    return Count(metric=MESSAGES, labels=(account, state, code), by=by)


def made(row: Mapping[str, Any]) -> Saying:
    """A message that is new in the outbox."""
    names = ("delivery_id", "connection", "account", "template", "state", "reason")
    fields = {"message": row["id"], **{name.removesuffix("_id"): row[name] for name in names}}
    counts = (message_count(row["account"], row["state"], row["reason"]),)
    return Saying(event="message.made", fields=fields, counts=counts)


def of_message(message: Message, attempt: Attempt | None, then: Next, brand: str | None) -> Saying:
    """What became of a message that was claimed."""
    fields: dict[str, object] = {
        **ids_of_message(message),
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


def ids_of_message(message: Message) -> dict[str, object]:
    """What joins a message's lines with those of its delivery."""
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
        counts.append(message_count(message.account, then.state, then.reason))
    return tuple(counts)


def _sent(message: Message, attempt: Attempt) -> Sent:
    at = attempt.started_at + timedelta(seconds=attempt.seconds)
    return Sent(delivery_id=message.delivery_id, account=message.account, at=at)


def ids_of_posting(posting: Posting) -> dict[str, object]:
    """What joins a posting's lines with those of its message or delivery."""
    fields: dict[str, object] = {"posting": posting.id, "kind": posting.kind, "connection": posting.connection}
    ids = {"message": posting.message_id, "delivery": posting.delivery_id}
    return fields | {name: value for name, value in ids.items() if value is not None} | {"attempt": posting.attempts}


def of_posting(posting: Posting, then: Ended) -> Saying:
    """What became of a posting that was claimed."""
    why = then.reason.code if then.reason else None
    fields = {**ids_of_posting(posting), "reason": why, "waiting_for": then.waiting_for}
    labels = (posting.connection, posting.kind, then.state, why or "")
    return Saying(
        event=f"posting.{then.state}",
        level=logging.WARNING if then.state == "failed" else logging.INFO,
        fields=fields,
        # One that is queued again is where it was.
        counts=(Count(metric=POSTINGS, labels=labels),) if then.state != "queued" else (),
    )


def of_account(before: AccountHealth, after: AccountHealth, attempt: Attempt | None) -> list[Saying]:
    """Whether the account is paused now, or goes on."""
    if attempt and after.paused_until and not before.paused_until:
        fields = {"account": after.name, "reason": after.pause_reason, "status": attempt.status}
        return [Saying(event="account.paused", level=logging.ERROR, fields=fields)]
    if before.paused_until and not after.paused_until:
        return [Saying(event="account.resumed", fields={"account": after.name})]
    return []
