"""How full the queue is and how the accounts fare: for the readiness body and the metrics."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, select
from sqlalchemy import func as sql

from bridge.messages import AccountHealth
from bridge.store import account_health
from bridge.store.tables import deliveries, is_held, is_queued, is_sending, is_stored, messages, workers
from bridge.store.workers import DEAD_AFTER


@dataclass(frozen=True, kw_only=True)
class Status:
    """Waiting work: what is queued or under way. `oldest_due` is when the longest waiting piece was due."""

    deliveries_waiting: int
    messages_waiting: int
    messages_held: int
    oldest_due: datetime | None
    workers: int
    accounts: tuple[AccountHealth, ...]


def read(connection: Connection, now: datetime) -> Status:
    """The state of the queue now."""
    waiting = connection.execute(select(sql.count(), sql.min(deliveries.c.due)).where(is_stored)).one()
    outgoing = connection.execute(select(sql.count(), sql.min(messages.c.due)).where(is_queued)).one()
    return Status(
        deliveries_waiting=waiting[0],
        messages_waiting=outgoing[0] + _count(connection, is_sending),
        messages_held=_count(connection, is_held),
        oldest_due=min((moment for moment in (waiting[1], outgoing[1]) if moment), default=None),
        workers=connection.execute(_alive(now)).scalar_one(),
        accounts=tuple(account_health.look(connection).values()),
    )


def _alive(now: datetime) -> Select[int]:
    return select(sql.count()).select_from(workers).where(workers.c.seen_at > now - DEAD_AFTER)


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(sql.count()).select_from(messages).where(condition)).scalar_one()
