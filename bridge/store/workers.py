"""Which workers are alive: a row each with a heartbeat, and taking over from those that are not."""

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from bridge.store import outbox
from bridge.store.inbox import Inbox
from bridge.store.tables import workers
from bridge.store.wakeup import notify

#: A worker that has not been heard of for so long is taken for dead.
DEAD_AFTER = timedelta(seconds=10)

# One with our own host name and process id is an earlier life of ours, in a container that was started again; or a
# twin in another container, which would be heard of every second.
_EARLIER_LIFE_AFTER = timedelta(seconds=3)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One life of a worker process: `id` is new for every start, `name` comes back after a restart."""

    name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)


def register(connection: Connection, me: Identity, now: datetime) -> None:
    """Announce a worker that has just started."""
    connection.execute(
        insert(workers).values(id=me.id, name=me.name, host=me.host, pid=me.pid, started_at=now, seen_at=now)
    )


def beat(connection: Connection, me: Identity, now: datetime) -> bool:
    """Say that `me` is alive; False if the others have taken it for dead, so that it must stop sending."""
    return connection.execute(update(workers).where(workers.c.id == me.id).values(seen_at=now)).rowcount == 1


def sign_off(connection: Connection, me: Identity) -> None:
    """Remove a worker that stops in good order."""
    connection.execute(delete(workers).where(workers.c.id == me.id))


def take_over(connection: Connection, inbox: Inbox, me: Identity, now: datetime) -> list[tuple[str, int]]:
    """Give back what dead workers held; their names with the number of rows.

    A worker of this host whose process is gone is dead at once; any other after ten seconds without a heartbeat.
    """
    taken = []
    for row in connection.execute(select(workers).where(workers.c.id != me.id)).all():
        silent_for = now - row.seen_at
        if silent_for <= DEAD_AFTER and not (row.host == me.host and _is_gone(row.pid, me, silent_for)):
            continue
        if connection.execute(delete(workers).where(workers.c.id == row.id)).rowcount == 1:
            count = inbox.recover(connection, row.id) + outbox.recover(connection, row.id)
            taken.append((row.name, count))
            notify(connection)
    return taken


def _is_gone(pid: int, me: Identity, silent_for: timedelta) -> bool:
    """Whether no process of this host has this id any more."""
    if pid == me.pid:
        return silent_for > _EARLIER_LIFE_AFTER
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
