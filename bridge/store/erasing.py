"""Personal content taken out of rows. What stays: keys (a webhook that comes again is known), states and reasons.

Of what programs ask for the keys go too, once they are not needed: they are made of number and text.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, null, select, update

from bridge.store import asked, opt_outs
from bridge.store.tables import attempts, deliveries, messages, people, pictures, postings, sightings

#: States in which a message waits for something, or for somebody.
WAITING = ("queued", "sending", "held", "unknown")
#: So many rows at a time: others wait for that.
AT_ONCE = 100


def deliveries_of(connection: Connection, ids: Collection[int], now: datetime) -> int:
    """Take the content out of deliveries that nobody is processing; how many had some. What was stored is over."""
    free = deliveries.c.id.in_(ids), deliveries.c.owner.is_(None)
    connection.execute(
        update(deliveries)
        .where(*free, deliveries.c.state == "stored")
        .values(state="processed", reason="erased", waiting_for=None, processed_at=now)
    )
    emptied = update(deliveries).where(*free, deliveries.c.erased_at.is_(None))
    count = connection.execute(emptied.values(body=b"", detail=None, erased_at=now)).rowcount
    asked.forget_keys(connection, ids, now)
    return count


def messages_of(connection: Connection, ids: Collection[int], now: datetime) -> tuple[int, int]:
    """Take text and person out of messages that nobody is sending; how many had some, and how many never leave."""
    idle = messages.c.id.in_(ids), messages.c.state != "sending"
    withdrawn = connection.execute(
        update(messages)
        .where(*idle, messages.c.state.in_(("queued", "held")), messages.c.unknown_since.is_(None))
        .values(state="skipped", reason="erased", waiting_for=None)
    )
    doubtful = messages.c.state.in_(("queued", "held"))
    connection.execute(
        # Nobody can say that these were not sent.
        update(messages).where(*idle, doubtful).values(state="unknown", reason="outcome_unknown", waiting_for=None)
    )
    emptied = update(messages).where(*idle, messages.c.erased_at.is_(None))
    count = connection.execute(emptied.values({**_NOTHING, "erased_at": now})).rowcount
    chosen = select(messages.c.id).where(*idle)
    connection.execute(update(attempts).where(attempts.c.message_id.in_(chosen)).values(words=None))
    return count, withdrawn.rowcount


def postings_of(connection: Connection, ids: Collection[int], now: datetime) -> int:
    """Take text and person out of postings that nobody is posting; how many had some. What waited is not posted."""
    idle = postings.c.id.in_(ids), postings.c.state != "posting"
    connection.execute(
        update(postings)
        .where(*idle, postings.c.state == "queued")
        .values(state="skipped", reason="erased", waiting_for=None)
    )
    emptied = update(postings).where(*idle, postings.c.erased_at.is_(None))
    return connection.execute(emptied.values({**_NO_POSTING, "erased_at": now})).rowcount


def forget_postings(connection: Connection, ids: Collection[int]) -> int:
    """Delete postings; how many."""
    return connection.execute(delete(postings).where(postings.c.id.in_(ids))).rowcount


def forget_messages(connection: Connection, ids: Collection[int]) -> int:
    """Delete messages with their attempts and postings; how many."""
    connection.execute(delete(postings).where(postings.c.message_id.in_(ids)))
    connection.execute(delete(attempts).where(attempts.c.message_id.in_(ids)))
    return connection.execute(delete(messages).where(messages.c.id.in_(ids))).rowcount


def forget_deliveries(connection: Connection, ids: Collection[int]) -> int:
    """Delete deliveries that have no messages any more, with what they had posted; how many."""
    has_none: ColumnElement[bool] = ~select(messages.c.id).where(messages.c.delivery_id == deliveries.c.id).exists()
    gone = select(deliveries.c.id).where(deliveries.c.id.in_(ids), has_none)
    connection.execute(delete(postings).where(postings.c.delivery_id.in_(gone)))
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids), has_none)).rowcount


def sightings_of(connection: Connection, places: Sequence[tuple[str, str]]) -> int:
    """Forget orders and parcels, by account and key; how many."""
    if places:
        rows = [{"this_account": account, "this_key": key} for account, key in places]
        connection.execute(_FORGET_SIGHTING, rows)
    return len(places)


def people_of(connection: Connection, recipients: Collection[str], accounts: Collection[str] | None) -> int:
    """Forget how people fared, by the hash of their number; in how many accounts. None: in all."""
    whose = [people.c.recipient.in_(recipients)]
    if accounts is not None:
        whose.append(people.c.account.in_(accounts))
    opt_outs.hide(connection, recipients)
    return connection.execute(delete(people).where(*whose)).rowcount


def pictures_of(connection: Connection, names: Collection[str]) -> int:
    """Delete pictures; how many."""
    return connection.execute(delete(pictures).where(pictures.c.name.in_(names))).rowcount


_NOTHING: dict[str, Any] = dict.fromkeys(
    ("to", "phone_why", "body", "link", "media_url", "detail", "media_detail", "zones", "recipient"), null()
)
_NO_POSTING: dict[str, Any] = dict.fromkeys(
    ("phone", "subject", "text", "text_hash", "media", "detail", "recipient"), null()
)
_FORGET_SIGHTING = delete(sightings).where(
    sightings.c.account == bindparam("this_account"), sightings.c.key == bindparam("this_key")
)
