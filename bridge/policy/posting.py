"""What becomes of a posting after a try to put it on its platform. Pure decisions."""

from collections.abc import Collection
from datetime import datetime, timedelta

from bridge.errors import BridgeError, LookupFailed, LookupRefused, PostingDoubtful
from bridge.postings import Ended, Posted, Posting
from bridge.reasons import Reason

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


def before_posting(
    posting: Posting,
    *,
    title: str | None,
    kinds: Collection[str],
    order_kinds: Collection[str],
    missing: Collection[str],
    now: datetime,
) -> Ended | None:
    """Why it must not be tried (any more); None if it may.

    `title` is the platform's name, None where the connection's has no API that the bridge knows; `kinds` can be put on
    its tickets, `order_kinds` on its orders; `missing` are settings that its API needs.
    """
    if now >= posting.expires_at:
        return Ended(state="failed", reason=Reason(code="posting_gave_up"))
    if why := why_impossible(posting, title=title, kinds=kinds, order_kinds=order_kinds):
        return Ended(state="skipped", reason=Reason(code="posting_not_possible", detail=why))
    if missing:
        detail = f"Set {', '.join(missing)}, then `bridge postings retry {posting.id}`."
        return Ended(state="skipped", reason=Reason(code="posting_not_configured", detail=detail))
    return None


def why_impossible(
    posting: Posting, *, title: str | None, kinds: Collection[str], order_kinds: Collection[str]
) -> str | None:
    """A sentence that says what the platform can do instead, or None."""
    if title is None:
        return f"The bridge writes nothing to the platform of {posting.connection}."
    if posting.ticket is None and posting.order_id is None and posting.kind != "answer":
        return "The event names neither a ticket nor an order."
    is_of_order = posting.ticket is None and posting.order_id is not None and posting.kind != "answer"
    possible, where = (order_kinds, "orders") if is_of_order else (kinds, "tickets")
    return None if posting.kind in possible else f"{posting.kind} is none of {can(title, possible, where)}."


def can(title: str, possible: Collection[str], where: str) -> str:
    """What can be put on a platform's tickets or orders, in words: after "none of"."""
    if not possible:
        return f"what {title} lets be put on its {where}, which is nothing"
    return f"what {title} lets be put on its {where}: {', '.join(sorted(possible))}"
