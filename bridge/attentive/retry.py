"""What happens after an attempt: to the message, and to the account it went through. Pure decisions.

The table these follow stands in docs/how-it-works.md, "What happens after an attempt".
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bridge.messages import AccountHealth, Attempt, Message, Next, Outcome
from bridge.reasons import Reason

_FIRST_DELAY = 2.0
_LONGEST_DELAY = 300.0
# An unknown message is repeated soon: Attentive drops the repeat only for a short while.
_LONGEST_UNKNOWN_DELAY = 5.0

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
# So many failures in a row, over all messages, are an outage and no accident.
_BREAKER_AFTER = 10
_DEFAULT_SLOW_DOWN = 5.0

_DENIALS_ALONE = 3


def decide(
    message: Message, attempt: Attempt, account: AccountHealth, *, now: datetime, window: float, jitter: float
) -> Next:
    """What becomes of `message` after `attempt`.

    `window` is Attentive's duplicate window in seconds; `jitter`, in [0, 1), spreads the retries.
    """
    words = f"Attentive said {attempt.status}: {attempt.words}" if attempt.status else attempt.words
    unknown_since = message.unknown_since
    if attempt.outcome is Outcome.SENT:
        return Next(state="sent")
    if attempt.outcome is Outcome.REFUSED:
        if (again := _once_more(message, attempt, now)) is not None:
            return again
        return Next(state="refused", reason=Reason(code="refused_by_attentive", detail=words))
    if attempt.outcome is Outcome.DENIED:
        if attempt.status == 403 and _is_denied_alone(message, account):
            return Next(state="refused", reason=Reason(code="refused_alone", detail=words))
        # Behind the others, so that the next probe is another message.
        due = now + timedelta(seconds=pause_seconds(account.failures + 1, 1) + 0.5)
        return Next(state="queued", due=due, waiting_for="account", unknown_since=unknown_since, denied=True)
    if attempt.outcome is Outcome.UNKNOWN:
        unknown_since = unknown_since or attempt.started_at
        delay = _LONGEST_UNKNOWN_DELAY * jitter
    else:
        delay = jitter * min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(message.attempts - 1, 20))
        delay = max(delay, attempt.retry_after or 0.0)
    due = now + timedelta(seconds=delay)
    if (gone := too_late_to_repeat(message, unknown_since, due, window)) is not None:
        return gone
    if due >= message.expires_at:
        return _over(unknown_since, words)
    return Next(state="queued", due=due, waiting_for="retry", unknown_since=unknown_since)


def _once_more(message: Message, attempt: Attempt, now: datetime) -> Next | None:
    """The second try of a message that its template lets repeat once after a refusal (`retry_refused`).

    Who opted in at the checkout may reach Attentive a moment after the order.
    """
    is_first = attempt.status == 400 and message.refusals == 0 and message.unknown_since is None
    if not is_first or message.retry_refused is None:
        return None
    due = now + timedelta(seconds=message.retry_refused)
    return Next(state="queued", due=due, waiting_for="retry", refused=True) if due < message.expires_at else None


def before_sending(message: Message, *, now: datetime, window: float) -> Next | None:
    """Why a claimed message must not be sent (any more); None if it may."""
    if (gone := too_late_to_repeat(message, message.unknown_since, now, window)) is not None:
        return gone
    if now >= message.expires_at:
        return _over(message.unknown_since)
    return None


def _over(unknown_since: datetime | None, words: str = "") -> Next:
    """The end of a message whose time is over. Of one that may have left nobody can say that it was not sent."""
    if unknown_since is not None:
        return Next(state="unknown", reason=Reason(code="outcome_unknown", detail=words), unknown_since=unknown_since)
    return Next(state="expired", reason=Reason(code="expired", detail=words))


def too_late_to_repeat(message: Message, unknown_since: datetime | None, at: datetime, window: float) -> Next | None:
    """`unknown` if Attentive may have the message and would no longer drop a repeat of it at `at`.

    A tenth of the window is left for the repeat to arrive in.
    """
    if unknown_since is None or message.if_unknown == "resend":
        return None
    if (at - unknown_since).total_seconds() < window * 0.9:
        return None
    return Next(state="unknown", reason=Reason(code="outcome_unknown"), unknown_since=unknown_since)


def _is_denied_alone(message: Message, account: AccountHealth) -> bool:
    """Whether it is this message that is refused: the third time, while others passed since the first."""
    others_passed = (
        message.first_denied_at is not None
        and account.last_success_at is not None
        and account.last_success_at > message.first_denied_at
    )
    return message.denials + 1 >= _DENIALS_ALONE and others_passed


def pause_seconds(failures: int, threshold: int) -> float:
    """How long an account rests after so many failures in a row: from 5 s, doubling to 60 s."""
    return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(max(0, failures - threshold), 10)))


def account_after(account: AccountHealth, attempt: Attempt, *, now: datetime) -> AccountHealth:
    """The account's health after one more attempt through it."""
    # Nothing is claimed for a resting account, so what ends meanwhile was under way when its pause began.
    is_resting = account.paused_until is not None and account.paused_until > now
    if attempt.outcome in (Outcome.SENT, Outcome.REFUSED):
        # A refusal is an answer about the message: the account itself works.
        if is_resting and account.pause_reason == "slow_down":
            return replace(account, failures=0, last_success_at=now)
        return AccountHealth(name=account.name, last_success_at=now, next_at=account.next_at)
    if is_resting and not account.pause_reason == attempt.outcome == Outcome.SLOW_DOWN:
        return account
    if attempt.outcome is Outcome.SLOW_DOWN:
        until = now + timedelta(seconds=attempt.retry_after or _DEFAULT_SLOW_DOWN)
        return replace(
            account,
            paused_until=max(until, account.paused_until or until),
            # What is probed stays so: after a slow-down all messages may go.
            pause_reason=account.pause_reason or "slow_down",
            paused_since=account.paused_since or now,
        )
    failures = account.failures + 1
    threshold = 1 if attempt.outcome is Outcome.DENIED else _BREAKER_AFTER
    if failures < threshold:
        return replace(account, failures=failures)
    return replace(
        account,
        failures=failures,
        paused_until=now + timedelta(seconds=max(pause_seconds(failures, threshold), attempt.retry_after or 0.0)),
        pause_reason="denied" if attempt.outcome is Outcome.DENIED else "failing",
        paused_since=account.paused_since or now,
    )
