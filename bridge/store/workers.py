"""Which workers are alive: a row each with a heartbeat, and taking over from those that are not."""

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy import func as sql

from bridge.store import disk, postings, processing, sending
from bridge.store.tables import deliveries, is_posting, is_sending, is_stored, messages, workers
from bridge.store.tables import postings as postings_table
from bridge.store.wakeup import notify

#: A worker that has not been heard of for so long is taken for dead.
DEAD_AFTER = timedelta(seconds=10)


def _host() -> str:
    """Where a process id means something: the host's name, and on Linux its start and the namespace of process ids.

    Containers may share a name and each have a process 1.
    """
    boot = disk.boot()
    return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}" if boot else socket.gethostname()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One life of a worker process: `id` is new for every start, `name` comes back after a restart."""

    name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    host: str = field(default_factory=_host)
    pid: int = field(default_factory=os.getpid)


def register(connection: Connection, me: Identity, now: datetime) -> None:
    """Announce a worker that has just started."""
    connection.execute(
        insert(workers).values(id=me.id, name=me.name, host=me.host, pid=me.pid, started_at=now, seen_at=now)
    )


def beat(connection: Connection, me: Identity, now: datetime) -> bool:
    """Say that `me` is alive; False if the others have taken it for dead, so that it must stop sending."""
    alive = update(workers).where(workers.c.id == me.id).values(name=me.name, seen_at=now)
    return connection.execute(alive).rowcount == 1


def sign_off(connection: Connection, me: Identity) -> None:
    """Remove a worker that stops in good order."""
    connection.execute(delete(workers).where(workers.c.id == me.id))


def take_over(
    connection: Connection, me: Identity, now: datetime, *, is_new: bool = False, judges_silence: bool = True
) -> list[tuple[str, int]]:
    """Give back what dead workers held; their names with the number of rows.

    A worker of this host whose process is gone is dead at once, and if `me` is new, so is an earlier one of its name,
    wherever it ran; any other after ten seconds without a heartbeat, if `me` is one who `judges_silence`.
    """
    named_since = _named_since(connection) if is_new else None
    taken = []
    for row in connection.execute(select(workers).where(workers.c.id != me.id)).all():
        is_silent = judges_silence and row.seen_at < now - DEAD_AFTER
        is_earlier_life = named_since is not None and row.name == me.name and row.seen_at > named_since
        if not (is_silent or is_earlier_life or (row.host == me.host and _is_gone(row.pid, me))):
            continue
        if connection.execute(delete(workers).where(workers.c.id == row.id)).rowcount == 1:
            count = recover(connection, row.id)
            taken.append((row.name, count))
            notify(connection)
    return taken


def recover(connection: Connection, dead_owner: str) -> int:
    """Give back what a dead worker held; how many rows."""
    of_all = (one.recover(connection, dead_owner) for one in (processing, sending, postings))
    return sum(of_all)


def _named_since(connection: Connection) -> datetime:
    """Who has given a sign of life since then had its name, too, while it lived.

    When PostgreSQL starts anew all names are free, and who has not come back yet may live.
    """
    if connection.dialect.name == "sqlite":
        return datetime.min.replace(tzinfo=UTC)
    started: datetime = connection.execute(select(sql.pg_postmaster_start_time())).scalar_one()
    return started.astimezone(UTC)


def beats_elsewhere(connection: Connection) -> dict[str, tuple[str, datetime]]:
    """The last beat of each worker on another machine, with the name of its host. Containers are no machines."""
    here = _machine(_host())
    rows = connection.execute(select(workers.c.id, workers.c.host, workers.c.seen_at))
    return {row.id: (row.host.split()[0], row.seen_at) for row in rows if _machine(row.host) != here}


def _machine(host: str) -> str:
    return host.split()[:2][-1]


def orphaned_owners(connection: Connection) -> list[str]:
    """Who owns rows and is in no list of workers: claimed in the moment between being taken for dead and dying."""
    known = select(workers.c.id)
    of_deliveries = select(deliveries.c.owner).where(is_stored, deliveries.c.owner.not_in(known))
    of_messages = select(messages.c.owner).where(is_sending, messages.c.owner.not_in(known))
    of_postings = select(postings_table.c.owner).where(is_posting, postings_table.c.owner.not_in(known))
    return sorted(set(connection.execute(of_deliveries.union(of_messages, of_postings)).scalars()))


def _is_gone(pid: int, me: Identity) -> bool:
    """Whether no process of this host has this id any more. Our own id on another row is an earlier life's."""
    if pid == me.pid:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
