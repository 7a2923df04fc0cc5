"""What the bridge has put on tickets, found by the platform's id or by its words."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, case, func, or_, select

from bridge.answered import FindTraces, Trace
from bridge.store.database import Database
from bridge.store.hashing import hashes
from bridge.store.tables import postings

# The newest say it: of "Thanks!" there may be thousands.
_MOST = 200


def finder(database: Database) -> FindTraces:
    """Finds what was put on a connection's tickets, from any thread. What it gives raises StoreUnavailable."""

    def find(connection: str, ids: Collection[str], words: Collection[str]) -> Sequence[Trace]:
        with database.read() as reading:
            of = hashes(reading).of
            hashed = {of(one) for one in words}
            values = {"there": connection, "ids": sorted(ids), "hashes": sorted(hashed), "most": _MOST}
            rows = reading.execute(_FIND, values).all()
        return [
            Trace(
                kind=row.kind,
                since=row.since,
                until=row.until,
                ticket=row.ticket,
                posted_on=row.posted_on,
                remote_id=row.remote_id,
                by_words=row.text_hash in hashed,
            )
            for row in rows
        ]

    return find


_FIND = (
    select(
        postings.c.kind,
        postings.c.ticket,
        postings.c.posted_on,
        postings.c.remote_id,
        postings.c.text_hash,
        # Of one that nobody tries any more, the last try is the last moment at which it can have come there.
        func.coalesce(postings.c.posted_at, case((postings.c.state == "failed", postings.c.claimed_at))).label("until"),
        postings.c.created_at.label("since"),
    )
    .where(
        or_(
            postings.c.text_hash.in_(bindparam("hashes", expanding=True)),
            postings.c.remote_id.in_(bindparam("ids", expanding=True)),
        ),
        postings.c.connection == bindparam("there"),
        postings.c.kind.in_(["note", "answer"]),
        # What nobody has taken up is not there, nor what the platform has certainly not taken.
        or_(postings.c.state.in_(["posting", "posted"]), postings.c.unknown_since.is_not(None)),
    )
    .order_by(postings.c.id.desc())
    .limit(bindparam("most"))
)
