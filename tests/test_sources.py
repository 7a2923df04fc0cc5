"""What holds for every source. The sentences are shipped, for those who write a source in a package of their own."""

from datetime import UTC, datetime

import pytest

from bridge.errors import Unreadable
from bridge.events import Delivery
from bridge.sources import discover

pytest.register_assert_rewrite("bridge.trying.source_tests")

from bridge.trying.source_tests import *  # noqa: E402, F403 - the tests in it are those of this file


def test_there_are_sources():
    assert {"generic", "kustomer", "shopify", "standard", "zendesk"} <= set(discover())


@pytest.mark.parametrize("name", [name for name, source in discover().items() if source.takes_canonical])
@pytest.mark.parametrize(
    "body",
    [
        b'{"event": "ticket.created", "customer": {"phone": "+12125550123"}, "customer": {"phone": "+12125550199"}}',
        b'{"event": "ticket.created", "customer": {"phone": "+12125550123", "phone": "+12125550199"}}',
        b'{"event": "ticket.created", "event": "ticket.replied"}',
    ],
)
def test_a_body_that_somebody_wrote_says_each_thing_once(name: str, body: bytes) -> None:
    delivery = Delivery(connection="c", headers={}, body=body, received_at=datetime.now(UTC))
    with pytest.raises(Unreadable, match="stands twice"):
        discover()[name].parse(delivery)
