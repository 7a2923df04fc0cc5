"""What a worker writes down: what a delivery came to, and what a change of settings means for those who wait."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from bridge.events import Delivery
from bridge.messages import Draft, Processed
from bridge.reasons import Reason
from bridge.store import outbox, processing, requests
from bridge.store.hashing import Hashes, hashes
from bridge.store.tables import is_held, is_queued, messages


def processed(
    connection: Connection,
    results: Sequence[tuple[Delivery, Processed]],
    *,
    now: datetime,
    tokens: Collection[str],
) -> list[Mapping[str, Any]]:
    """Record what claimed deliveries came to, and their messages, in one transaction. They must be still held.

    A draft whose message exists already (another webhook about the same event) is told in its delivery's story. Returns
    the new rows of the outbox with their ids, those left out that are skipped.
    """
    stories = [[dict(line) for line in result.story] for _, result in results]
    rows, places = [], []
    hashing = hashes(connection)
    for number, (delivery, result) in enumerate(results):
        # The story tells the drafts in their order, with lines about other templates between them.
        unread = iter(stories[number])
        for draft in result.drafts:
            rows.append(_row(delivery, draft, hashing, now, tokens))
            # What nobody vouches for uses nothing up, whatever became of it.
            if delivery.unverified:
                rows[-1]["once"] = None
            places.append((number, next(line for line in unread if _is_about(line, draft))))
    made = [0] * len(results)
    added = _add(connection, rows, [delivery for delivery, _ in results if delivery.unverified])
    for (number, line), one in zip(places, added, strict=True):
        made[number] += one.is_new
        if not one.is_new:
            line["outcome"] = "already_texted"
    processing.finish(
        connection,
        [
            processing.Finished(
                delivery_id=_id(delivery),
                state=result.state,
                reason=_reason(delivery, result, made[number]),
                events=stories[number],
            )
            for number, (delivery, result) in enumerate(results)
        ],
        now,
    )
    for delivery, result in results:
        # A stranger must not have anybody erased.
        if result.asked and not delivery.unverified:
            requests.add(connection, result.asked, delivery, now)
    return [{**row, "id": one.id} for row, one in zip(rows, added, strict=True) if one.id is not None]


def _reason(delivery: Delivery, result: Processed, made: int) -> Reason | None:
    if result.asked and delivery.unverified:
        return Reason(code="privacy_request", detail="Nothing proves this webhook, so nothing is done.")
    return Reason(code="already_texted") if result.drafts and not made else result.reason


def _add(
    connection: Connection, rows: Sequence[Mapping[str, Any]], unverified: Sequence[Delivery]
) -> list[outbox.Added]:
    """Put rows in the outbox. Those of `unverified` deliveries have no key to tell that they are there already."""
    if not unverified:
        return outbox.add(connection, rows)
    ids = {_id(delivery) for delivery in unverified}
    known = outbox.made_of(connection, ids)
    is_new = []
    for row in rows:
        text = outbox.text_of(row)
        is_new.append(row["delivery_id"] not in ids or row["state"] == "skipped" or text not in known)
        known.add(text)
    added = iter(outbox.add(connection, [row for row, is_one in zip(rows, is_new, strict=True) if is_one]))
    return [next(added) if is_one else outbox.Added(is_new=False) for is_one in is_new]


def _row(delivery: Delivery, draft: Draft, hashing: Hashes, now: datetime, tokens: Collection[str]) -> dict[str, Any]:
    return outbox.row_of(
        draft,
        hashing,
        delivery_id=_id(delivery),
        source_connection=delivery.connection,
        again=delivery.again,
        now=now,
        waiting_for=None if draft.account in tokens else "token",
    )


def _id(delivery: Delivery) -> int:
    assert delivery.id is not None  # noqa: S101 - for the type checker: a claimed delivery is stored
    return delivery.id


def _is_about(line: Mapping[str, str], draft: Draft) -> bool:
    outcome = draft.reason.code if draft.reason else "composed"
    told = (line["kind"], line["template"], line["identity"], line["outcome"])
    return told == (draft.event_kind, draft.template, draft.identity or "", outcome)


def settle_waiting(connection: Connection, now: datetime, *, tokens: Collection[str], sending: str) -> None:
    """Bring waiting messages in line with a starting worker's settings: tokens come and go, sending is switched."""
    if sending == "on":
        connection.execute(
            update(messages)
            .where(is_held, messages.c.reason == "sending_off")
            .values(state="queued", reason=None, detail=None)
        )
    else:
        connection.execute(
            update(messages)
            .where(is_queued, messages.c.released.is_(False))
            .values(state="held", reason="sending_off", detail=None)
        )
    # After the switch, so that what it let go is told right too.
    has_token = messages.c.account.in_(list(tokens))
    connection.execute(
        update(messages).where(is_queued, messages.c.waiting_for == "token", has_token).values(waiting_for=None)
    )
    # What waits for its moment first, say for the morning, goes on telling so.
    lacks_token = is_queued & ~has_token & (messages.c.due <= now)
    connection.execute(
        update(messages)
        .where(lacks_token, messages.c.waiting_for.is_distinct_from("token"))
        .values(waiting_for="token")
    )


def end_quiet_hours(connection: Connection, now: datetime) -> None:
    """Let go what waits for the end of quiet hours: they have been switched off."""
    waits = is_queued & (messages.c.waiting_for == "quiet_hours")
    connection.execute(update(messages).where(waits).values(due=now, waiting_for=None))


def expire(connection: Connection, now: datetime) -> Counter[tuple[str, str, str]]:
    """Give up on queued messages whose time is over, also those that no account could take.

    How many of each (account, state, reason). Of one that may have left already nobody can say that it was not sent.
    """
    late = update(messages).where(is_queued, messages.c.expires_at <= now)
    doubtful = connection.execute(
        late.where(messages.c.unknown_since.is_not(None))
        .values(state="unknown", reason="outcome_unknown", waiting_for=None)
        .returning(messages.c.account)
    ).scalars()
    found = Counter((account, "unknown", "outcome_unknown") for account in doubtful)
    expired = late.values(state="expired", reason="expired", waiting_for=None).returning(messages.c.account)
    return found + Counter((account, "expired", "expired") for account in connection.execute(expired).scalars())
