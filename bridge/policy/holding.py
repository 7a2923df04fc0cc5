"""HOLD BACK, whether at all: what must not be sent, or not without a person's word. Pure."""

from datetime import datetime

from bridge import phone
from bridge.events import Event
from bridge.messages import DraftState, Message, Next
from bridge.phone import PhoneNumber
from bridge.reasons import Reason

Verdict = tuple[DraftState, Reason | None]


def judge(
    number: PhoneNumber, event: Event, *, expires_at: datetime, now: datetime, is_live: bool, sending: str
) -> Verdict:
    """The state a finished text enters the outbox with. `is_live` says that real people would get it."""
    if not number.allowed:
        return "skipped", number.reason
    if is_live and number.fictional:
        return "skipped", Reason(code="fictional_number")
    if is_live and event.order.test:
        return "skipped", Reason(code="test_order")
    if now >= expires_at:
        return "expired", Reason(code="expired")
    if sending != "on":
        return "held", Reason(code="sending_off")
    return "queued", None


def at_the_door(message: Message, *, is_live: bool) -> Next | None:
    """Why a queued message must not leave after all: it may have been composed for a sandbox, before the switch."""
    if is_live and phone.read(message.to).fictional:
        return Next(state="skipped", reason=Reason(code="fictional_number"))
    return None
