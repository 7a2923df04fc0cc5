"""What a worker writes down: what a delivery came to, and what a change of settings means for those who wait."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, update

from bridge.events import Delivery
from bridge.messages import Draft, Processed
from bridge.reasons import Reason
from bridge.store import outbox, processing
from bridge.store.tables import is_held, is_queued, messages


def processed(
    connection: Connection,
    delivery: Delivery,
    result: Processed,
    *,
    owner: str,
    now: datetime,
    tokens: Collection[str],
) -> bool:
    """Record what a delivery came to, and its messages, in one transaction; False if another worker took it over.

    A draft whose message exists already (another webhook about the same event) is told in the delivery's story.
    """
    assert delivery.id is not None  # noqa: S101 - for the type checker: a claimed delivery is stored
    lines = [dict(line) for line in result.story]
    unread = iter(lines)
    reason = result.reason
    made = 0
    # The delivery first: its row is the fence against a worker that has been taken for dead.
    if not processing.finish(connection, delivery.id, owner, now, state=result.state, reason=reason, events=lines):
        return False
    for draft in result.drafts:
        # The story tells the drafts in their order, with lines about other templates between them.
        line = next(line for line in unread if _is_about(line, draft))
        if outbox.add(
            connection,
            draft,
            delivery_id=delivery.id,
            source_connection=delivery.connection,
            again=delivery.again,
            now=now,
            waiting_for=None if draft.account in tokens else "token",
        ):
            made += 1
        else:
            line["outcome"] = "already_texted"
    if result.drafts and not made:
        reason = Reason(code="already_texted")
    if made < len(result.drafts):
        processing.retell(connection, delivery.id, reason=reason, events=lines)
    return True


def _is_about(line: Mapping[str, str], draft: Draft) -> bool:
    outcome = draft.reason.code if draft.reason else "composed"
    told = (line["kind"], line["template"], line["identity"], line["outcome"])
    return told == (draft.event_kind, draft.template, draft.identity or "", outcome)


def settle_waiting(connection: Connection, *, tokens: Collection[str], sending: str) -> None:
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
    connection.execute(update(messages).where(is_queued, ~has_token).values(waiting_for="token"))


def expire(connection: Connection, now: datetime) -> int:
    """Give up on queued messages whose time is over, also those that no account could take; how many.

    Of one that may have left already nobody can say that it was not sent.
    """
    late = update(messages).where(is_queued, messages.c.expires_at <= now)
    doubtful = connection.execute(
        late.where(messages.c.unknown_since.is_not(None)).values(
            state="unknown", reason="outcome_unknown", waiting_for=None
        )
    )
    expired = connection.execute(late.values(state="expired", reason="expired", waiting_for=None))
    return doubtful.rowcount + expired.rowcount
