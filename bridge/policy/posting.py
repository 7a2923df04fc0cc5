"""What becomes of a posting after a try to put it on its platform. Pure decisions."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.errors import BridgeError, LookupFailed, LookupRefused, PostingDoubtful
from bridge.postings import Ended, Kind, Posted, Posting
from bridge.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Can:
    """What can be put on the tickets and orders of a platform, or of a connection that is called by its name."""

    title: str
    kinds: frozenset[Kind] = frozenset()
    order_kinds: frozenset[Kind] = frozenset()


#: For how long it is tried: what is older is no news to anybody.
LIFE = timedelta(days=1)

_FIRST_DELAY = 2.0
_LONGEST_DELAY = 600.0
_CREDENTIALS_DELAY = 60.0


def decide(
    posting: Posting, came_of_it: Posted | BridgeError, *, began: datetime, now: datetime, jitter: float
) -> Ended:
    """What becomes of `posting` after a try that `began` then. `jitter`, in [0, 1), spreads the next tries."""
    if isinstance(came_of_it, Posted):
        return Ended(state="posted", posted=came_of_it)
    error, words = came_of_it, str(came_of_it)
    doubtful_since = began if isinstance(error, PostingDoubtful) else None
    if not isinstance(error, LookupFailed | PostingDoubtful):
        return Ended(state="failed", reason=Reason(code="posting_refused", detail=words))
    delay = _delay(posting, error, jitter)
    if (due := now + timedelta(seconds=delay)) >= posting.expires_at:
        return Ended(state="failed", reason=Reason(code="posting_gave_up", detail=words), doubtful_since=doubtful_since)
    waiting_for = "lookup_credentials" if isinstance(error, LookupRefused) else "retry"
    return Ended(state="queued", due=due, waiting_for=waiting_for, words=words, doubtful_since=doubtful_since)


def _delay(posting: Posting, error: BridgeError, jitter: float) -> float:
    if isinstance(error, LookupRefused):
        return _CREDENTIALS_DELAY
    # Half of it at least: a platform that has asked for rest is not asked again at once.
    spread = (0.5 + jitter / 2) * min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(posting.attempts - 1, 20))
    after = error.after if isinstance(error, LookupFailed) else None
    return max(spread, after or 0.0)


def before_posting(posting: Posting, *, can: Can, missing: Collection[str], now: datetime) -> Ended | None:
    """Why it must not be tried (any more); None if it may. `missing` are settings that the platform's API needs."""
    if now >= posting.expires_at:
        return Ended(state="failed", reason=Reason(code="posting_gave_up"))
    if why := why_impossible(posting.kind, ticket=posting.ticket, order_id=posting.order_id, can=can):
        return Ended(state="skipped", reason=Reason(code="posting_not_possible", detail=why))
    if missing:
        detail = f"Set {', '.join(missing)}, then `bridge postings retry {posting.id}`."
        return Ended(state="skipped", reason=Reason(code="posting_not_configured", detail=detail))
    return None


def why_impossible(kind: Kind, *, ticket: str | None, order_id: str | None, can: Can) -> str | None:
    """A sentence that says what can be put there instead, or None."""
    if not can.kinds and not can.order_kinds:
        return f"The bridge writes nothing to {can.title}."
    if kind == "answer" or ticket is not None:
        possible, where = can.kinds, "tickets"
    elif order_id is not None:
        possible, where = can.order_kinds, "orders"
    else:
        return "The event names neither a ticket nor an order."
    if kind in possible:
        return None
    return f"{can.title} takes no {kind} on its {where}, but {', '.join(sorted(possible)) or 'nothing'}."
