"""What holds for Help Scout only."""

import copy
import json
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup, PhoneCandidate
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["helpscout"]
NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)


def deliver(body: object, event: str | None = "convo.created", **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"x-helpscout-event": event} if event is not None else {}
    return Delivery(connection="care", headers=told | headers, body=raw, received_at=NOW)


def parse(body: object, event: str = "convo.created") -> Event:
    parsed = SOURCE.parse(deliver(body, event))
    assert isinstance(parsed, tuple)
    (told,) = parsed
    return told


def sample(name: str) -> dict:
    return json.loads(load("helpscout")[name].body)


def reply(**changes: object) -> dict:
    """The conversation with Ben's reply, changed."""
    body = sample("agent_reply")
    body["_embedded"]["threads"][0] |= changes
    return body


def test_a_request_that_openssl_signed_verifies():
    delivery = deliver('{"hello":"wörld"}'.encode(), **{SOURCE.signature_header: "x5iwEtQL73do2N+GNb3a4Rfaekg="})
    assert SOURCE.verify(delivery, ["topsecret"]) == 0
    with pytest.raises(BadSignature):
        SOURCE.verify(delivery, ["topsecret "])


def test_one_body_under_two_events_is_two_deliveries():
    body = sample("convo_created")
    first, second = deliver(body, "convo.created"), deliver(body, "convo.assigned")
    assert SOURCE.delivery_key(first) == SOURCE.delivery_key(deliver(body, " Convo.Created "))
    assert SOURCE.delivery_key(first) != SOURCE.delivery_key(second)
    assert SOURCE.signed_bytes(first) != SOURCE.signed_bytes(second)


@pytest.mark.parametrize("event", [None, "", " "])
def test_without_the_header_it_is_unknown_what_happened(event):
    assert SOURCE.delivery_key(deliver(sample("convo_created"), event)) is None
    with pytest.raises(Unreadable, match="x-helpscout-event"):
        SOURCE.parse(deliver(sample("convo_created"), event))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "ticket.created"),
        ({"source": None}, "ticket.created"),
        ({"createdBy": None}, "ticket.created"),
        ({"state": None}, "ticket.created"),
        ({"createdBy": {"type": "user"}}, "helpscout.convo.created"),
        ({"source": {"via": "user"}}, "helpscout.convo.created"),
        ({"source": None, "createdBy": None}, "helpscout.convo.created"),
        ({"state": "draft"}, "helpscout.convo.created"),
        ({"status": "spam"}, "helpscout.convo.created"),
    ],
)
def test_only_a_customers_own_conversation_is_thanked_for(changes, kind):
    assert parse(sample("convo_created") | changes).kind == kind


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "ticket.replied"),
        ({"type": "reply"}, "ticket.replied"),
        ({"state": None}, "ticket.replied"),
        ({"createdBy": None}, "ticket.replied"),
        ({"source": None}, "ticket.replied"),
        ({"state": "draft"}, "helpscout.convo.agent.reply.created"),
        ({"state": "underreview"}, "helpscout.convo.agent.reply.created"),
        ({"state": "hidden"}, "helpscout.convo.agent.reply.created"),
        ({"type": "note"}, "helpscout.convo.agent.reply.created"),
        ({"type": "customer"}, "helpscout.convo.agent.reply.created"),
        ({"type": None}, "helpscout.convo.agent.reply.created"),
        ({"createdBy": {"type": "customer"}}, "helpscout.convo.agent.reply.created"),
        ({"source": {"via": "customer"}}, "helpscout.convo.agent.reply.created"),
        ({"source": {"type": "workflow", "via": "user"}}, "helpscout.convo.agent.reply.created"),
    ],
)
def test_only_words_of_an_agent_that_have_reached_the_customer_are_a_reply(changes, kind):
    event = parse(reply(**changes), "convo.agent.reply.created")
    assert event.kind == kind
    assert (event.ticket.comment is not None) is (kind == "ticket.replied")


@pytest.mark.parametrize(
    "embedded", [None, {}, {"threads": None}, {"threads": []}, {"threads": 3}, {"threads": [None]}]
)
def test_a_reply_that_nobody_can_see_is_no_reply(embedded):
    body = sample("agent_reply") | {"_embedded": embedded}
    assert parse(body, "convo.agent.reply.created").kind == "helpscout.convo.agent.reply.created"


def test_the_newest_reply_is_the_one_wherever_it_stands():
    body = sample("agent_reply")
    older = copy.deepcopy(body["_embedded"]["threads"][0]) | {
        "id": 1,
        "body": "Older words",
        "createdAt": "2026-11-25T16:30:00Z",
    }
    for threads in ([older, *body["_embedded"]["threads"]], [*body["_embedded"]["threads"], older]):
        event = parse(body | {"_embedded": {"threads": threads}}, "convo.agent.reply.created")
        assert event.identity == "ticket.replied:thread:7731902208"
        assert "Older" not in event.ticket.comment


def test_an_older_reply_is_not_told_again_for_a_newer_draft():
    body = sample("agent_reply")
    draft = copy.deepcopy(body["_embedded"]["threads"][0]) | {
        "id": 2,
        "state": "draft",
        "createdAt": "2026-11-25T18:00:00Z",
    }
    body["_embedded"]["threads"].append(draft)
    assert parse(body, "convo.agent.reply.created").kind == "helpscout.convo.agent.reply.created"


def test_a_reply_says_whose_words_it_is_and_where():
    event = parse(sample("agent_reply"), "convo.agent.reply.created")
    assert event.ticket.agent == "Ben Okafor"
    assert event.ticket.comment.startswith("<p>Hi Maya,</p>")
    assert (event.ticket.id, event.ticket.status) == ("48213", "pending")
    assert event.ticket.subject == "Only one pair of socks in the parcel"
    assert (event.customer.id, event.customer.first_name) == ("418203317", "Maya")
    assert event.lookup == Lookup(what="customer", id="418203317")
    assert event.occurred_at == datetime(2026, 11, 25, 17, 26, 40, tzinfo=UTC)


@pytest.mark.parametrize("name", ["note_created", "customer_reply", "status_closed", "convo_created_by_agent"])
def test_words_that_are_no_answer_stay_in_the_payload(name):
    recorded = load("helpscout")[name]
    event = parse(json.loads(recorded.body), recorded.headers["x-helpscout-event"])
    assert (event.ticket.comment, event.ticket.agent) == (None, None)


@pytest.mark.parametrize(
    ("status", "before", "closed_at", "kind"),
    [
        ("closed", "active", "2026-11-26T15:30:10Z", "ticket.solved"),
        ("closed", None, None, "ticket.solved"),
        ("active", "closed", None, "ticket.reopened"),
        ("pending", "closed", None, "ticket.reopened"),
        ("active", None, "2026-11-26T15:30:10Z", "ticket.reopened"),
        ("active", "pending", None, "ticket.updated"),
        ("active", "pending", "2026-11-20T15:30:10Z", "ticket.updated"),
        ("active", None, None, "ticket.updated"),
        ("spam", "active", None, "helpscout.convo.status"),
        (None, None, None, "helpscout.convo.status"),
        ("snoozed", None, None, "helpscout.convo.status"),
    ],
)
def test_a_change_of_status_is_what_it_was_and_became(status, before, closed_at, kind):
    threads = [{"status": "nochange"}, {"status": status}, {"status": before}] if before else []
    body = sample("convo_created") | {"status": status, "closedAt": closed_at, "_embedded": {"threads": threads}}
    assert parse(body, "convo.status").kind == kind


def test_what_is_told_again_is_the_same_event():
    created = sample("convo_created")
    assert parse(created).identity == parse(created | {"preview": "x"}).identity
    assert parse(created).identity == "ticket.created:conversation:2874419003"
    closed = sample("status_closed")
    first = parse(closed, "convo.status").identity
    assert parse(closed | {"userUpdatedAt": "2026-11-26T15:31:00Z"}, "convo.status").identity == first
    assert parse(closed | {"closedAt": "2026-11-29T09:00:00Z"}, "convo.status").identity != first


@pytest.mark.parametrize("time", [None, "", "soon", 5, "2026-11-25T16:02:11"])
def test_the_time_is_that_of_receipt_where_there_is_none(time):
    body = sample("agent_reply") | {"createdAt": time, "userUpdatedAt": time}
    assert parse(body, "convo.agent.reply.created").occurred_at == NOW


def test_an_older_spelling_of_names_and_a_number_in_the_conversation_are_read():
    person = {"id": 5, "firstName": "Maya", "lastName": "Thompson", "phone": "+12125550123"}
    event = parse(sample("convo_created") | {"primaryCustomer": person})
    assert (event.customer.name, event.customer.phone) == ("Maya Thompson", "+12125550123")
    assert event.customer.phones == (PhoneCandidate(number="+12125550123"),)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("convo.created", "ticket.created"),
        ("convo.agent.reply.created", "ticket.replied"),
        ("convo.status", "ticket.solved"),
    ],
)
def test_a_conversation_of_the_older_version_is_read_like_one_of_the_current(event, kind):
    # The example of https://developer.helpscout.com/webhooks/objects/conversation, in short and with a number of ours.
    vernon = {"id": 29418, "firstName": "Vernon", "lastName": "Bear", "phone": "212-555-0123", "type": "customer"}
    thread = {
        "id": 88171881,
        "type": "message",
        "state": "published",
        "status": "closed",
        "createdAt": "2026-07-24T20:18:33Z",
        "source": {"type": "web", "via": "user"},
        "createdBy": {"id": 1234, "firstName": "Jack", "lastName": "Sprout", "type": "user"},
        "body": "This is what I have to say. Thank you.",
    }
    body = {
        "id": 291938,
        "type": "email",
        "number": 349,
        "threadCount": 4,
        "subject": "I need help!",
        "status": "closed",
        "source": {"type": "email", "via": "customer"},
        "customer": vernon,
        "createdBy": vernon,
        "createdAt": "2026-07-23T12:34:12Z",
        "modifiedAt": "2026-07-24T20:18:33Z",
        "threads": [thread],
    }
    told = parse(body, event)
    assert (told.kind, told.customer.first_name, told.customer.phone) == (kind, "Vernon", "212-555-0123")
    assert told.lookup == Lookup(what="customer", id="29418")
    if kind == "ticket.replied":
        assert (told.ticket.agent, told.ticket.comment) == ("Jack Sprout", "This is what I have to say. Thank you.")
    if kind == "ticket.solved":
        assert told.identity == "ticket.solved:conversation:291938:2026-07-24T20:18:33+00:00"


def test_a_deleted_conversation_has_an_id_and_nothing_else():
    event = parse({"id": 2874419003}, "convo.deleted")
    assert (event.kind, event.ticket.id, event.lookup) == ("helpscout.convo.deleted", "2874419003", None)


def test_a_customers_record_gives_numbers_mobiles_first_with_their_country():
    recorded = load("helpscout")["agent_reply"].lookups["customer"]
    customer = SOURCE.absorb(parse(sample("agent_reply"), "convo.agent.reply.created"), recorded).customer
    assert [(one.number, one.country) for one in customer.phones] == [
        ("(212) 555-0123", "US"),
        ("(212) 555-0199", "US"),
    ]


def test_numbers_are_asked_for_on_their_own_where_the_record_has_no_place_for_them():
    recorded = load("helpscout")["agent_reply_phones_apart"].lookups
    event = parse(sample("agent_reply_phones_apart"), "convo.agent.reply.created")
    half = SOURCE.absorb(event, recorded["customer"])
    assert (half.customer.country, half.customer.phone) == ("US", None)
    assert half.lookup == Lookup(what="phones", id="418203317")
    assert SOURCE.absorb(half, recorded["phones"]).customer.phone == "(212) 555-0123"


def test_a_record_whose_place_for_numbers_is_empty_is_not_asked_again():
    event = parse(sample("agent_reply"), "convo.agent.reply.created")
    assert SOURCE.absorb(event, {"id": 418203317, "_embedded": {"phones": []}}).lookup is None
