"""With which trace a delivery was stored: for who sends its messages."""

from collections.abc import Callable

from sqlalchemy import Connection, select

from bridge.errors import StoreUnavailable
from bridge.store.database import Database
from bridge.store.tables import deliveries
from bridge.tracing import CARRIER

#: Of a delivery's id: the trace's header, if it was stored with one, and how often the delivery was processed.
Find = Callable[[int], tuple[str | None, int]]


def finder(database: Database) -> Find:
    """Finds it from any thread; nothing if the database does not answer, since a message is sent all the same."""

    def find(delivery_id: int) -> tuple[str | None, int]:
        try:
            with database.read() as connection:
                return of_delivery(connection, delivery_id)
        except StoreUnavailable:
            return None, 0

    return find


def of_delivery(connection: Connection, delivery_id: int) -> tuple[str | None, int]:
    """The trace's header, if it was stored with one, and how often the delivery was processed."""
    asked = select(deliveries.c.headers, deliveries.c.attempts).where(deliveries.c.id == delivery_id)
    row = connection.execute(asked).first()
    return (row.headers.get(CARRIER), row.attempts) if row is not None else (None, 0)
