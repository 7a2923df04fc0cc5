"""Pictures that were made smaller: kept for the web process to serve, and forgotten when no text points to them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from bridge.messages import Picture
from bridge.store.sealed import is_unopened
from bridge.store.tables import inserts, pictures

_KEPT_FOR = timedelta(days=30)
# Half a megabyte each: more of them in one transaction would hold up whoever waits for it.
_FORGOTTEN_AT_ONCE = 20
_TYPE = "image/jpeg"


def keep(connection: Connection, new: Sequence[Picture], now: datetime) -> None:
    """Keep pictures, each once, for thirty days from now."""
    by_name = {picture.name: picture for picture in new}
    if not by_name:
        return
    known = set(connection.execute(select(pictures.c.name).where(pictures.c.name.in_(by_name))).scalars())
    if known:
        connection.execute(update(pictures).where(pictures.c.name.in_(known)).values(created_at=now))
    if rows := [
        {"name": name, "content": picture.content, "type": _TYPE, "created_at": now}
        for name, picture in by_name.items()
        if name not in known
    ]:
        # Another worker may have had the same one this moment.
        connection.execute(inserts(pictures)[connection.dialect.name].on_conflict_do_nothing(), rows)


def find(connection: Connection, name: str) -> tuple[bytes, str] | None:
    """A picture's content and its media type; None if we have no such picture (any more)."""
    row = connection.execute(select(pictures.c.content, pictures.c.type).where(pictures.c.name == name)).first()
    return (row.content, row.type) if row and not is_unopened(row.content) else None


def forget(connection: Connection, now: datetime) -> int:
    """Delete some of the pictures whose time is over; how many."""
    old = select(pictures.c.name).where(pictures.c.created_at < now - _KEPT_FOR).order_by(pictures.c.created_at)
    chosen = list(connection.execute(old.limit(_FORGOTTEN_AT_ONCE)).scalars())
    if chosen:
        connection.execute(delete(pictures).where(pictures.c.name.in_(chosen)))
    return len(chosen)
