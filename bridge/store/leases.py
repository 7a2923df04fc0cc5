"""Who does what only one process has to do: a lease, which another takes over once it has run out."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from bridge.store.tables import inserts, leases


def is_anothers(connection: Connection, name: str, owner: str, now: datetime) -> bool:
    """Whether somebody else has it at present: then there is no need to write anything."""
    held = leases.c.name == name, leases.c.owner != owner, leases.c.until > now
    return connection.execute(select(leases.c.name).where(*held)).first() is not None


def take(connection: Connection, name: str, owner: str, now: datetime, lasts: timedelta) -> bool:
    """Take or keep it for so long; False if somebody else has it."""
    row = {"name": name, "owner": owner, "until": now + lasts}
    insert = inserts(leases)[connection.dialect.name].values(**row)
    taken = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": insert.excluded.owner, "until": insert.excluded.until},
        where=or_(leases.c.owner == owner, leases.c.until <= now),
    )
    return connection.execute(taken.returning(leases.c.name)).first() is not None
