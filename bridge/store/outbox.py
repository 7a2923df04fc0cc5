"""OUTBOX: what drafts are kept as, each event's text to a person once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bridge.messages import Draft
from bridge.store.days import day_of
from bridge.store.hashing import Hashes
from bridge.store.tables import inserts, messages


def row_of(
    draft: Draft,
    hashes: Hashes,
    *,
    delivery_id: int,
    source_connection: str,
    again: int,
    now: datetime,
    waiting_for: str | None,
) -> dict[str, Any]:
    """The row a draft enters the outbox as. `again` counts how often a person asked for the text once more."""
    identity = draft.identity or f"delivery:{delivery_id}"
    # A skipped message does not use its identity up: what was missing may come with a later webhook.
    once = hashes.once(draft.account, draft.template, identity, draft.to, again) if draft.to else None
    return {
        "delivery_id": delivery_id,
        "account": draft.account,
        "connection": source_connection,
        "template": draft.template,
        "event_kind": draft.event_kind,
        "identity": identity,
        "once": None if draft.state == "skipped" else once,
        "again": again,
        "day": day_of(now),
        "recipient": hashes.of(draft.to) if draft.to else None,
        "to": draft.to,
        "phone_why": draft.phone_why,
        "body": draft.body,
        "link": draft.link,
        "media_url": draft.media_url,
        "state": draft.state,
        "reason": draft.reason.code if draft.reason else None,
        "detail": (draft.reason.detail or None) if draft.reason else None,
        "waiting_for": draft.waiting_for or waiting_for,
        "thread": draft.thread,
        "supersedes": draft.supersedes,
        "quiet_hours": draft.quiet_hours,
        "zones": draft.zones,
        "occurred_at": draft.occurred_at,
        "created_at": now,
        "due": draft.due or now,
        "expires_at": draft.expires_at,
        "if_unknown": draft.if_unknown,
        "if_media_fails": draft.if_media_fails,
        "shrink_media": draft.shrink_media,
        "retry_refused": draft.retry_refused,
        "ticket": draft.ticket,
        "order_id": draft.order_id,
        "report": draft.report,
        "attempts": 0,
        "deaths": 0,
        "denials": 0,
        "released": False,
    }


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of a row: whether it is new, and its id, which is None for one that takes part in nothing."""

    is_new: bool
    id: int | None = None


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Added]:
    """Put rows in the outbox; for each what became of it.

    It is not new if a message for the same account, template, identity and person is there, or comes before it in
    `rows`.
    """
    if not rows:
        return []
    ids = {row.once: row.id for row in connection.execute(_ADD[connection.dialect.name], rows)}
    return [
        # A skipped row has no key: it is always new, and nobody asks for it again.
        Added(is_new=True) if row["once"] is None else _added(ids.pop(row["once"], None))
        for row in rows
    ]


#: A text that a delivery made: delivery, template, identity, recipient, and the how manieth time.
Text = tuple[int, str, str, str | None, int]


def text_of(row: Mapping[str, Any]) -> Text:
    """What tells a row from the others of its delivery."""
    return row["delivery_id"], row["template"], row["identity"], row["recipient"], row["again"]


def made_of(connection: Connection, delivery_ids: Collection[int]) -> set[Text]:
    """The texts that these deliveries have made, those left out that are skipped."""
    return {text_of(row._asdict()) for row in connection.execute(_MADE, {"ids": list(delivery_ids)})}


def _added(message_id: int | None) -> Added:
    return Added(is_new=message_id is not None, id=message_id)


_MADE = select(
    messages.c.delivery_id, messages.c.template, messages.c.identity, messages.c.recipient, messages.c.again
).where(messages.c.delivery_id.in_(bindparam("ids", expanding=True)), messages.c.state != "skipped")
# Built once: putting a statement together costs more than running it. RETURNING tells which rows had no conflict.
_ADD = {
    name: made.on_conflict_do_nothing().returning(messages.c.id, messages.c.once)
    for name, made in inserts(messages).items()
}
