"""What people ask for through their shop: kept until it is done."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.events import Delivery, PrivacyRequest
from bridge.store.tables import requests

Row = Mapping[str, Any]


def add(connection: Connection, asked: PrivacyRequest, delivery: Delivery, now: datetime) -> None:
    """Keep what is asked for with a delivery. A replay asks for nothing new."""
    known = select(requests.c.id).where(requests.c.delivery_id == delivery.id)
    if connection.execute(known).first() is None:
        about = {name: value for name, value in asdict(asked).items() if value and name != "kind"}
        values = {"connection": delivery.connection, "delivery_id": delivery.id, "kind": asked.kind}
        connection.execute(insert(requests).values(**values, about=json.dumps(about), asked_at=now))


def open_(connection: Connection) -> list[Mapping[str, Any]]:
    """What is not done yet, the oldest first: id, connection, delivery_id, kind, about, asked_at, done_at, outcome."""
    query = select(requests).where(requests.c.done_at.is_(None)).order_by(requests.c.id)
    return [row._asdict() for row in connection.execute(query)]


def list_newest(connection: Connection, *, limit: int) -> list[Mapping[str, Any]]:
    """The newest ones, done or not."""
    query = select(requests).order_by(requests.c.id.desc()).limit(limit)
    return [row._asdict() for row in connection.execute(query)]


def finish(connection: Connection, request_id: int, *, outcome: str, now: datetime) -> bool:
    """Note that one is done, and forget of whom it was; False if there is none to do."""
    ours = update(requests).where(requests.c.id == request_id, requests.c.done_at.is_(None))
    return connection.execute(ours.values(about=None, outcome=outcome[:300], done_at=now)).rowcount == 1
