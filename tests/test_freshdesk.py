"""What holds for Freshdesk only."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Nothing
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["freshdesk"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
PAGE = (Path(__file__).parents[1] / "docs/freshdesk.md").read_text("utf-8")


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
    return json.loads(load("freshdesk")[name].body)


def test_the_secret_is_sent_along_and_no_other_header_proves_anything():
    assert SOURCE.verify(deliver({}, x_bridge_token="s3cret"), ["s3cret"]) == 0
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver({}, x_webhook_secret="s3cret"), ["s3cret"])


# --- advanced content --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "mobile", "used", "all_of_them"),
    [
        ("(212) 555-0100", "+1 212-555-0123", "+1 212-555-0123", ["+1 212-555-0123", "(212) 555-0100"]),
        ("(212) 555-0100", "", "(212) 555-0100", ["(212) 555-0100"]),
        ("", "+1 212-555-0123", "+1 212-555-0123", ["+1 212-555-0123"]),
        ("(212) 555-0100", "{{ticket.requester.mobile}}", "(212) 555-0100", ["(212) 555-0100"]),
        ("", "", None, []),
        (None, None, None, []),
        ("+1 212-555-0123", "+1 212-555-0123", "+1 212-555-0123", ["+1 212-555-0123"]),
    ],
)
def test_the_mobile_is_preferred_and_the_other_number_is_kept(phone, mobile, used, all_of_them):
    body = sample("ticket_resolved")
    body["customer"] |= {"phone": phone, "mobile": mobile}
    event = parse(body)
    assert event.customer.phone == used
    assert [candidate.number for candidate in event.customer.phones] == all_of_them


@pytest.mark.parametrize(
    ("comment", "agent", "words"),
    [
        ("Ben Okafor : <div>Hi Maya</div>", "Ben Okafor", "<div>Hi Maya</div>"),
        ("Ben Okafor : Hi Maya", "Ben Okafor", "Hi Maya"),
        # Another agent than the ticket's has answered.
        ("Ana  López : <div>Hi Maya</div>", "Ana López", "<div>Hi Maya</div>"),
        ("<div>Hi Maya</div>", "Ben Okafor", "<div>Hi Maya</div>"),
        # What only looks like it stays a part of the words.
        ("Ship to : 218 Bergen Street", "Ben Okafor", "Ship to : 218 Bergen Street"),
        ("Hi Maya: it left", "Ben Okafor", "Hi Maya: it left"),
        ("<p>Ben Okafor : <b>x</b></p>", "Ben Okafor", "<p>Ben Okafor : <b>x</b></p>"),
        ("", "Ben Okafor", None),
        (None, "Ben Okafor", None),
    ],
)
def test_a_comment_begins_with_its_author_and_goes_on_with_the_words(comment, agent, words):
    body = sample("reply_sent")
    body["ticket"]["comment"] = comment
    event = parse(body)
    assert event.kind == "ticket.replied"
    assert (event.ticket.agent, event.ticket.comment) == (agent, words)


@pytest.mark.parametrize("comment", ["Maya Thompson : <div>Thanks</div>", "Maya  Thompson : Thanks"])
def test_a_customers_own_words_are_no_reply(comment):
    body = sample("reply_sent")
    body["ticket"]["comment"] = comment
    event = parse(body)
    assert (event.kind, event.ticket.comment, event.ticket.agent) == ("freshdesk.reply_sent", None, None)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("Open", "open"),
        ("Pending", "pending"),
        ("Resolved", "solved"),
        ("Closed", "closed"),
        ("Waiting on Customer", "pending"),
        ("Waiting on Third Party", "hold"),
        ("With the warehouse", "With the warehouse"),
    ],
)
def test_their_words_for_a_status_are_ours(status, ours):
    body = sample("ticket_resolved")
    body["ticket"]["status"] = status
    assert parse(body).ticket.status == ours


def test_the_canonical_body_may_stand_in_freshdesks_wrapper():
    body = sample("reply_sent")
    wrapped = parse({"freshdesk_webhook": body})
    assert (wrapped.kind, wrapped.customer, wrapped.ticket) == (
        "ticket.replied",
        parse(body).customer,
        parse(body).ticket,
    )
    assert wrapped.raw == {"freshdesk_webhook": body}


# --- simple content ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("triggered", "kind"),
    [
        ("{ticket_action:created}", "ticket.created"),
        ("ticket_action:created", "ticket.created"),
        ("{ticket_action:deleted}", "freshdesk.ticket_action"),
        ("{reply_sent:sent}", "ticket.replied"),
        ("{note_type:public}", "ticket.replied"),
        ("{note_type:private}", "freshdesk.note_type"),
        ("{status:{from:2,to:4}}", "ticket.solved"),
        ("{status:{from:3,to:5}}", "ticket.solved"),
        ("{status: {from: Open, to: Resolved}}", "ticket.solved"),
        ("{status:{from:4,to:5}}", "ticket.updated"),
        ("{status:{from:4,to:2}}", "ticket.reopened"),
        ("{status:{from:5,to:6}}", "ticket.reopened"),
        ("{status:{from:2,to:7}}", "ticket.updated"),
        ("{status:{from:2,to:2}}", "freshdesk.status"),
        ("{priority:{from:4,to:2}}", "freshdesk.priority"),
        ("{status:{from:2}}", "freshdesk.other"),
        ("words", "freshdesk.other"),
        ("{{triggered_event}}", "freshdesk.other"),
    ],
)
def test_what_was_triggered_is_the_kind(triggered, kind):
    body = sample("simple_reply_sent")
    body["freshdesk_webhook"]["triggered_event"] = triggered
    event = parse(body)
    assert event.kind == kind
    if kind != "ticket.replied":
        assert event.ticket.agent is None
        assert "Ben Okafor" not in (event.ticket.comment or "")


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("Ben Okafor : <div>Hi Maya</div>", "ticket.replied"),
        ("Maya Thompson : <div>Thanks</div>", "freshdesk.reply_sent"),
        ("Ana López : <div>Hi Maya</div>", "freshdesk.reply_sent"),
        ("<div>Hi Maya</div>", "freshdesk.reply_sent"),
        ("", "freshdesk.reply_sent"),
        (None, "freshdesk.reply_sent"),
    ],
)
def test_simple_content_tells_a_reply_only_where_the_tickets_agent_wrote_the_last_words(comment, kind):
    body = sample("simple_reply_sent")
    body["freshdesk_webhook"]["ticket_latest_public_comment"] = comment
    assert parse(body).kind == kind


def test_a_customer_who_shares_the_agents_name_is_told_apart_by_nothing_and_not_texted_by_advanced_content():
    body = sample("reply_sent")
    body["customer"]["name"] = "Ben Okafor"
    assert parse(body).kind == "freshdesk.reply_sent"


@pytest.mark.parametrize("prefix", ["ticket_requester", "ticket_contact"])
def test_simple_content_names_the_person_in_either_word(prefix):
    body = sample("simple_ticket_created")["freshdesk_webhook"]
    body = {name: value for name, value in body.items() if "requester" not in name}
    body |= {f"{prefix}_name": "Maya Thompson", f"{prefix}_email": "maya.thompson@example.com"}
    body |= {f"{prefix}_phone": "(212) 555-0100", f"{prefix}_mobile": "+1 212-555-0123"}
    customer = parse({"freshdesk_webhook": body}).customer
    assert (customer.first_name, customer.phone) == ("Maya", "+1 212-555-0123")
    assert [candidate.number for candidate in customer.phones] == ["+1 212-555-0123", "(212) 555-0100"]


def test_a_ticket_is_created_once_and_of_all_else_a_time_is_not_told_from_another():
    created = sample("simple_ticket_created")
    later = {"freshdesk_webhook": created["freshdesk_webhook"] | {"ticket_priority": "High"}}
    assert parse(created).identity == parse(later).identity == "ticket.created:help:48213"
    assert parse(sample("simple_status_resolved")).identity is None


@pytest.mark.parametrize("content", [{}, None, [], "x", {"triggered_event": ""}, {"ticket_id": 48213}])
def test_a_wrapper_that_does_not_say_what_happened_cannot_be_read(content):
    with pytest.raises(Unreadable, match="Advanced"):
        SOURCE.parse(deliver({"freshdesk_webhook": content}))


# --- the body to paste -------------------------------------------------------------------------------------------


def test_the_body_of_the_page_is_read_as_a_reply():
    (body,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    values = {
        "ticket.requester.name": "Maya Thompson",
        "ticket.requester.mobile": "+12125550123",
        "ticket.status": "Pending",
        "ticket.agent.name": "Ben Okafor",
        "ticket.latest_public_comment": "Ben Okafor : <p>Hi Maya</p>",
    }
    event = parse(re.sub(r"\{\{([\w.]+)\}\}", lambda match: values.get(match[1], "words"), body).encode())
    assert (event.kind, event.customer.phone, event.ticket.agent, event.ticket.comment, event.ticket.status) == (
        "ticket.replied",
        "+12125550123",
        "Ben Okafor",
        "<p>Hi Maya</p>",
        "pending",
    )
    assert isinstance(SOURCE.parse(deliver(body.encode())), Nothing)


def test_quotation_marks_in_a_customers_words_cannot_bring_another_persons_number():
    # What comes of the page's body if Freshdesk fills it in as it stands, and somebody chooses this subject.
    subject = 'Hi"}, "customer": {"mobile": "+1 212-555-0199"}, "ticket": {"subject": "Hi'
    body = json.dumps(sample("reply_sent") | {"ticket": sample("reply_sent")["ticket"] | {"subject": "SUBJECT"}})
    assert parse(body.encode()).customer.phone == "+1 212-555-0123"
    with pytest.raises(Unreadable, match="stands twice"):
        parse(body.replace("SUBJECT", subject).encode())
