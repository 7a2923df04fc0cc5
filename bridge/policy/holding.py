"""HOLD BACK, whether at all and until when: what must not be sent, not now, or not without a person's word. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge import phone, quiet_hours
from bridge.errors import LookupFailed, LookupRefused
from bridge.events import Event
from bridge.messages import Deferred, Draft, DraftState, Message, Next
from bridge.phone import PhoneNumber
from bridge.quiet_hours import QuietHours
from bridge.reasons import Reason

#: How long a text may still wait that a person let go and whose time would be over before it may leave.
_GRACE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state a finished text enters the outbox with, why it is not `queued`, and the moment it may leave at."""

    state: DraftState = "queued"
    reason: Reason | None = None
    due: datetime | None = None


def judge(
    number: PhoneNumber,
    event: Event,
    *,
    quiet: QuietHours | None,
    zones: Sequence[str],
    expires_at: datetime,
    now: datetime,
    is_live: bool,
    sending: str,
) -> Verdict:
    """What becomes of a finished text. `is_live` says that real people would get it; `quiet` hold in all `zones`."""
    if not number.allowed:
        return Verdict(state="skipped", reason=number.reason)
    if is_live and number.fictional:
        return Verdict(state="skipped", reason=Reason(code="fictional_number"))
    if is_live and event.order.test:
        return Verdict(state="skipped", reason=Reason(code="test_order"))
    if now >= expires_at:
        return Verdict(state="expired", reason=Reason(code="expired"))
    if sending != "on":
        return Verdict(state="held", reason=Reason(code="sending_off"))
    if quiet is None:
        return Verdict()
    moment = quiet_hours.next_moment(quiet, zones, now, expires_at)
    if moment is None:
        return Verdict(state="held", reason=_quiet_until_the_end(quiet, zones))
    return Verdict(due=moment if moment > now else None)


def until_vouched_for(draft: Draft, unverified: str | None) -> Draft:
    """The draft, held if it would leave some time, where nothing proves the webhook it is made of: anybody may have
    sent it."""
    if unverified is None or draft.state not in ("queued", "held"):
        return draft
    return replace(
        draft, state="held", reason=Reason(code="unverified", detail=f"Cause: {unverified}."), waiting_for=None
    )


def until_told(error: LookupFailed, attempts: int, now: datetime) -> Deferred:
    """A delivery waits for what its platform did not tell: a moment, and longer each time."""
    if isinstance(error, LookupRefused):
        return Deferred(due=now + timedelta(seconds=60), waiting_for="lookup_credentials", detail=str(error))
    delay = timedelta(seconds=min(300, 2 ** min(attempts, 9)))
    return Deferred(due=now + delay, waiting_for=error.waiting_for, detail=str(error))


def at_the_door(message: Message, *, now: datetime, keeps_quiet: bool, is_live: bool) -> Next | None:
    """Why a queued message must not leave after all, or not yet; None if it may.

    It may have been composed for a sandbox, before the switch; and it may have waited for something else until the
    evening.
    """
    if is_live and phone.read(message.to).fictional:
        return Next(state="skipped", reason=Reason(code="fictional_number"))
    if not (keeps_quiet and message.quiet_hours):
        return None
    quiet = quiet_hours.parse(message.quiet_hours)
    moment = quiet_hours.next_moment(quiet, message.zones, now, datetime.max.replace(tzinfo=now.tzinfo))
    if moment is not None and moment <= now:
        return None
    if message.unknown_since is not None and message.if_unknown != "resend":
        # By the morning Attentive would no longer drop a repeat.
        return Next(state="unknown", reason=Reason(code="outcome_unknown"), unknown_since=message.unknown_since)
    if moment is None or (moment >= message.expires_at and not message.released):
        why = _quiet_until_the_end(quiet, message.zones)
        return Next(state="held", reason=why, unknown_since=message.unknown_since, tried=False)
    return Next(
        state="queued",
        due=moment,
        waiting_for="quiet_hours",
        unknown_since=message.unknown_since,
        tried=False,
        expires_at=max(message.expires_at, moment + _GRACE) if message.released else None,
    )


def _quiet_until_the_end(quiet: QuietHours, zones: Sequence[str]) -> Reason:
    return Reason(code="quiet_until_expiry", detail=f"Quiet hours are {quiet} in {', '.join(zones)}.")
