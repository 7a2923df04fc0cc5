"""What is held back, as tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bridge import phone
from bridge.events import Event, Order
from bridge.messages import Message
from bridge.policy import holding

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REAL = "+12125551234"
FICTIONAL = "+12125550123"


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
    state, reason = holding.judge(
        phone.read(number),
        event(test=test),
        expires_at=NOW + timedelta(seconds=left),
        now=NOW,
        is_live=is_live,
        sending=sending,
    )
    assert (state, reason.code if reason else None) == expected


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
    message = Message(
        id=1, delivery_id=1, template="t", account="attentive", to=to, body="Hello", link=None, media_url=None,
        attempts=1, denials=0, expires_at=NOW, if_unknown="hold", unknown_since=None, first_denied_at=None,
    )  # fmt: skip
    then = holding.at_the_door(message, is_live=is_live)
    assert (then.reason.code if then and then.reason else None) == code
    assert then is None or then.state == "skipped"
