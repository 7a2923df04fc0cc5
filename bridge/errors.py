"""Errors: each one answers the question "what must the caller do now?"."""

from collections.abc import Iterable

from bridge.reasons import Reason


class BridgeError(Exception):
    """An error the bridge expects and explains; never a traceback for a user."""


class BadSignature(BridgeError):
    """Answer 401: this request does not prove that it comes from the platform. The text says why.

    `cause` is the same as a code: see `CAUSES` in `reasons.py`.
    """

    def __init__(self, text: str, *, cause: str = "other_secret") -> None:
        super().__init__(text)
        self.cause = cause


class UnknownKey(BadSignature):
    """Fetch the platform's public keys once more and verify again: it signed with a key that is not among them."""


class StoreUnavailable(BridgeError):
    """Answer 503 with Retry-After: the delivery could not be stored now; the sender tries again."""


class RowRefused(StoreUnavailable):
    """Store the others without this row: the database is well, and cannot hold what is in it."""


class Unreadable(BridgeError):
    """Park the delivery with `reason`: it is genuine and kept, but not understood."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = Reason(code="unreadable_body", detail=detail)


class LookupFailed(BridgeError):
    """Keep the delivery and try it again later: the platform's API did not answer usefully.

    `after` is in how many seconds, where the platform says so.
    """

    waiting_for = "lookup"

    def __init__(self, text: str = "", *, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after


class LookupRefused(LookupFailed):
    """Pause this connection's look-ups and keep its deliveries: the API credentials were refused."""


class ConnectFailed(BridgeError):
    """Tell the user: a platform has not done what it was asked to do at its end. The text says what to do."""


class ShipmentAwaited(LookupFailed):
    """Keep a carrier's delivery for a moment: the shop that knows whose parcel it is has not told yet."""

    waiting_for = "shipment"


class PersonUnknown(BridgeError):
    """Skip the message: the platform answered that it does not know this person or order."""


class NotThere(BridgeError):
    """Put it elsewhere, or give up: the platform has no such ticket, order or person (any more)."""


class PostingRefused(BridgeError):
    """Give up: the platform refuses to have this put on a ticket or order, and would again. The text says why.

    `status` is what it answered; `moved_to` where it says that what was asked for is now.
    """

    def __init__(self, text: str = "", *, status: int | None = None, moved_to: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.moved_to = moved_to


class PostingDoubtful(BridgeError):
    """Look whether it is there before trying again: the platform may have taken it, and has not said so."""


class Misconfigured(BridgeError):
    """Stop with exit status 2 and print every problem: settings or templates are wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def kind_and_place(error: BaseException) -> str:
    """`ValueError at shopify.py:120`: enough to find the fault, and nothing personal."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""
    return type(error).__name__ + place
