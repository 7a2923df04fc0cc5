"""What holds for Intercom only."""

import json
from datetime import UTC, datetime

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing
from bridge.sources import discover
from bridge.sources._moments import UnixMoment
from bridge.sources.samples import load

SOURCE = discover()["intercom"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
MAYA = "67c6ea18d2f4b9a1c07e5512"


def deliver(body: object, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        connection="help",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        body=raw,
        received_at=NOW,
    )


def parse(body: object) -> Event:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("intercom")[name].body)


def newest(body: dict) -> dict:
    return body["data"]["item"]["conversation_parts"]["conversation_parts"][-1]


# --- the signature -----------------------------------------------------------------------------------------------

# Made with openssl: dgst -sha1 -hmac topsecret
BODY = '{"hello":"wörld"}'.encode()
SIGNED = "sha1=c798b012d40bef7768d8df8635bddae117da7a48"


def test_what_openssl_signed_verifies():
    assert SOURCE.verify(deliver(BODY, x_hub_signature=SIGNED), ["topsecret"]) == 0


@pytest.mark.parametrize(
    "signature",
    [
        SIGNED.removeprefix("sha1="),
        SIGNED.replace("sha1=", "sha256="),
        SIGNED.upper(),
        f"{SIGNED} ",
        "sha1=",
        "sha1=x5iwEtQL73do2N+GNb3a4Rfaekg=",
    ],
)
def test_the_same_signature_written_otherwise_is_refused(signature):
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver(BODY, x_hub_signature=signature), ["topsecret"])


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", None), ("POST", None)])
def test_a_look_at_the_address_is_answered_and_nothing_else(method, status):
    answer = SOURCE.handshake(Delivery(connection="help", headers={}, body=b"", received_at=NOW, method=method))
    assert (answer.status if answer else None) == status


# --- what happened -----------------------------------------------------------------------------------------------


def test_a_ping_is_nothing_to_send_and_says_that_the_secret_is_right():
    parsed = SOURCE.parse(deliver(sample("ping")))
    assert isinstance(parsed, Nothing)
    assert parsed.reason.code == "no_event"
    assert "signature is good" in parsed.reason.detail


@pytest.mark.parametrize(
    ("changes", "author", "kind"),
    [
        ({}, {}, "ticket.replied"),
        ({"part_type": "quick_reply"}, {}, "ticket.replied"),
        # "Reply and close" is one part.
        ({"part_type": "close"}, {}, "ticket.replied"),
        ({}, {"type": "team"}, "ticket.replied"),
        # What follows is for colleagues, by somebody else, or nothing.
        ({"part_type": "note"}, {}, "intercom.conversation.admin.replied"),
        # Whoever answers first is assigned the conversation, and that is what is told, with the words in it.
        ({"part_type": "assignment", "assigned_to": {"type": "admin", "id": "7482913"}}, {}, "ticket.replied"),
        ({"part_type": "assign_and_reopen", "assigned_to": {"type": "admin", "id": 7482913}}, {}, "ticket.replied"),
        # To another teammate the words may be a colleague's.
        (
            {"part_type": "assignment", "assigned_to": {"type": "admin", "id": "7482914"}},
            {},
            "intercom.conversation.admin.replied",
        ),
        (
            {"part_type": "assignment", "assigned_to": {"type": "nobody_admin", "id": None}},
            {"id": None},
            "intercom.conversation.admin.replied",
        ),
        ({"part_type": "assignment"}, {}, "intercom.conversation.admin.replied"),
        ({"part_type": "note_and_reopen"}, {}, "intercom.conversation.admin.replied"),
        ({"part_type": None}, {}, "intercom.conversation.admin.replied"),
        ({}, {"type": "user"}, "intercom.conversation.admin.replied"),
        ({}, {"type": "lead"}, "intercom.conversation.admin.replied"),
        ({}, {"type": "bot"}, "intercom.conversation.admin.replied"),
        ({}, {"type": None}, "intercom.conversation.admin.replied"),
        ({}, {"from_ai_agent": True}, "intercom.conversation.admin.replied"),
        ({}, {"is_ai_answer": True}, "intercom.conversation.admin.replied"),
        ({"redacted": True}, {}, "intercom.conversation.admin.replied"),
        ({"body": None}, {}, "intercom.conversation.admin.replied"),
        ({"body": ""}, {}, "intercom.conversation.admin.replied"),
    ],
)
def test_only_an_agents_public_words_are_a_reply(changes, author, kind):
    body = sample("conversation_admin_replied")
    newest(body).update(changes)
    newest(body)["author"].update(author)
    event = parse(body)
    assert event.kind == kind
    if kind != "ticket.replied":
        assert (event.ticket.comment, event.ticket.agent) == (None, None)


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_a_reply_in_a_conversation_on_the_phone_is_there_already(channel):
    body = sample("conversation_admin_replied")
    body["data"]["item"]["source"]["type"] = channel
    assert parse(body).kind == "intercom.conversation.admin.replied"
    ticket = sample("ticket_admin_replied")
    ticket["data"]["item"]["ticket"]["channel"] = channel
    assert parse(ticket).kind == "intercom.ticket.admin.replied"


def test_of_several_parts_the_newest_public_one_is_the_reply():
    body = sample("conversation_admin_replied")
    parts = body["data"]["item"]["conversation_parts"]["conversation_parts"]
    last = {**parts[0], "id": "2", "body": "<p>And a PS.</p>"}
    parts += [last, {**parts[0], "id": "3", "part_type": "note", "body": "<p>Phew</p>"}]
    event = parse(body)
    assert (event.identity, event.ticket.comment) == ("ticket.replied:comment:2", "<p>And a PS.</p>")


def test_a_reply_is_the_same_event_whichever_topic_tells_it():
    reply = sample("conversation_admin_replied")
    again = sample("conversation_admin_replied") | {"id": "notif_another", "topic": "ticket.admin.replied"}
    assert parse(reply).identity == parse(again).identity == "ticket.replied:comment:28470019355"


@pytest.mark.parametrize(
    ("author", "kind"),
    [
        ("user", "ticket.created"),
        ("lead", "ticket.created"),
        ("contact", "ticket.created"),
        (None, "ticket.created"),
        ("admin", "intercom.conversation.user.created"),
        ("bot", "intercom.conversation.user.created"),
    ],
)
def test_nobody_is_thanked_for_a_conversation_that_an_agent_or_a_program_began(author, kind):
    body = sample("conversation_user_created")
    body["data"]["item"]["source"]["author"]["type"] = author
    assert parse(body).kind == kind


@pytest.mark.parametrize("author", ["admin", "bot", None])
def test_a_ticket_is_thanked_for_only_where_its_customer_made_it(author):
    body = sample("ticket_created")
    body["data"]["item"]["ticket_parts"]["ticket_parts"][0]["author"]["type"] = author
    assert parse(body).kind == "intercom.ticket.created"
    body["data"]["item"]["ticket_parts"] = None
    assert parse(body).kind == "intercom.ticket.created"


@pytest.mark.parametrize(("author", "kind"), [("user", "ticket.created"), ("admin", "intercom.ticket.created")])
def test_what_programs_note_in_a_ticket_says_nothing_of_who_made_it(author, kind):
    body = sample("ticket_created")
    parts = body["data"]["item"]["ticket_parts"]["ticket_parts"]
    parts[0]["author"]["type"] = author
    noted = {"part_type": "attribute_collected", "author": {"type": "bot", "name": "Fin"}}
    parts[:0] = [noted, noted | {"part_type": "language_detection_details"}]
    assert parse(body).kind == kind


def test_a_conversation_that_becomes_a_ticket_is_thanked_for_once():
    conversation, ticket = sample("conversation_user_created"), sample("ticket_created")
    ticket["data"]["item"]["id"] = conversation["data"]["item"]["id"]
    assert parse(conversation).identity == parse(ticket).identity


@pytest.mark.parametrize(
    ("before", "now", "kind", "status"),
    [
        ("submitted", "in_progress", "ticket.updated", "open"),
        ("in_progress", "waiting_on_customer", "ticket.updated", "pending"),
        ("in_progress", "resolved", "ticket.solved", "solved"),
        ("resolved", "in_progress", "ticket.reopened", "open"),
        ("in_progress", "in_progress", "intercom.ticket.state.updated", "open"),
        ("resolved", "resolved", "intercom.ticket.state.updated", "solved"),
        (None, "resolved", "ticket.solved", "solved"),
        (None, None, "intercom.ticket.state.updated", None),
        ("in_progress", "on_hold", "ticket.updated", None),
    ],
)
@pytest.mark.parametrize("is_object", [False, True])
def test_a_change_of_a_tickets_state_is_what_it_was_and_became(before, now, kind, status, is_object):
    body = sample("ticket_state_updated_resolved")
    item = body["data"]["item"]
    item["ticket_state"] = {"category": now} if is_object else now
    item["ticket_parts"]["ticket_parts"][0] |= {"previous_ticket_state": before, "ticket_state": now}
    event = parse(body)
    assert (event.kind, event.ticket.status) == (kind, status)


@pytest.mark.parametrize(
    "changes",
    [
        {"category": "Back-office"},
        {"category": "Tracker"},
        {"category": None, "ticket_type": {"category": "back_office"}},
        {"is_shared": False},
    ],
)
@pytest.mark.parametrize("name", ["ticket_created", "ticket_state_updated_resolved"])
def test_a_ticket_that_only_colleagues_see_is_nobodys_news(changes, name):
    body = sample(name)
    body["data"]["item"] |= changes
    assert parse(body).kind.startswith("intercom.ticket.")


def test_a_wrapped_ticket_is_read_like_a_bare_one():
    event = parse(sample("ticket_admin_replied"))
    assert (event.ticket.id, event.ticket.subject) == ("48213", "Only one pair of socks in the parcel")
    assert event.ticket.comment.startswith("<p>Hi Maya,</p>")
    assert event.lookup == Lookup(what="contact", id=MAYA)


def test_a_note_is_no_comment_that_a_template_could_send():
    assert parse(sample("conversation_admin_noted")).ticket.comment is None


# --- the person --------------------------------------------------------------------------------------------------


def test_a_conversation_knows_who_began_it_and_asks_for_the_rest():
    event = parse(sample("conversation_admin_closed"))
    assert (event.customer.id, event.customer.first_name, event.customer.email) == (
        MAYA,
        "Maya",
        "maya.thompson@example.com",
    )
    assert event.lookup == Lookup(what="contact", id=MAYA)
    full = SOURCE.absorb(event, load("intercom")["conversation_admin_closed"].lookups["contact"])
    assert (full.customer.phone, full.customer.locale, full.lookup) == ("+12125550123", "en-US", None)


def test_another_author_than_the_contact_lends_no_name():
    body = sample("conversation_admin_closed")
    body["data"]["item"]["source"]["author"]["id"] = "another"
    event = parse(body)
    assert (event.customer.id, event.customer.name) == (MAYA, None)


def test_the_place_of_an_ip_address_is_not_the_country_of_a_number():
    body = sample("unknown_topic")
    body["data"]["item"]["location"] = {"country_code": "GB", "country": "GB"}
    event = parse(body)
    assert event.customer.country is None
    assert event.customer.phones[0].country is None


# --- times and ids -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1795627601, datetime(2026, 11, 25, 17, 26, 41, tzinfo=UTC)),
        ("1795627601", datetime(2026, 11, 25, 17, 26, 41, tzinfo=UTC)),
        (1795627601.5, None),  # JSON's fractions come as Decimals, never as floats
        (1795627601500, datetime(2026, 11, 25, 17, 26, 41, 500000, tzinfo=UTC)),
        (0, None),
        (-1, None),
        (True, None),
        (10**400, None),
        ("soon", None),
        ("1795627601 ", datetime(2026, 11, 25, 17, 26, 41, tzinfo=UTC)),
        ("٣", None),
        (None, None),
        ([], None),
        (99999999999, None),
    ],
)
def test_a_number_is_a_moment_where_it_can_be_one(value, moment):
    assert UnixMoment().read(value) == moment


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (sample("conversation_admin_replied"), sample("conversation_admin_replied")["id"]),
        (sample("conversation_admin_replied") | {"delivery_attempts": 2}, sample("conversation_admin_replied")["id"]),
        (sample("ping"), None),
        (b"no JSON", None),
    ],
)
def test_the_delivery_key_is_the_notifications_id_however_often_it_is_tried(body, key):
    assert SOURCE.delivery_key(deliver(body)) == key


def test_a_body_without_a_topic_cannot_be_read():
    with pytest.raises(Unreadable, match="`topic`"):
        SOURCE.parse(deliver({"id": "notif_1", "data": {"item": {}}}))


@pytest.mark.parametrize("data", [None, [], "x", {"item": None}, {"item": []}, {"item": {"ticket": "x"}}])
def test_a_topic_without_an_item_is_an_event_about_nobody(data):
    event = parse({"id": "notif_1", "topic": "conversation.admin.closed", "data": data})
    assert (event.kind, event.lookup, event.ticket.id) == ("ticket.solved", None, None)
