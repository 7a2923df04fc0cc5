"""What a worker writes down: what a delivery came to, and what a change of settings means for those who wait."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, update

from bridge.events import Delivery
from bridge.messages import Processed
from bridge.reasons import Reason
from bridge.store import outbox
from bridge.store.inbox import Inbox
from bridge.store.tables import is_held, is_queued, messages


def processed(
    connection: Connection,
    inbox: Inbox,
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
    drafted = iter([line for line in lines if _is_draft(line, result)])
    reason = result.reason
    made = 0
    # The delivery first: its row is the fence against a worker that has been taken for dead.
    if not inbox.finish(connection, delivery.id, owner, now, state=result.state, reason=reason, events=lines):
        return False
    for draft in result.drafts:
        line = next(drafted)
        if outbox.insert(
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
        inbox.retell(connection, delivery.id, reason=reason, events=lines)
    return True


def _is_draft(line: Mapping[str, str], result: Processed) -> bool:
    return any(line["template"] == draft.template and line["kind"] == draft.event_kind for draft in result.drafts)


def settle_waiting(connection: Connection, *, tokens: Collection[str], sending: str) -> None:
    """Bring waiting messages in line with a starting worker's settings: tokens come and go, sending is switched."""
    connection.execute(
        update(messages)
        .where(is_queued, messages.c.waiting_for == "token", messages.c.account.in_(list(tokens)))
        .values(waiting_for=None)
    )
    connection.execute(
        update(messages).where(is_queued, messages.c.account.not_in(list(tokens))).values(waiting_for="token")
    )
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


def expire(connection: Connection, now: datetime) -> int:
    """Give up on queued messages whose time is over, also those that no account could take; how many."""
    late = update(messages).where(is_queued, messages.c.expires_at <= now)
    return connection.execute(late.values(state="expired", reason="expired", waiting_for=None)).rowcount
