"""EXPORT: all that is kept of a person or an order, as one document."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from bridge.privacy import finding
from bridge.privacy.about import About
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.tables import attempts, deliveries, messages, opt_outs, people, postings, sightings

_OF_DELIVERIES = ("id", "connection", "received_at", "state", "reason", "headers", "body", "erased_at")
_OF_MESSAGES = (
    *("id", "delivery_id", "connection", "template", "event_kind", "to", "body", "link", "media_url", "state"),
    *("reason", "created_at", "sent_at", "confirmed_at", "erased_at"),
)
_OF_POSTINGS = (
    *("id", "kind", "connection", "message_id", "delivery_id", "ticket", "order_id", "phone", "subject", "text"),
    *("media", "state", "reason", "created_at", "posted_at", "posted_on", "erased_at"),
)
_OF_ATTEMPTS = ("message_id", "started_at", "outcome", "status", "words")


def export(database: Database, settings: Settings, about: About, connection: str | None) -> Mapping[str, Any]:
    """What there is: deliveries, messages, attempts, postings, orders_and_parcels, refusals, opt_outs."""
    found = finding.find(database, settings, about, connection)
    with database.read() as reading:
        hooks = _rows(reading, deliveries, _OF_DELIVERIES, deliveries.c.id, sorted(found.deliveries))
        texts = _rows(reading, messages, _OF_MESSAGES, messages.c.id, sorted(found.messages))
        tried = _rows(reading, attempts, _OF_ATTEMPTS, attempts.c.message_id, sorted(found.messages))
        posted = _rows(reading, postings, _OF_POSTINGS, postings.c.id, sorted(found.postings))
        refused = _rows(
            reading, people, ("account", "to", "refusals", "refused_at"), people.c.recipient, sorted(found.recipients)
        )
        left = _rows(
            reading, opt_outs, ("account", "to", "is_out", "at"), opt_outs.c.recipient, sorted(found.recipients)
        )
        known = [_known(reading, *place) for place in sorted(found.sightings)]
    return {
        "deliveries": [{**row, "body": _readable(row["body"])} for row in hooks],
        "messages": texts,
        "attempts": tried,
        "postings": posted,
        "orders_and_parcels": [one for one in known if one is not None],
        "refusals": refused,
        "opt_outs": left,
        "deliveries_that_cannot_be_opened": found.unopened,
    }


def _rows(
    reading: Connection, table: Table, names: Sequence[str], key: Any, chosen: Sequence[Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(chosen), 200):
        query = select(*(table.c[name] for name in names)).where(key.in_(chosen[start : start + 200]))
        found += [row._asdict() for row in reading.execute(query.order_by(*table.primary_key.columns))]
    return found


def _known(reading: Connection, account: str, key: str) -> Any:
    ours = sightings.c.account == account, sightings.c.key == key
    text = reading.execute(select(sightings.c.known).where(*ours)).scalar_one_or_none()
    return None if text is None else json.loads(text)


def _readable(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
