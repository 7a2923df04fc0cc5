"""What holds for Front only."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["front"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def deliver(body: object, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        connection="help",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        body=raw,
        received_at=NOW,
    )


def parse(body: object, found: object = None) -> Event:
    parsed = SOURCE.parse(replace(deliver(body), found=found))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("front")[name].body)


# --- the two signatures ------------------------------------------------------------------------------------------

# Made with openssl: dgst -sha256 or -sha1 -hmac topsecret -binary | base64
BODY = '{"hello":"wörld"}'.encode()
OF_APPLICATION = "UmqtMfcrpLQd0WvIuM7yWfhpLQsc9ioXB/we8on0CRY="
OF_RULE = "x5iwEtQL73do2N+GNb3a4Rfaekg="
SIGNED_AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def verify(signature: str, time: str | None, minutes: float = 0) -> int:
    headers = {"x_front_signature": signature} | ({"x_front_request_timestamp": time} if time is not None else {})
    delivery = replace(deliver(BODY, **headers), received_at=SIGNED_AT + timedelta(minutes=minutes))
    return SOURCE.verify(delivery, ["another", "topsecret"])


def test_what_openssl_signed_verifies_in_both_ways():
    assert verify(OF_APPLICATION, "1700000000000") == 1
    assert verify(OF_RULE, None) == 1


@pytest.mark.parametrize("minutes", [-5.1, 5.1, 60])
def test_an_applications_webhook_does_not_verify_later(minutes):
    with pytest.raises(BadSignature, match=r"old|future"):
        verify(OF_APPLICATION, "1700000000000", minutes)


@pytest.mark.parametrize(
    ("signature", "time"),
    [
        # Neither is good in the place of the other, whatever a stranger adds or takes away.
        (OF_APPLICATION, None),
        (OF_RULE, "1700000000000"),
        (OF_RULE, ""),
        (OF_APPLICATION, "1700000000001"),
        (OF_APPLICATION, ""),
        ("", None),
        ("", "1700000000000"),
    ],
)
def test_one_kind_of_signature_is_not_taken_for_the_other(signature, time):
    with pytest.raises(BadSignature):
        verify(signature, time)


# --- the handshake -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("challenge", "body", "text"),
    [
        ("c4a11en9e", {"type": "sync", "authorization": {"id": "cmp_1"}}, "c4a11en9e"),
        ("a.b_c~d+e/f=-", {"type": "sync"}, "a.b_c~d+e/f=-"),
        ("x" * 512, b"", "x" * 512),
        ("x" * 513, {"type": "sync"}, None),
        ("<b>", {"type": "sync"}, None),
        ("a b", {"type": "sync"}, None),
        ("a\nb", {"type": "sync"}, None),
        ("ü", {"type": "sync"}, None),
        ("", {"type": "sync"}, None),
        # An event is never answered in the place of being stored.
        ("c4a11en9e", {"type": "inbound_received", "payload": {}}, None),
        ("c4a11en9e", b"no JSON", None),
    ],
)
def test_a_challenge_is_repeated_where_it_is_plain_and_comes_with_a_sync(challenge, body, text):
    answer = SOURCE.handshake(deliver(body, x_front_challenge=challenge))
    assert (answer.text if answer else None) == text
    assert answer is None or (answer.status, answer.content_type) == (200, "text/plain")


def test_a_sync_without_a_challenge_is_nothing_to_send():
    assert isinstance(SOURCE.parse(deliver(sample("sync"))), Nothing)


# --- what happened -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "ticket.replied"),
        ({"author": None}, "front.outbound_sent"),
        ({"author": {}}, "front.outbound_sent"),
        ({"is_inbound": True}, "front.outbound_sent"),
        ({"is_draft": True}, "front.outbound_sent"),
        ({"type": "sms"}, "front.outbound_sent"),
        ({"type": "call"}, "front.outbound_sent"),
        ({"type": "whatsapp"}, "front.outbound_sent"),
        ({"type": "custom"}, "ticket.replied"),
        # A channel for texts of another company, of Front's type for all such channels.
        ({"type": "custom", "recipients": [{"handle": "+12125550123", "role": "to"}]}, "front.outbound_sent"),
        ({"type": "custom", "recipients": [{"handle": "(212) 555-0123", "role": "to"}]}, "front.outbound_sent"),
        ({"recipients": []}, "ticket.replied"),
        ({"recipients": [{"handle": "other@example.com", "role": "to"}]}, "front.outbound_sent"),
        (
            {
                "recipients": [
                    {"handle": "other@example.com", "role": "to"},
                    {"handle": "maya.thompson@example.com", "role": "cc"},
                ]
            },
            "ticket.replied",
        ),
        # As the sender of the quoted message she is no recipient.
        (
            {
                "recipients": [
                    {"handle": "other@example.com", "role": "to"},
                    {"handle": "maya.thompson@example.com", "role": "reply-to"},
                ]
            },
            "front.outbound_sent",
        ),
    ],
)
def test_only_a_teammates_answer_to_the_customer_is_a_reply(changes, kind):
    body = sample("outbound_sent")
    body["payload"]["target"]["data"] |= changes
    assert parse(body).kind == kind


@pytest.mark.parametrize(
    ("seconds", "replied_to", "topic", "kind"),
    [
        (0, None, "outbound_sent", "front.outbound_sent"),
        (0.5, None, "outbound_sent", "front.outbound_sent"),
        (2, None, "outbound_sent", "ticket.replied"),
        (0, "https://api2.frontapp.com/messages/msg_1", "outbound_sent", "ticket.replied"),
        (0, None, "out_reply", "ticket.replied"),
    ],
)
def test_what_a_teammate_begins_a_conversation_with_is_no_reply(seconds, replied_to, topic, kind):
    body = sample("outbound_sent") | {"type": topic}
    message = body["payload"]["target"]["data"]
    message["created_at"] = body["payload"]["conversation"]["created_at"] + seconds
    message["_links"]["related"]["message_replied_to"] = replied_to
    assert parse(body).kind == kind


@pytest.mark.parametrize(
    ("seconds", "replied_to", "kind"),
    [
        (0, None, "ticket.created"),
        (-60, None, "ticket.created"),
        (299, None, "ticket.created"),
        (301, None, "front.inbound_received"),
        (0, "https://api2.frontapp.com/messages/msg_1", "front.inbound_received"),
        (None, None, "ticket.created"),
    ],
)
def test_only_the_first_message_of_a_conversation_is_thanked_for(seconds, replied_to, kind):
    body = sample("inbound_received")
    message = body["payload"]["target"]["data"]
    began = body["payload"]["conversation"]["created_at"]
    message["created_at"] = None if seconds is None else began + seconds
    message["_links"]["related"]["message_replied_to"] = replied_to
    assert parse(body).kind == kind


def test_two_first_messages_of_one_conversation_are_one_event():
    first, second = sample("inbound_received"), sample("inbound_received")
    second["payload"] |= {"id": "evt_another"}
    second["payload"]["target"]["data"]["id"] = "msg_another"
    assert parse(first).identity == parse(second).identity == "ticket.created:conversation:cnv_1hq48213"


@pytest.mark.parametrize("status", ["spam", "deleted", "trashed"])
@pytest.mark.parametrize("name", ["inbound_received", "outbound_sent", "conversation_archived"])
def test_nothing_is_told_of_a_conversation_in_the_bin(status, name):
    body = sample(name)
    body["payload"]["conversation"]["status"] = status
    assert parse(body).kind == f"front.{name}"


@pytest.mark.parametrize(
    ("category", "kind", "status"),
    [
        (None, "ticket.solved", "solved"),
        ("resolved", "ticket.solved", "solved"),
        ("waiting", "front.conversation_archived", "pending"),
        ("open", "front.conversation_archived", "open"),
    ],
)
def test_an_archived_conversation_is_solved_unless_its_ticket_status_says_otherwise(category, kind, status):
    body = sample("conversation_archived")
    body["payload"]["conversation"]["status_category"] = category
    event = parse(body)
    assert (event.kind, event.ticket.status) == (kind, status)


def test_a_message_is_the_same_reply_whichever_event_tells_it():
    body = sample("outbound_sent")
    rule = body["payload"] | {"type": "out_reply", "id": "evt_another"}
    assert parse(body).identity == parse(rule).identity == "ticket.replied:comment:msg_7t10002"


# As Front has them of one message: text without what its editor puts below.
QUOTING = (
    '<div>It is on its way.</div><br><div class="front-signature">—<br />Ben Okafor<br />Sent with Front</div><br>'
    '<blockquote type="cite" class="front-blockquote">On Wed, Nov 25, 2026, Maya wrote:<br />Help!</blockquote>'
)


@pytest.mark.parametrize(
    ("text", "body", "words"),
    [
        ("It is on its way.\n", QUOTING, "It is on its way."),
        (None, "<div>It is on its way.</div>", "<div>It is on its way.</div>"),
        ("", "<div>It is on its way.</div>", "<div>It is on its way.</div>"),
        ("", None, None),
    ],
)
def test_of_a_reply_its_text_is_told_where_front_has_it(text, body, words):
    sent = sample("outbound_sent")
    sent["payload"]["target"]["data"] |= {"text": text, "body": body}
    assert parse(sent).ticket.comment == words


def test_a_comment_among_colleagues_is_no_comment_that_a_template_could_send():
    event = parse(sample("new_comment_added"))
    assert (event.kind, event.ticket.comment, event.ticket.agent) == ("front.new_comment_added", None, None)


# --- the person and what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "phone", "email"),
    [
        ("+12125550123", "+12125550123", None),
        ("(212) 555-0123", "(212) 555-0123", None),
        ("maya.thompson@example.com", None, "maya.thompson@example.com"),
        ("212-555-0123", "212-555-0123", None),
        # Somebody's id at Facebook, with as many digits as a number.
        ("2125550123", None, None),
        ("4915112345678", None, None),
        ("@maya", None, None),
        ("maya_thompson", None, None),
        ("12", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_handle_is_a_number_where_it_looks_like_one(handle, phone, email):
    body = sample("conversation_archived")
    body["payload"]["conversation"]["recipient"]["handle"] = handle
    event = parse(body)
    assert (event.customer.phone, event.customer.email) == (phone, email)


@pytest.mark.parametrize(
    ("link", "contact"),
    [
        ("https://api2.frontapp.com/contacts/crd_2m7ya5th", "crd_2m7ya5th"),
        ("https://evil.example/contacts/crd_2m7ya5th", "crd_2m7ya5th"),  # its id only: the address is never called
        ("https://api2.frontapp.com/contacts/crd_1/notes", None),
        ("https://api2.frontapp.com/contacts/../me", None),
        ("https://api2.frontapp.com/contacts/", None),
        (5, None),
        (None, None),
    ],
)
def test_only_a_contacts_id_is_taken_from_an_address(link, contact):
    body = sample("conversation_archived")
    body["payload"]["conversation"]["recipient"]["_links"]["related"]["contact"] = link
    event = parse(body)
    assert event.customer.id == contact
    assert event.lookup == (Lookup(what="contact", id=contact) if contact else None)


def test_the_whole_event_is_asked_for_where_a_preview_says_too_little():
    preview = deliver(sample("outbound_sent_preview"))
    assert SOURCE.ask(preview) == Lookup(what="event", id="evt_3c0a12b8")
    # Without its answer nobody knows whose words they are.
    assert parse(sample("outbound_sent_preview")).kind == "front.outbound_sent"
    for name in ("outbound_sent", "inbound_received", "rule_archive_preview", "unknown_topic", "sync"):
        assert SOURCE.ask(deliver(sample(name))) is None
    assert SOURCE.ask(deliver(b"no JSON")) is None


def test_the_answer_about_another_event_is_not_taken_for_this_one():
    found = load("front")["outbound_sent_preview"].lookups["event"] | {"id": "evt_another"}
    assert parse(sample("outbound_sent_preview"), found).kind == "front.outbound_sent"


def test_a_preview_of_a_conversation_is_asked_for_and_then_its_person():
    recorded = load("front")["rule_archive_preview"].lookups
    event = parse(sample("rule_archive_preview"))
    assert event.lookup == Lookup(what="conversation", id="cnv_1hq48213")
    event = SOURCE.absorb(event, recorded["conversation"])
    assert event.customer.email == "maya.thompson@example.com"
    assert event.lookup == Lookup(what="contact", id="crd_2m7ya5th")
    event = SOURCE.absorb(event, recorded["contact"])
    assert (event.customer.phone, event.lookup) == ("+12125550123", None)


def test_of_a_contacts_handles_phones_come_before_whatsapp_and_others_are_no_numbers():
    handles = [
        {"handle": "+447400123456", "source": "whatsapp"},
        {"handle": "@maya", "source": "twitter"},
        {"handle": "+12125550123", "source": "phone"},
        {"handle": None, "source": "phone"},
    ]
    event = SOURCE.absorb(parse(sample("conversation_archived")), {"id": "crd_2m7ya5th", "handles": handles})
    assert [phone.number for phone in event.customer.phones] == ["+12125550123", "+447400123456"]


# --- times, ids and the unreadable -------------------------------------------------------------------------------


def test_times_are_seconds_with_fractions():
    assert parse(sample("inbound_received")).occurred_at == datetime(2026, 11, 25, 16, 2, 11, 912000, tzinfo=UTC)
    assert parse(sample("inbound_received") | {"payload": {"emitted_at": "soon"}}).occurred_at == NOW


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (sample("outbound_sent"), "evt_3c0a12b8"),
        (sample("rule_outbound"), "evt_3c0a12b8"),
        (sample("sync"), None),
        (b"no JSON", None),
    ],
)
def test_the_delivery_key_is_the_events_id_in_both_kinds(body, key):
    assert SOURCE.delivery_key(deliver(body)) == key


def test_a_body_without_a_type_cannot_be_read():
    with pytest.raises(Unreadable, match="`type`"):
        SOURCE.parse(deliver({"id": "evt_1"}))
