"""What holds for Kustomer only."""

import json
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["kustomer"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def deliver(body: object, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(connection="care", headers=headers, body=raw, received_at=NOW)


def parse(body: object) -> Event:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("kustomer")[name].body)


def test_a_request_that_openssl_signed_verifies():
    headers = {SOURCE.signature_header: "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135"}
    delivery = deliver('{"hello":"wörld"}'.encode(), **headers)
    assert SOURCE.verify(delivery, ["topsecret"], signature_header=SOURCE.signature_header) == 0


def test_the_header_name_that_public_code_uses_works_where_it_is_configured():
    headers = {"x-kustomer-signature": "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135"}
    delivery = deliver('{"hello":"wörld"}'.encode(), **headers)
    assert SOURCE.verify(delivery, ["topsecret"], signature_header="x-kustomer-signature") == 0
    with pytest.raises(BadSignature, match="missing"):
        SOURCE.verify(delivery, ["topsecret"], signature_header=SOURCE.signature_header)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (sample("conversation_create"), "6744a1c5f0d1e2c3b4a59601"),
        ({"id": 12}, "12"),
        ({"id": ""}, None),
        ({"id": {}}, None),
        ({}, None),
        (b"no JSON", None),
    ],
)
def test_the_delivery_key_is_the_events_id(body, key):
    assert SOURCE.delivery_key(deliver(body)) == key


@pytest.mark.parametrize(
    ("before", "after", "kind", "status"),
    [
        ("open", "done", "ticket.solved", "solved"),
        ("snoozed", "done", "ticket.solved", "solved"),
        (None, "done", "ticket.solved", "solved"),
        ("done", "open", "ticket.reopened", "open"),
        ("done", "snoozed", "ticket.reopened", "pending"),
        ("open", "snoozed", "ticket.updated", "pending"),
        ("snoozed", "open", "ticket.updated", "open"),
        ("done", "done", "kustomer.conversation.update", "solved"),
        ("open", None, "kustomer.conversation.update", None),
    ],
)
def test_a_change_of_status_is_what_it_was_and_became(before, after, kind, status):
    body = sample("conversation_update_done")
    body["changes"]["attributes"]["status"] = {"op": "replace", "before": before, "after": after}
    body["data"]["attributes"]["status"] = after
    event = parse(body)
    assert (event.kind, event.ticket.status) == (kind, status)


@pytest.mark.parametrize(
    "changes", [None, {}, {"attributes": None}, {"attributes": {}}, {"attributes": {"status": "done"}}, []]
)
def test_an_update_without_a_change_of_status_has_no_word_of_ours(changes):
    body = sample("conversation_update_done") | {"changes": changes}
    assert parse(body).kind == "kustomer.conversation.update"


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, "ticket.replied"),
        ({"auto": None}, "ticket.replied"),
        ({"status": None}, "ticket.replied"),
        ({"direction": "in"}, "kustomer.message.create"),
        ({"direction": None}, "kustomer.message.create"),
        ({"auto": True}, "kustomer.message.create"),
        ({"auto": "true"}, "kustomer.message.create"),
        ({"status": "error"}, "kustomer.message.create"),
        ({"channel": "chat"}, "ticket.replied"),
        ({"channel": None}, "ticket.replied"),
        ({"directionType": "response-out"}, "ticket.replied"),
        ({"directionType": "followup-out"}, "ticket.replied"),
        ({"reference": {"type": "reply", "message": "6744b65a8e2f5d93b7017e01"}}, "ticket.replied"),
        ({"reference": {"type": "forward", "message": "6744b65a8e2f5d93b7017e01"}}, "kustomer.message.create"),
        ({"source": "bulk"}, "kustomer.message.create"),
        ({"source": "satisfaction"}, "kustomer.message.create"),
        ({"directionType": None}, "ticket.replied"),
        # What an agent begins a conversation with answers nobody.
        ({"directionType": "initial-out"}, "kustomer.message.create"),
        # The customer has it on the phone already.
        ({"channel": "sms"}, "kustomer.message.create"),
        ({"channel": "whatsapp"}, "kustomer.message.create"),
        ({"channel": "voice"}, "kustomer.message.create"),
    ],
)
def test_only_words_that_left_by_an_agents_hand_are_a_reply(attributes, kind):
    body = sample("message_create_out")
    body["data"]["attributes"] |= attributes
    assert parse(body).kind == kind


def test_a_reply_is_one_event_however_often_it_is_told():
    body = sample("message_create_out")
    assert (
        parse(body).identity
        == parse(body | {"id": "another"}).identity
        == "ticket.replied:comment:6744b65a8e2f5d93b7017e02"
    )


def test_a_conversation_may_be_solved_twice_and_each_time_is_an_event():
    body = sample("conversation_update_done")
    assert parse(body).identity == "ticket.solved:event:6744b7e2f0d1e2c3b4a5a2d8"
    assert parse(body | {"id": "another"}).identity == "ticket.solved:event:another"


@pytest.mark.parametrize(
    "name", ["conversation_create", "conversation_update_done", "message_create_out", "message_create_in"]
)
def test_conversations_and_messages_know_the_customer_by_id_and_ask_for_the_rest(name):
    event = parse(sample(name))
    assert event.customer.id == "6738fd2a91c0e5b7d4a31f68"
    assert event.lookup == Lookup(what="customer", id="6738fd2a91c0e5b7d4a31f68")
    assert event.ticket.id == "6744a1c08e2f5d93b7016ca4"


@pytest.mark.parametrize(
    "relationships", [None, {}, {"customer": None}, {"customer": {"data": None}}, {"customer": {"data": []}}]
)
def test_a_message_without_a_customer_has_nobody_to_ask_for(relationships):
    body = sample("message_create_out")
    body["data"]["relationships"] = relationships
    event = parse(body)
    assert (event.kind, event.lookup, event.ticket.id) == ("ticket.replied", None, None)


def test_nobody_is_called_silver_scissors():
    customer = parse(sample("customer_create")).customer
    assert customer.id == "6738fd2b91c0e5b7d4a31f70"
    assert (customer.name, customer.first_name, customer.phone, customer.phones) == (None, None, None, ())


def test_a_customers_own_event_carries_the_numbers_mobiles_first():
    event = parse(sample("customer_update"))
    assert event.lookup is None
    assert [candidate.number for candidate in event.customer.phones] == ["+14165550142", "+14165550199"]
    assert (event.customer.name, event.customer.first_name) == ("Priya Natarajan", "Priya")
    assert event.customer.email == "priya.natarajan@example.com"


@pytest.mark.parametrize(
    "phones", [None, [], {}, "x", [None], [{}], [{"phone": None}], [{"phone": ""}], [{"phone": {}}], [["+14165550142"]]]
)
def test_numbers_that_are_none_are_left_out(phones):
    body = sample("customer_update")
    body["data"]["attributes"]["phones"] = phones
    assert parse(body).customer.phones == ()


def test_what_the_customers_record_knows_is_taken_over():
    recorded = load("kustomer")["message_create_out"].lookups["customer"]
    customer = SOURCE.absorb(parse(sample("message_create_out")), recorded).customer
    assert (customer.first_name, customer.phone, customer.locale) == ("Priya", "+14165550142", "en_CA")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("kustomer.tag.update", "kustomer.tag.update"),
        ("kustomer.kobject.order.create", "kustomer.kobject.order.create"),
        ("team.create", "kustomer.team.create"),
        ("kustomer.Odd Topic/2", "kustomer.odd_topic.2"),
    ],
)
def test_a_native_kind_has_the_vendors_prefix_once(name, kind):
    assert parse(sample("unknown_topic") | {"name": name}).kind == kind


@pytest.mark.parametrize("name", [None, "", 5, {}, "kustomer."])
def test_without_a_name_it_is_unknown_what_happened(name):
    body = sample("unknown_topic") | {"name": name}
    if name == 5:
        assert parse(body).kind == "kustomer.5"
    else:
        with pytest.raises(Unreadable, match="`name`"):
            parse(body)


def test_the_time_is_the_events_or_that_of_receipt():
    assert parse(sample("message_create_out")).occurred_at == datetime(2026, 11, 25, 17, 30, 2, 11000, tzinfo=UTC)
    for time in (None, "", "now", 5, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-25T17:30:02"):
        assert parse(sample("message_create_out") | {"createdAt": time}).occurred_at == NOW


@pytest.mark.parametrize(
    ("name", "attributes", "kind"),
    [
        ("conversation_create", {}, "ticket.created"),
        ("conversation_create", {"direction": None}, "ticket.created"),
        ("conversation_create", {"direction": "out"}, "kustomer.conversation.create"),
        ("conversation_create", {"spam": True}, "kustomer.conversation.create"),
        ("conversation_create", {"importedAt": "2026-11-25T10:00:00.000Z"}, "kustomer.conversation.create"),
        ("message_create_out", {"importedAt": "2026-11-25T10:00:00.000Z"}, "kustomer.message.create"),
        ("message_create_out", {"importedAt": None}, "ticket.replied"),
        ("conversation_update_done", {}, "ticket.solved"),
        # One that was brought in once is worked on like any other.
        ("conversation_update_done", {"importedAt": "2025-11-25T10:00:00.000Z"}, "ticket.solved"),
        ("conversation_update_done", {"spam": True}, "kustomer.conversation.update"),
    ],
)
def test_nobody_is_thanked_for_an_agents_conversation_or_for_spam(name, attributes, kind):
    body = sample(name)
    body["data"]["attributes"] |= attributes
    assert parse(body).kind == kind
