"""What a program of an earlier schema writes: exactly the columns that it knew, in plain statements."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, and_, insert, select, update

from bridge.store import schema
from bridge.store.database import Database
from bridge.store.hashing import search_hash

MAYA = "+12125550123"


def versions() -> list[str]:
    """All that came before the present one, the first first."""
    found = [script.revision for script in ScriptDirectory.from_config(schema._config()).walk_revisions()]
    return found[:0:-1]


def make(url: str, version: str) -> Database:
    """A database of that version, without rows."""
    database = Database(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with database.migrate() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        if not database.is_sqlite:
            connection.commit()
    return database


@dataclass
class OldProgram:
    """Knows the tables as they are in `database` now, and goes on writing them so, whatever is added."""

    database: Database
    _tables: MetaData = field(default_factory=MetaData)

    def __post_init__(self) -> None:
        with self.database.read() as connection:
            self._tables.reflect(connection, only=["deliveries", "messages", "attempts"])

    def store(self, key: str, body: bytes = b"") -> int:
        """Take a webhook, as the web process does."""
        now = self._now()
        values = {
            "connection": "zendesk", "key": key, "headers": {}, "body": body, "received_at": now, "state": "stored",
            "due": now, "attempts": 0, "deaths": 0, "again": 0,
        }  # fmt: skip
        with self.database.write() as connection:
            return self._insert(connection, "deliveries", values)

    def process(self, delivery: int, **values: Any) -> int:
        """Claim a delivery, make its message, and have done with it, as the worker does; the message's id."""
        deliveries = self._tables.tables["deliveries"]
        this = deliveries.c.id == delivery
        with self.database.write() as connection:
            connection.execute(update(deliveries).where(this).values(owner="old", attempts=1, claimed_at=self._now()))
        with self.database.write() as connection:
            found = self._insert(connection, "messages", {**self._message(delivery), **values})
            events = [{"kind": "order.shipped", "identity": str(delivery), "template": "shipped",
                       "outcome": "composed", "detail": ""}]  # fmt: skip
            done = {"state": "processed", "owner": None, "events": events, "processed_at": self._now()}
            connection.execute(update(deliveries).where(this).values(**done))
        return found

    def deliver(self, message: int) -> None:
        """Claim a message and record that it was sent."""
        messages, now = self._tables.tables["messages"], self._now()
        this = and_(messages.c.id == message, messages.c.state == "queued")
        claimed = {"state": "sending", "owner": "old", "claimed_at": now, "attempts": 1}
        with self.database.write() as connection:
            connection.execute(update(messages).where(this).values(**claimed))
        with self.database.write() as connection:
            sent = {"state": "sent", "owner": None, "sent_at": now}
            connection.execute(update(messages).where(messages.c.id == message).values(**sent))
            tried = {"message_id": message, "number": 1, "started_at": now, "seconds": 0.1, "outcome": "sent",
                     "status": 200, "words": b"Success"}  # fmt: skip
            self._insert(connection, "attempts", tried)

    def _message(self, delivery: int) -> dict[str, Any]:
        now = self._now()
        return {
            "delivery_id": delivery, "account": "attentive", "connection": "zendesk", "template": "shipped",
            "event_kind": "order.shipped", "identity": f"order.shipped:{delivery}", "once": f"once {delivery}",
            "again": 0, "recipient": search_hash(MAYA), "to": MAYA.encode(),
            "body": f"Shipped {delivery} by an old program".encode(),
            "state": "queued", "occurred_at": now, "created_at": now, "due": now,
            "expires_at": now + timedelta(hours=12), "if_unknown": "hold", "attempts": 0, "deaths": 0, "denials": 0,
            "released": False,
        }  # fmt: skip

    def _insert(self, connection: Connection, table: str, values: dict[str, Any]) -> int:
        known: Table = self._tables.tables[table]
        found: int = connection.execute(insert(known).values(**values).returning(known.c.id)).scalar_one()
        return found

    def _now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(tzinfo=None) if self.database.is_sqlite else now

    def states(self, table: str) -> list[str]:
        """The state of each row."""
        known = self._tables.tables[table]
        with self.database.read() as connection:
            return list(connection.execute(select(known.c.state).order_by(known.c.id)).scalars())


def shipped(order: str) -> bytes:
    """The body of a trigger of Zendesk that tells of a parcel."""
    return json.dumps({
        "event": "order.shipped", "id": order, "occurred_at": datetime.now(UTC).isoformat(),
        "customer": {"name": "Maya Thompson", "phone": MAYA, "country": "US"},
        "order": {"id": order, "name": f"#{order}"}, "shipment": {"id": order},
    }).encode()  # fmt: skip
