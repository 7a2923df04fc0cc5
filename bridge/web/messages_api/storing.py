"""A request of the messages API on its way to the disk: judged at once, stored once, told apart from its repeats."""

import re
from datetime import UTC, datetime, timedelta

from flask import request

from bridge import requested, tracing
from bridge.callers import Caller
from bridge.errors import StoreUnavailable
from bridge.events import Delivery
from bridge.settings import Settings
from bridge.store import asked
from bridge.store.asked import Kept
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.web.messages_api.refused import Refused

# A string of RFC 8941, as the draft of the header wants it, or the same without its quotes, as many send it.
# https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-\[\]-~]{1,255})')


def store(body: bytes, caller: Caller, settings: Settings, inbox: Inbox, database: Database) -> tuple[Kept, bool]:
    """The request as it is stored, and whether it is new.

    Raises Refused, and StoreUnavailable (the caller sends it again).
    """
    try:
        requested.read(body, settings)
    except requested.Unfit as error:
        raise Refused(400, str(error)) from None
    given = _given_key()
    # Without a key of its own a repeat is told as Attentive tells it: the same text to the same number, soon after.
    key = asked.given_key(given) if given else asked.made_key(requested.as_one_text(body))
    good_for = asked.KEY_GOOD_FOR if given else timedelta(seconds=settings.duplicate_window)
    delivery = Delivery(connection=caller.name, headers={}, body=body, received_at=datetime.now(UTC))
    with tracing.span("request", connection=caller.name) as told:
        headers = {"content-type": "application/json"} | tracing.carried()
        is_new = inbox.add(delivery, key=key, signed_bytes=None, headers=headers, good_for=good_for)
        told["is_new"] = is_new
    with database.read() as connection:
        kept = asked.find(connection, caller.name, key)
    if kept is None:
        raise StoreUnavailable("a request that was stored is not found")
    # One that was erased since is never sent again, whatever is asked for now.
    if not is_new and kept.body is not None and not requested.is_same(body, kept.body):
        raise Refused(422, "Idempotency-Key: Was used for another message.")
    return kept, is_new


def _given_key() -> str | None:
    """The request's Idempotency-Key, None where it has none. Raises Refused."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise Refused(400, "Idempotency-Key: Must be 1 to 255 printable ASCII characters, best in double quotes.")
    return re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
