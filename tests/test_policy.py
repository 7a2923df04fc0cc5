"""What is held back, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from bridge import phone
from bridge.events import Event, Order
from bridge.messages import Message
from bridge.policy import holding
from bridge.quiet_hours import QuietHours

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REAL = "+12125551234"
FICTIONAL = "+12125550123"


MESSAGE = Message(
    id=1, delivery_id=1, template="t", account="attentive", to=REAL, body="Hello", link=None, media_url=None,
    attempts=1, denials=0, expires_at=NOW + timedelta(hours=12), if_unknown="hold", unknown_since=None,
    first_denied_at=None,
)  # fmt: skip


def event(*, test: bool = False) -> Event:
    order = Order(total=Decimal("9.90"), test=test)
    return Event(kind="order.created", source="shopify", connection="shop", occurred_at=NOW, order=order)


@pytest.mark.parametrize(
    ("number", "test", "is_live", "sending", "left", "expected"),
    [
        # leaves
        (REAL, False, True, "on", 60, ("queued", None)),
        (REAL, False, False, "on", 60, ("queued", None)),
        (FICTIONAL, False, False, "on", 60, ("queued", None)),
        (REAL, True, False, "on", 60, ("queued", None)),
        # is held back
        (FICTIONAL, False, True, "on", 60, ("skipped", "fictional_number")),
        (REAL, True, True, "on", 60, ("skipped", "test_order")),
        ("+33612345678", False, False, "on", 60, ("skipped", "phone_region_not_allowed")),
        ("+18005551234", False, False, "on", 60, ("skipped", "phone_cannot_receive_texts")),
        (REAL, False, True, "on", 0, ("expired", "expired")),
        (REAL, False, True, "hold", 60, ("held", "sending_off")),
        (REAL, False, True, "off", 60, ("held", "sending_off")),
        # the reason that no switch can change comes first
        (FICTIONAL, False, True, "hold", 60, ("skipped", "fictional_number")),
        (REAL, False, True, "hold", 0, ("expired", "expired")),
    ],
)
def test_what_leaves_and_what_is_held_back(
    number: str, test: bool, is_live: bool, sending: str, left: int, expected: tuple[str, str | None]
) -> None:
    verdict = holding.judge(
        phone.read(number),
        event(test=test),
        quiet=None,
        zones=(),
        expires_at=NOW + timedelta(seconds=left),
        now=NOW,
        is_live=is_live,
        sending=sending,
    )
    assert (verdict.state, verdict.reason.code if verdict.reason else None) == expected
    assert verdict.due is None


@pytest.mark.parametrize(
    ("to", "is_live", "code"),
    [
        (REAL, True, None),
        (REAL, False, None),
        (FICTIONAL, False, None),
        (FICTIONAL, True, "fictional_number"),
        ("+447400123456", True, "fictional_number"),
    ],
)
def test_a_message_for_a_sandboxs_number_never_leaves_for_the_real_attentive(
    to: str, is_live: bool, code: str | None
) -> None:
    message = replace(MESSAGE, to=to)
    then = holding.at_the_door(message, now=NOW, keeps_quiet=True, is_live=is_live)
    assert (then.reason.code if then and then.reason else None) == code
    assert then is None or then.state == "skipped"


# --- quiet hours -----------------------------------------------------------------------------------------------------

NIGHT = QuietHours(time(21), time(8))
NEW_YORK, LOS_ANGELES, HONOLULU = "America/New_York", "America/Los_Angeles", "Pacific/Honolulu"
#: 23:00 in New York, 20:00 in Los Angeles.
LATE = datetime(2026, 11, 24, 4, tzinfo=UTC)
#: 08:00 in New York the next morning; in Los Angeles it is 05:00.
MORNING = datetime(2026, 11, 24, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zones", "hours_left", "expected"),
    [
        # leaves at once
        (NOW.replace(hour=18), [NEW_YORK], 12, ("queued", None, None)),
        (LATE, [LOS_ANGELES], 12, ("queued", None, None)),
        (MORNING, [NEW_YORK], 12, ("queued", None, None)),
        # waits for the morning
        (LATE, [NEW_YORK], 12, ("queued", None, MORNING)),
        (MORNING, [LOS_ANGELES], 12, ("queued", None, MORNING + timedelta(hours=3))),
        (LATE, [NEW_YORK, LOS_ANGELES], 24, ("queued", None, MORNING + timedelta(hours=3))),
        (LATE, [LOS_ANGELES, HONOLULU], 24, ("queued", None, None)),
        # has no morning
        (LATE, [NEW_YORK], 9, ("held", "quiet_until_expiry", None)),
        (LATE, [NEW_YORK, LOS_ANGELES], 12, ("held", "quiet_until_expiry", None)),
    ],
)
def test_a_text_waits_for_the_end_of_quiet_hours_or_is_held(
    now: datetime, zones: list[str], hours_left: int, expected: tuple[str, str | None, datetime | None]
) -> None:
    verdict = holding.judge(
        phone.read(REAL),
        event(),
        quiet=NIGHT,
        zones=zones,
        expires_at=now + timedelta(hours=hours_left),
        now=now,
        is_live=True,
        sending="on",
    )
    assert (verdict.state, verdict.reason.code if verdict.reason else None, verdict.due) == expected


QUIET = replace(MESSAGE, quiet_hours="21:00-08:00", zones=(NEW_YORK,), expires_at=LATE + timedelta(hours=12))
SOON_OVER = replace(QUIET, expires_at=LATE + timedelta(hours=2))


@pytest.mark.parametrize(
    ("message", "now"),
    [
        (MESSAGE, LATE),
        (QUIET, MORNING),
        (QUIET, LATE - timedelta(hours=3)),
        (replace(QUIET, zones=(LOS_ANGELES,)), LATE),
        (replace(QUIET, unknown_since=MORNING), MORNING),
    ],
)
def test_at_the_door_a_text_goes_by_day(message: Message, now: datetime) -> None:
    assert holding.at_the_door(message, now=now, keeps_quiet=True, is_live=True) is None


def test_at_the_door_quiet_hours_that_are_switched_off_hold_nobody() -> None:
    assert holding.at_the_door(QUIET, now=LATE, keeps_quiet=False, is_live=True) is None


@pytest.mark.parametrize(
    ("message", "state", "due", "expires_at"),
    [
        (QUIET, "queued", MORNING, None),
        (replace(QUIET, unknown_since=LATE, if_unknown="resend"), "queued", MORNING, None),
        # What a person let go gets the time it needs.
        (replace(SOON_OVER, released=True), "queued", MORNING, MORNING + timedelta(hours=1)),
        (replace(QUIET, released=True), "queued", MORNING, QUIET.expires_at),
        (SOON_OVER, "held", None, None),
        # Whoever decides about it is to know that it may have left.
        (replace(SOON_OVER, unknown_since=LATE, if_unknown="resend"), "held", None, None),
        # A repeat in the morning could be a second text.
        (replace(QUIET, unknown_since=LATE), "unknown", None, None),
    ],
)
def test_at_the_door_a_text_turns_back_at_night(
    message: Message, state: str, due: datetime | None, expires_at: datetime | None
) -> None:
    then = holding.at_the_door(message, now=LATE, keeps_quiet=True, is_live=True)
    assert then is not None
    assert (then.state, then.due, then.expires_at) == (state, due, expires_at)
    assert then.unknown_since == message.unknown_since
