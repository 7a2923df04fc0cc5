"""What becomes of a message and of its account after an attempt: the tables of DESIGN, and what holds for all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.attentive.retry import account_after, before_sending, decide, pause_seconds
from bridge.messages import AccountHealth, Attempt, Message, Next, Outcome

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
WINDOW = 60.0

MESSAGE = Message(
    id=1,
    delivery_id=1,
    template="order_shipped",
    account="attentive",
    to="+12125550123",
    body="On its way.",
    link=None,
    media_url=None,
    attempts=1,
    denials=0,
    expires_at=NOW + timedelta(hours=24),
    if_unknown="hold",
    unknown_since=None,
    first_denied_at=None,
)
ACCOUNT = AccountHealth(name="attentive")
ATTEMPT = Attempt(
    outcome=Outcome.NOT_SENT, started_at=NOW - timedelta(seconds=1), seconds=1.0, status=503, words="Busy"
)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def after(
    outcome: Outcome,
    message: Message = MESSAGE,
    *,
    account: AccountHealth = ACCOUNT,
    jitter: float = 0.5,
    status: int | None = 503,
    retry_after: float | None = None,
) -> Next:
    attempt = replace(ATTEMPT, outcome=outcome, status=status, retry_after=retry_after)
    return decide(message, attempt, account, now=NOW, window=WINDOW, jitter=jitter)


# --- the message -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "waiting_for"),
    [
        (Outcome.SENT, "sent", None, None),
        (Outcome.REFUSED, "refused", "refused_by_attentive", None),
        (Outcome.DENIED, "queued", None, "account"),
        (Outcome.SLOW_DOWN, "queued", None, "retry"),
        (Outcome.NOT_SENT, "queued", None, "retry"),
        (Outcome.UNKNOWN, "queued", None, "retry"),
    ],
)
def test_an_outcome_has_its_consequence(
    outcome: Outcome, state: str, reason: str | None, waiting_for: str | None
) -> None:
    then = after(outcome)
    assert (then.state, then.reason.code if then.reason else None, then.waiting_for) == (state, reason, waiting_for)


def test_a_refusal_keeps_attentives_words() -> None:
    then = after(Outcome.REFUSED, status=400)
    assert then.reason is not None
    assert then.reason.detail == "Attentive said 400: Busy"


@pytest.mark.parametrize(("attempt", "longest"), [(1, 2), (2, 4), (3, 8), (7, 128), (8, 256), (9, 300), (1000, 300)])
def test_a_message_that_was_not_sent_waits_longer_each_time(attempt: int, longest: float) -> None:
    message = replace(MESSAGE, attempts=attempt)
    assert after(Outcome.NOT_SENT, message, jitter=0.0).due == NOW
    assert after(Outcome.NOT_SENT, message, jitter=0.5).due == NOW + seconds(longest / 2)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.SLOW_DOWN])
def test_retry_after_is_honoured(outcome: Outcome) -> None:
    assert after(outcome, retry_after=90.0).due == NOW + seconds(90)


def test_an_unknown_message_is_repeated_within_five_seconds_however_often_it_was_tried() -> None:
    then = after(Outcome.UNKNOWN, replace(MESSAGE, attempts=9), jitter=0.999)
    assert then.due is not None
    assert then.due < NOW + seconds(5)
    assert then.unknown_since == ATTEMPT.started_at


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.SLOW_DOWN, Outcome.DENIED, Outcome.UNKNOWN])
def test_the_first_doubt_is_remembered(outcome: Outcome) -> None:
    since = NOW - seconds(20)
    assert after(outcome, replace(MESSAGE, unknown_since=since)).unknown_since == since


@pytest.mark.parametrize(
    ("age", "retry_after", "if_unknown", "state"),
    [
        (10.0, None, "hold", "queued"),
        (48.9, None, "hold", "queued"),  # due within 5 s times 0.5
        (52.0, None, "hold", "unknown"),
        (61.0, None, "hold", "unknown"),
        (10.0, 43.9, "hold", "queued"),
        (10.0, 44.0, "hold", "unknown"),  # told to wait until after nine tenths of the window
        (61.0, None, "resend", "queued"),
        (9999.0, 600.0, "resend", "queued"),
    ],
)
def test_a_doubtful_message_is_repeated_within_nine_tenths_of_the_window(
    age: float, retry_after: float | None, if_unknown: str, state: str
) -> None:
    message = replace(MESSAGE, unknown_since=NOW - seconds(age), if_unknown=if_unknown)  # type: ignore[arg-type]
    outcome = Outcome.NOT_SENT if retry_after else Outcome.UNKNOWN
    then = after(outcome, message, retry_after=retry_after)
    assert then.state == state
    assert (then.reason.code if then.reason else None) == ("outcome_unknown" if state == "unknown" else None)


def test_without_a_window_nothing_doubtful_is_repeated() -> None:
    attempt = replace(ATTEMPT, outcome=Outcome.UNKNOWN)
    assert decide(MESSAGE, attempt, ACCOUNT, now=NOW, window=0.0, jitter=0.0).state == "unknown"


@pytest.mark.parametrize(
    ("outcome", "since", "if_unknown", "state"),
    [
        (Outcome.NOT_SENT, None, "hold", "expired"),
        (Outcome.SLOW_DOWN, None, "hold", "expired"),
        (Outcome.UNKNOWN, None, "hold", "unknown"),
        (Outcome.UNKNOWN, None, "resend", "unknown"),
        (Outcome.NOT_SENT, NOW - seconds(1), "hold", "unknown"),
    ],
)
def test_a_message_whose_time_is_over_has_expired_unless_it_may_have_left(
    outcome: Outcome, since: datetime | None, if_unknown: str, state: str
) -> None:
    message = replace(MESSAGE, expires_at=NOW + seconds(0.1), unknown_since=since, if_unknown=if_unknown)  # type: ignore[arg-type]
    assert after(outcome, message).state == state


@pytest.mark.parametrize(
    ("age", "left", "if_unknown", "state"),
    [
        (None, 10.0, "hold", None),
        (None, 0.0, "hold", "expired"),
        (53.9, 10.0, "hold", None),
        (54.0, 10.0, "hold", "unknown"),
        (54.0, 10.0, "resend", None),
        (10.0, 0.0, "hold", "unknown"),
        (10.0, 0.0, "resend", "unknown"),
    ],
)
def test_a_claimed_message_is_looked_at_once_more_before_it_is_sent(
    age: float | None, left: float, if_unknown: str, state: str | None
) -> None:
    since = None if age is None else NOW - seconds(age)
    message = replace(MESSAGE, unknown_since=since, expires_at=NOW + seconds(left), if_unknown=if_unknown)  # type: ignore[arg-type]
    then = before_sending(message, now=NOW, window=WINDOW)
    assert (then.state if then else None) == state


def test_a_denied_message_comes_after_the_others() -> None:
    then = after(Outcome.DENIED, status=401)
    assert then.denied
    assert then.due is not None
    assert then.due > NOW + seconds(pause_seconds(1, 1))


@pytest.mark.parametrize(
    ("status", "denials", "others_passed", "state"),
    [
        (403, 0, True, "queued"),
        (403, 1, True, "queued"),
        (403, 2, True, "refused"),
        (403, 2, False, "queued"),
        (403, 9, False, "queued"),
        (401, 2, True, "queued"),
        (404, 2, True, "queued"),
        (302, 2, True, "queued"),
    ],
)
def test_a_message_that_alone_is_forbidden_three_times_is_refused(
    status: int, denials: int, others_passed: bool, state: str
) -> None:
    message = replace(MESSAGE, denials=denials, first_denied_at=NOW - seconds(30) if denials else None)
    account = replace(ACCOUNT, last_success_at=NOW - seconds(10 if others_passed else 40))
    then = after(Outcome.DENIED, message, account=account, status=status)
    assert then.state == state
    assert (then.reason.code if then.reason else None) == ("refused_alone" if state == "refused" else None)


# --- the account -------------------------------------------------------------------------------------------------


def health(outcome: Outcome, account: AccountHealth = ACCOUNT, **changes: object) -> AccountHealth:
    return account_after(account, replace(ATTEMPT, outcome=outcome, **changes), now=NOW)  # type: ignore[arg-type]


def paused(reason: str, until: float, failures: int = 1) -> AccountHealth:
    """An account whose pause began ten seconds ago and ends in `until` seconds."""
    return AccountHealth(
        name="attentive", failures=failures, paused_until=NOW + seconds(until), pause_reason=reason,
        paused_since=NOW - seconds(10),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "failures", "pause"),
    [
        (Outcome.SENT, 9, None),
        (Outcome.REFUSED, 9, None),
        (Outcome.DENIED, 0, ("denied", 5)),
        (Outcome.DENIED, 1, ("denied", 10)),
        (Outcome.DENIED, 3, ("denied", 40)),
        (Outcome.DENIED, 4, ("denied", 60)),
        (Outcome.DENIED, 400, ("denied", 60)),
        (Outcome.NOT_SENT, 0, None),
        (Outcome.NOT_SENT, 8, None),
        (Outcome.NOT_SENT, 9, ("failing", 5)),
        (Outcome.UNKNOWN, 9, ("failing", 5)),
        (Outcome.UNKNOWN, 10, ("failing", 10)),
        (Outcome.UNKNOWN, 99, ("failing", 60)),
        (Outcome.SLOW_DOWN, 0, ("slow_down", 5)),
    ],
)
def test_an_account_rests_when_it_is_wrong_or_fails_often(
    outcome: Outcome, failures: int, pause: tuple[str, float] | None
) -> None:
    then = health(outcome, replace(ACCOUNT, failures=failures))
    if pause is None:
        assert (then.paused_until, then.pause_reason, then.paused_since) == (None, None, None)
    else:
        assert (then.pause_reason, then.paused_until, then.paused_since) == (pause[0], NOW + seconds(pause[1]), NOW)


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.REFUSED])
@pytest.mark.parametrize("reason", ["denied", "failing", "slow_down"])
def test_a_probe_that_is_answered_ends_the_pause(outcome: Outcome, reason: str) -> None:
    then = health(outcome, paused(reason, until=-1))
    assert then == AccountHealth(name="attentive", last_success_at=NOW)


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.REFUSED])
def test_what_was_under_way_does_not_end_a_slow_down(outcome: Outcome) -> None:
    before = paused("slow_down", until=30)
    then = health(outcome, before, started_at=NOW - seconds(11))
    assert (then.paused_until, then.pause_reason, then.last_success_at) == (before.paused_until, "slow_down", NOW)


@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_what_was_under_way_when_the_pause_began_says_nothing_new(outcome: Outcome) -> None:
    before = paused("denied", until=4)
    assert health(outcome, before, started_at=NOW - seconds(11)) == before


def test_a_probe_that_fails_lengthens_the_pause_and_keeps_its_beginning() -> None:
    then = health(Outcome.DENIED, paused("denied", until=-1), started_at=NOW - seconds(0.5))
    assert (then.failures, then.paused_until) == (2, NOW + seconds(10))
    assert then.paused_since == NOW - seconds(10)


@pytest.mark.parametrize(("retry_after", "pause"), [(None, 5.0), (0.0, 5.0), (1.0, 1.0), (90.0, 90.0)])
def test_429_slows_the_account_for_as_long_as_it_says(retry_after: float | None, pause: float) -> None:
    assert health(Outcome.SLOW_DOWN, retry_after=retry_after).paused_until == NOW + seconds(pause)


def test_a_second_429_never_shortens_the_pause() -> None:
    before = paused("slow_down", until=50)
    assert health(Outcome.SLOW_DOWN, before, retry_after=2.0).paused_until == before.paused_until


def test_429_does_not_open_the_door_of_an_account_that_is_denied() -> None:
    """After a slow-down all messages may go; after a denial only a probe."""
    then = health(Outcome.SLOW_DOWN, paused("denied", until=4), retry_after=1.0)
    assert (then.pause_reason, then.paused_until) == ("denied", NOW + seconds(4))
    then = health(Outcome.SLOW_DOWN, paused("denied", until=-1), retry_after=1.0)
    assert (then.pause_reason, then.paused_until) == ("denied", NOW + seconds(1))


# --- what holds for all ------------------------------------------------------------------------------------------

ages = st.none() | st.floats(0, 200)
messages = st.builds(
    lambda attempts, age, left, if_unknown, denials: replace(
        MESSAGE,
        attempts=attempts,
        unknown_since=None if age is None else NOW - seconds(age),
        expires_at=NOW + seconds(left),
        if_unknown=if_unknown,
        denials=denials,
        first_denied_at=NOW - seconds(30) if denials else None,
    ),
    st.integers(0, 10_000),
    ages,
    st.floats(-100, 100_000),
    st.sampled_from(["hold", "resend"]),
    st.integers(0, 5),
)
attempts = st.builds(
    lambda outcome, status, age, retry_after: replace(
        ATTEMPT, outcome=outcome, status=status, started_at=NOW - seconds(age), retry_after=retry_after
    ),
    st.sampled_from(Outcome),
    st.sampled_from([None, 200, 302, 400, 401, 403, 404, 429, 500, 502, 503]),
    st.floats(0, 300),
    st.none() | st.floats(0, 86400),
)
accounts = st.builds(
    lambda failures, until, reason: replace(
        ACCOUNT,
        failures=failures,
        paused_until=None if until is None else NOW + seconds(until),
        pause_reason=None if until is None else reason,
        paused_since=None if until is None else NOW - seconds(400),
        last_success_at=NOW - seconds(500),
    ),
    st.integers(0, 10_000),
    st.none() | st.floats(-60, 60),
    st.sampled_from(["denied", "failing", "slow_down"]),
)
jitters = st.floats(0, 1, exclude_max=True)


@given(messages, attempts, accounts, jitters, st.floats(0, 600))
def test_no_message_is_due_in_the_past_and_every_end_has_a_reason(
    message: Message, attempt: Attempt, account: AccountHealth, jitter: float, window: float
) -> None:
    then = decide(message, attempt, account, now=NOW, window=window, jitter=jitter)
    if then.state == "queued":
        assert then.due is not None
        assert then.due >= NOW
    else:
        assert then.due is None
        assert then.state == "sent" or then.reason is not None


@given(messages, attempts, accounts, jitters, st.floats(0, 600), st.floats(0, 100_000))
def test_no_doubtful_message_is_ever_sent_after_nine_tenths_of_the_window(
    message: Message, attempt: Attempt, account: AccountHealth, jitter: float, window: float, later: float
) -> None:
    """However long the queue, the account's pause or the worker took after the message was due."""
    then = decide(message, attempt, account, now=NOW, window=window, jitter=jitter)
    if then.state != "queued" or then.due is None:
        return
    again = replace(message, unknown_since=then.unknown_since)
    at = then.due + seconds(later)
    if before_sending(again, now=at, window=window) is None and then.unknown_since is not None:
        assert message.if_unknown == "resend" or (at - then.unknown_since).total_seconds() < 0.9 * window


@given(attempts, accounts)
def test_a_new_pause_lasts_five_to_sixty_seconds_unless_attentive_says_how_long(
    attempt: Attempt, account: AccountHealth
) -> None:
    then = account_after(account, replace(attempt, retry_after=None), now=NOW)
    if then.paused_until is not None and then.paused_until != account.paused_until:
        assert seconds(5) <= then.paused_until - NOW <= seconds(60)


@given(attempts, accounts)
def test_no_attempt_that_failed_shortens_a_pause(attempt: Attempt, account: AccountHealth) -> None:
    then = account_after(account, attempt, now=NOW)
    if attempt.outcome in (Outcome.SENT, Outcome.REFUSED) or account.paused_until is None:
        return
    assert then.paused_until is not None
    assert then.paused_until >= account.paused_until


@given(st.integers(0, 10**9), st.integers(1, 10))
def test_a_rest_is_between_five_and_sixty_seconds(failures: int, threshold: int) -> None:
    assert 5 <= pause_seconds(failures, threshold) <= 60
