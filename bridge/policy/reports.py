"""What a ticket or an order is told of a text: in words for a colleague, or as a tag. Pure."""

import re
from datetime import datetime

from bridge.policy.posting import LIFE
from bridge.postings import NewPosting, Over
from bridge.reasons import REASONS, Reason

#: The tags, documented in docs/templates.md.
SENT, UNKNOWN, NOT_SENT = "sms-sent", "sms-unknown", "sms-not-sent"

# What has left, or may have, is told however the bridge is switched.
_TRIED = ("sent", "unknown", "refused", "failed")
# These are told by another text, wait for a switch and not for a decision, or must not be told.
_NOT_TOLD = ("already_texted", "sending_off", "restored", "erased")

_NUMBER = re.compile(r"\+?\(?\d[\d\s().-]{5,}\d")
# So many digits at the end tell a number from nearly all others.
_TELLING = 7


def report(message: Over, *, is_on: bool, now: datetime) -> NewPosting | None:
    """What is put on the ticket or the order of a message that is over; None if nobody is to be told.

    While sending is switched off (not `is_on`) only of what has left all the same: nothing happens that a person has
    not seen. A stranger's webhook is told of when its text was let go and has left.
    """
    if message.report == "none" or message.is_erased or message.reason in _NOT_TOLD:
        return None
    if message.state not in _TRIED and (message.is_unverified or not is_on):
        return None
    text = tag(message) if message.report == "tag" else note(message)
    if text is None:
        return None
    return NewPosting(
        kind="tag" if message.report == "tag" else "note",
        connection=message.connection,
        account=message.account,
        once=_once(message),
        text=text,
        ticket=message.ticket,
        order_id=None if message.ticket else message.order_id,
        phone=message.to,
        message_id=message.id,
        occurred_at=now,
        expires_at=now + LIFE,
    )


def _once(message: Over) -> str:
    """A webhook that is processed again makes a skipped message once more, and tells nobody a second time."""
    if message.state == "skipped":
        parts = (message.connection, message.template, message.identity, message.to or "", message.reason or "")
        return "\x1f".join(("report skipped", *parts))
    return f"report {message.id} {message.state}"


def tag(message: Over) -> str | None:
    """The tag, or None for a text that waits for a person: a later one would stand beside it."""
    if message.state == "held":
        return None
    return {"sent": SENT, "unknown": UNKNOWN}.get(message.state, NOT_SENT)


def note(message: Over) -> str:
    """The note. It never has the whole number."""
    whom = f"the customer (number ending {message.to[-4:]})" if message.to else "the customer"
    if message.state == "sent":
        return f"Text sent to {whom}: {_quoted(message)}"
    if message.state == "unknown":
        return f"Nobody can tell whether this text reached {whom}: {_quoted(message)}"
    if message.state == "held":
        return f"A text to {whom} waits for a person's decision. {_why(message)}"
    return f"No text was sent to {whom}. {_why(message)}"


def _quoted(message: Over) -> str:
    words = [message.body or "", message.link or ""]
    return f"\u201c{' '.join(word for word in words if word)}\u201d"


def _why(message: Over) -> str:
    if message.reason not in REASONS:
        return ""
    words = Reason(code=message.reason, detail=message.detail or "").sentence
    # Who refuses a text likes to repeat whom it was for.
    return _NUMBER.sub(lambda found: "\u2026" if _is_of(message.to, found[0]) else found[0], words)


def _is_of(to: str | None, written: str) -> bool:
    digits = "".join(one for one in written if one.isdigit())
    return bool(to) and str(to)[-_TELLING:] in digits
