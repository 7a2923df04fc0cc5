"""What holds for Gladly only."""

import base64
import json
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing, PhoneCandidate
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["gladly"]
NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)
CONVERSATION, CUSTOMER = "pX9c2vQ1Ssm4kTz8LwEo7g", "dU3fB0nRT6aHy5GqW1jKcA"


def deliver(body: object, query: str = "", **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"https://bridge.example/hooks/gladly{query}"
    return Delivery(connection="care", headers=headers, body=raw, received_at=NOW, url=url)


def parse(body: object) -> Event:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("gladly")[name].body)


def test_the_secret_may_stand_in_the_address_a_header_or_basic_authentication():
    basic = "Basic " + base64.b64encode(b"gladly:s3cret").decode()
    for delivery in (
        deliver({}, "?token=s3cret"),
        deliver({}, **{"x-bridge-token": "s3cret"}),
        deliver({}, authorization=basic),
    ):
        assert SOURCE.verify(delivery, ["s3cret"]) == 0
    # A header that Gladly's own examples do not have proves nothing.
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver({}, **{"x-gladly-signature": "s3cret"}), ["s3cret"])


def test_a_ping_is_stored_and_texts_nobody():
    for body in (sample("ping"), {"type": "PING"}):
        parsed = SOURCE.parse(deliver(body))
        assert isinstance(parsed, Nothing)
        assert (parsed.reason.code, "PING" in parsed.reason.detail) == ("no_event", True)


def test_a_ping_without_the_secret_is_refused_so_that_saving_fails():
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver(sample("ping")), ["s3cret"])
    assert SOURCE.handshake is None


@pytest.mark.parametrize(
    ("topic", "initiator", "kind", "status"),
    [
        ("CONVERSATION/CREATED", {"type": "CUSTOMER"}, "ticket.created", "new"),
        ("CONVERSATION/CREATED", None, "ticket.created", "new"),
        ("CONVERSATION/CREATED", {"type": "SYSTEM"}, "ticket.created", "new"),
        ("CONVERSATION/CREATED", {"type": "AGENT"}, "gladly.conversation.created", "new"),
        ("CONVERSATION/CREATED", {"type": "agent"}, "gladly.conversation.created", "new"),
        ("CONVERSATION/CLOSED", {"type": "AGENT"}, "ticket.solved", "closed"),
        ("CONVERSATION/CLOSED", None, "ticket.solved", "closed"),
        ("CONTACT/MESSAGE_RECEIVED", {"type": "CUSTOMER"}, "gladly.contact.message_received", None),
        ("AUTOMATION/MESSAGE_RECEIVED", None, "gladly.automation.message_received", None),
        ("conversation/created", None, "gladly.conversation.created", None),
    ],
)
def test_a_type_is_a_kind_of_ours_or_keeps_its_name(topic, initiator, kind, status):
    event = parse(sample("conversation_created") | {"type": topic, "initiator": initiator})
    assert (event.kind, event.ticket.status) == (kind, status)


def test_the_customers_words_are_not_told_as_anybodys():
    assert parse(sample("contact_message_received")).ticket.comment is None


@pytest.mark.parametrize("topic", [None, "", {}, []])
def test_without_a_type_it_is_unknown_what_happened(topic):
    with pytest.raises(Unreadable, match="`type`"):
        SOURCE.parse(deliver(sample("conversation_closed") | {"type": topic}))


@pytest.mark.parametrize("event_id", [None, "", CONVERSATION, CUSTOMER])
def test_an_id_that_is_not_the_events_own_tells_no_delivery(event_id):
    body = sample("conversation_closed") | {"id": event_id}
    assert SOURCE.delivery_key(deliver(body)) is None
    assert parse(body).identity == f"ticket.solved:{CONVERSATION}:2026-11-26T15:30:10.118000+00:00"


def test_the_events_own_id_tells_delivery_and_event():
    body = sample("conversation_closed")
    assert SOURCE.delivery_key(deliver(body)) == "Hj6kL3zXR8cVb5nMq2wErt"
    assert parse(body).identity == "ticket.solved:event:Hj6kL3zXR8cVb5nMq2wErt"


def test_a_conversation_begins_once():
    body = sample("conversation_created")
    assert (
        parse(body).identity
        == parse(body | {"id": "another"}).identity
        == f"ticket.created:conversation:{CONVERSATION}"
    )


def test_two_ids_and_a_type_are_enough():
    event = parse(sample("conversation_closed_thin"))
    assert (event.ticket.id, event.customer.id, event.identity) == (CONVERSATION, CUSTOMER, None)
    assert event.lookup == Lookup(what="customer", id=CUSTOMER)
    assert event.occurred_at == NOW


@pytest.mark.parametrize("content", [None, {}, [], {"customerId": None}])
def test_an_event_without_a_customer_has_nobody_to_ask_for(content):
    event = parse({"type": "CONVERSATION/CLOSED", "content": content})
    assert (event.kind, event.lookup) == ("ticket.solved", None)


@pytest.mark.parametrize(
    ("phones", "numbers"),
    [
        ([{"original": "(212) 555-0123"}], [("(212) 555-0123", None)]),
        ([{"original": "(212) 555-0123", "regionCode": "US"}], [("(212) 555-0123", "US")]),
        ([{"original": "(212) 555-0123", "normalized": "+12125550123"}], [("+12125550123", None)]),
        (
            [
                {"original": "1", "type": "HOME"},
                {"original": "2", "type": "MOBILE"},
                {"original": "3", "primary": True},
            ],
            [("3", None), ("2", None), ("1", None)],
        ),
        ([None, {}, {"original": ""}, "x"], []),
        (None, []),
    ],
)
def test_numbers_of_a_profile_the_primary_first_then_mobiles(phones, numbers):
    event = SOURCE.absorb(parse(sample("conversation_created")), {"name": "Maya Thompson", "phones": phones})
    assert event.customer.phones == tuple(PhoneCandidate(number=number, country=country) for number, country in numbers)
    assert event.customer.phone == (numbers[0][0] if numbers else None)
    assert event.customer.first_name == "Maya"
