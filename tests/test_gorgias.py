"""What holds for Gorgias only."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["gorgias"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
PAGE = (Path(__file__).parents[1] / "docs/gorgias.md").read_text("utf-8")


def deliver(body: object, url: str = "", **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        connection="help",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        body=raw,
        received_at=NOW,
        url=url,
    )


def parse(body: object) -> Event:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("gorgias")[name].body)


# --- the token ---------------------------------------------------------------------------------------------------


def test_the_secret_is_sent_along_in_one_of_three_places():
    basic = "Basic " + base64.b64encode(b"gorgias:s3cret").decode()
    for delivery in (
        deliver({}, x_bridge_token="s3cret"),
        deliver({}, authorization=basic),
        deliver({}, url="https://bridge.example/hooks/help?token=s3cret"),
    ):
        assert SOURCE.verify(delivery, ["another", "s3cret"]) == 1
        with pytest.raises(BadSignature):
            SOURCE.verify(delivery, ["another"])


def test_a_signature_that_gorgias_does_not_send_proves_nothing():
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver({}, x_gorgias_signature="s3cret"), ["s3cret"])


# --- whose words they are ----------------------------------------------------------------------------------------

NO_REPLY = "gorgias.ticket-message-created"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({}, "ticket.replied"),
        ({"from_agent": "true", "public": True}, "ticket.replied"),
        ({"via": None, "rule_id": None}, "ticket.replied"),
        ({"rule_id": "None"}, "ticket.replied"),
        ({"rule_id": "null"}, "ticket.replied"),
        ({"channel": "chat"}, "ticket.replied"),
        ({"from_agent": "False"}, NO_REPLY),
        ({"from_agent": ""}, NO_REPLY),
        ({"from_agent": "{{message.from_agent}}"}, NO_REPLY),
        ({"public": "False"}, NO_REPLY),
        ({"public": None}, NO_REPLY),
        ({"via": "rule"}, NO_REPLY),
        ({"rule_id": "48120"}, NO_REPLY),
        ({"rule_id": 48120}, NO_REPLY),
        ({"channel": "sms"}, NO_REPLY),
        ({"channel": "phone"}, NO_REPLY),
        ({"channel": "whatsapp"}, NO_REPLY),
    ],
)
def test_only_an_agents_public_words_are_a_reply(message, kind):
    body = sample("message_by_agent")
    body["message"] |= message
    event = parse(body)
    assert event.kind == kind
    assert event.identity == f"{kind}:help:512740981"
    # Words that may be the customer's own, or a colleague's, are where no template meets them by accident.
    assert (event.ticket.comment is None) is (kind == NO_REPLY)
    assert (event.ticket.agent is None) is (kind == NO_REPLY)


@pytest.mark.parametrize("nothing", ["None", "null", " None ", "undefined"])
def test_what_a_placeholder_leaves_where_there_is_nothing_is_nothing(nothing):
    body = sample("message_by_agent")
    body["ticket"] |= {"comment": nothing, "agent": nothing, "subject": nothing}
    body["customer"] |= {"name": nothing, "email": nothing, "phone": nothing}
    event = parse(body)
    assert event.kind == "ticket.replied"
    assert (event.ticket.comment, event.ticket.agent, event.ticket.subject) == (None, None, None)
    assert (event.customer.name, event.customer.email, event.customer.phone) == (None, None, None)
    assert parse(body | {"id": nothing}).identity is None


def test_gorgias_own_cut_of_a_message_is_told_where_there_is_one():
    body = sample("message_by_agent")
    quoting = "Está en camino.\n\nEl mié, 25 nov 2026, Maya escribió:\nHelp!"
    body["ticket"]["comment"] = quoting
    for stripped, told in (("Está en camino.", "Está en camino."), ("", quoting), ("None", quoting), (None, quoting)):
        body["message"]["stripped_text"] = stripped
        assert parse(body).ticket.comment == told
    whole = sample("whole_context")
    whole["message"]["stripped_text"] = "On its way."
    assert parse(whole).ticket.comment == "On its way."


def test_words_that_only_begin_like_nothing_are_words():
    body = sample("message_by_agent")
    body["ticket"]["comment"] = "None of them are left, sorry!"
    assert parse(body).ticket.comment == "None of them are left, sorry!"


@pytest.mark.parametrize("message", [None, {}, "words", []])
def test_without_a_word_of_whose_they_are_no_words_are_a_reply(message):
    event = parse(sample("message_by_agent") | {"message": message})
    assert (event.kind, event.ticket.comment) == (NO_REPLY, None)


@pytest.mark.parametrize(
    ("ticket", "kind"),
    [
        ({}, "ticket.created"),
        ({"from_agent": "", "spam": ""}, "ticket.created"),
        ({"from_agent": "True"}, "gorgias.ticket-created"),
        ({"spam": "True"}, "gorgias.ticket-created"),
    ],
)
def test_nobody_is_thanked_for_an_agents_ticket_or_for_spam(ticket, kind):
    body = sample("ticket_created")
    body["ticket"] |= ticket
    assert parse(body).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("closed", "ticket.solved"),
        ("Closed", "ticket.solved"),
        ("open", "ticket.reopened"),
        ("", "gorgias.ticket-status-updated"),
        ("waiting", "gorgias.ticket-status-updated"),
    ],
)
def test_a_change_of_status_is_what_it_became(status, kind):
    body = sample("ticket_closed")
    body["ticket"]["status"] = status
    assert parse(body).kind == kind


@pytest.mark.parametrize(
    ("ticket", "kind"),
    [
        ({"snooze_datetime": "", "trashed_datetime": "None", "spam": "False"}, "ticket.solved"),
        ({"snooze_datetime": None, "trashed_datetime": None, "spam": None}, "ticket.solved"),
        # Gorgias closes a ticket while it is snoozed: its answer is still to come.
        ({"snooze_datetime": "2026-11-27T14:00:00+00:00"}, "gorgias.ticket-status-updated"),
        ({"trashed_datetime": "2026-11-25T18:05:20.771930"}, "gorgias.ticket-status-updated"),
        ({"spam": "True"}, "gorgias.ticket-status-updated"),
        ({"spam": True}, "gorgias.ticket-status-updated"),
    ],
)
def test_a_ticket_that_is_put_away_is_not_solved(ticket, kind):
    body = sample("ticket_closed")
    body["ticket"] |= ticket
    assert parse(body).kind == kind
    assert parse(body | {"event": "ticket-status-updated"}).kind == kind


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("ticket-created", "ticket.created"),
        ("ticket-message-created", "ticket.replied"),
        ("ticket-status-updated", "ticket.reopened"),  # the sample's ticket is open
        ("ticket-assignment-updated", "gorgias.ticket-assignment-updated"),
        ("ticket-handed-over", "gorgias.ticket-handed-over"),
        ("gorgias.refund_asked", "gorgias.refund_asked"),
        ("order.shipped", "order.shipped"),
    ],
)
def test_an_event_may_be_named_by_our_word_or_by_its_trigger(word, kind):
    assert parse(sample("message_by_agent") | {"event": word}).kind == kind


def test_another_word_is_no_event():
    for word in ("ticket.closed", "zendesk.ticket", "created"):
        with pytest.raises(Unreadable, match="no kind of event"):
            parse(sample("message_by_agent") | {"event": word})


# --- the whole context -------------------------------------------------------------------------------------------


def test_the_whole_context_tells_the_same_reply_as_the_canonical_body():
    whole, canonical = parse(sample("whole_context")), parse(sample("message_by_agent"))
    assert (whole.kind, whole.identity, whole.ticket.id, whole.ticket.agent) == (
        canonical.kind,
        canonical.identity,
        canonical.ticket.id,
        canonical.ticket.agent,
    )
    assert (whole.customer.id, whole.customer.phone, whole.customer.first_name) == ("61840277", "+12125550123", "Maya")


def test_the_whole_context_holds_nothing_that_a_customer_said():
    body = sample("whole_context")
    body["message"]["from_agent"] = False
    assert (parse(body).kind, parse(body).ticket.comment) == (NO_REPLY, None)


@pytest.mark.parametrize("event", [None, {}, {"type": ""}, [], 0.5])
def test_the_whole_context_without_its_event_does_not_say_what_happened(event):
    body = sample("whole_context") | {"event": event}
    with pytest.raises(Unreadable):
        SOURCE.parse(deliver(body))


# --- the person --------------------------------------------------------------------------------------------------


def test_a_number_in_the_body_is_taken_and_any_other_asked_for():
    given, asked = parse(sample("message_by_agent")), parse(sample("message_without_phone"))
    assert given.customer.phone == "+1 212-555-0123"
    assert asked.customer.phone is None
    assert asked.lookup == Lookup(what="customer", id="61840277")
    full = SOURCE.absorb(asked, load("gorgias")["message_without_phone"].lookups["customer"])
    assert (full.customer.phone, full.customer.first_name, full.lookup) == ("+12125550123", "Maya", None)


def test_only_channels_that_are_numbers_are_numbers():
    channels = [
        {"type": "email", "address": "maya.thompson@example.com"},
        {"type": "facebook", "address": "1234567890"},
        {"type": "phone", "address": None},
        {"type": "sms", "address": "+12125550123"},
        "+12125550124",
    ]
    event = SOURCE.absorb(parse(sample("message_without_phone")), {"channels": channels})
    assert [phone.number for phone in event.customer.phones] == ["+12125550123"]


def test_a_request_has_no_id_so_its_body_is_its_key():
    assert SOURCE.delivery_key(deliver(sample("message_by_agent"))) is None


# --- the bodies to paste -----------------------------------------------------------------------------------------

VALUES = {"message.from_agent": "True", "message.public": "True", "message.via": "helpdesk", "message.channel": "email"}


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        ("closed", ["ticket.replied", "ticket.created", "ticket.solved"]),
        ("open", ["ticket.replied", "ticket.created", "ticket.reopened"]),
    ],
)
def test_the_bodies_of_the_page_are_read_as_what_they_say(status, kinds):
    values = VALUES | {"ticket.status": status, "ticket.from_agent": "False", "ticket.spam": "False"}
    values |= {"message.rule_id": "", "ticket.id": "48213", "message.id": "512740981"}
    values |= {"ticket.snooze_datetime": "", "ticket.trashed_datetime": ""}
    bodies = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    filled = [re.sub(r"\{\{([\w.]+)\}\}", lambda match: values.get(match[1], "words"), body) for body in bodies]
    assert [parse(body.encode()).kind for body in filled] == kinds
    assert all(isinstance(SOURCE.parse(deliver(body.encode())), Nothing) for body in bodies)
