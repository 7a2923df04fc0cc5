"""With which trace a delivery was stored: for who sends its messages."""

from sqlalchemy import Connection, select

from bridge.store.tables import deliveries
from bridge.tracing import CARRIER


def of_delivery(connection: Connection, delivery_id: int) -> tuple[str | None, int]:
    """The trace's header, if it was stored with one, and how often the delivery was processed."""
    asked = select(deliveries.c.headers, deliveries.c.attempts).where(deliveries.c.id == delivery_id)
    row = connection.execute(asked).first()
    return (row.headers.get(CARRIER), row.attempts) if row is not None else (None, 0)
