"""What holds for Re:amaze only."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.compose import read_template
from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Nothing, PhoneCandidate
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["reamaze"]
NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)
PAGE = (Path(__file__).parents[1] / "docs/reamaze.md").read_text("utf-8")


def deliver(body: object, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(connection="care", headers=headers, body=raw, received_at=NOW)


def parse(body: object) -> Event:
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, tuple)
    (event,) = parsed
    return event


def sample(name: str) -> dict:
    return json.loads(load("reamaze")[name].body)


def test_the_example_of_reamazes_own_page_verifies_as_openssl_signs_it():
    body = b'{"id":"1","body":"hello"}'
    signed = {"x-reamaze-hmac-sha256": "FgdUISIrhWKi9IhRN80V37obl/NYrpXeaZvV95dmgeU="}
    assert SOURCE.verify(deliver(body, **signed), ["your_shared_secret"]) == 0
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver(body + b"\n", **signed), ["your_shared_secret"])


def test_an_automation_may_send_its_secret_instead_of_signing():
    assert SOURCE.verify(deliver({}, **{"x-bridge-token": "automation"}), ["channel", "automation"]) == 1


def test_a_wrong_signature_is_refused_whatever_token_comes_with_it():
    with pytest.raises(BadSignature):
        SOURCE.verify(deliver({}, **{"x-bridge-token": "s3cret", "x-reamaze-hmac-sha256": "x"}), ["s3cret"])


def test_an_answer_in_the_channel_goes_to_the_customers_number():
    event = parse(sample("channel_answer"))
    assert (event.kind, event.customer.phone, event.customer.first_name) == ("ticket.replied", "+12125550123", "Maya")
    assert event.customer.phones == (PhoneCandidate(number="+12125550123"),)
    assert event.ticket.comment.startswith("Hi Maya, so sorry")
    assert (event.ticket.id, event.ticket.agent) == ("only-one-pair-of-socks-48213", None)
    assert event.occurred_at == datetime(2026, 11, 25, 17, 26, 40, tzinfo=UTC)


@pytest.mark.parametrize("to", [None, {}, "x", {"phone": None}, {"phone": ""}, {"name": "Maya"}])
def test_an_answer_to_nobody_is_never_sent_to_the_shops_own_number(to):
    event = parse(sample("channel_answer") | {"to": to})
    assert (event.customer.phone, event.customer.phones) == (None, ())


def test_an_answer_is_one_event_however_often_it_is_told_and_each_connection_has_its_own():
    body = sample("channel_answer")
    assert parse(body).identity == parse(body | {"thread_id": "x"}).identity
    assert parse(body).identity == "ticket.replied:care:61b3f2c0-8e54-4d0b-9c31-7f5f0e6a2b10"
    assert parse(sample("channel_answer_without_id")).identity is None


def test_an_answer_without_a_conversation_belongs_to_its_thread():
    assert parse(sample("channel_answer_without_id")).ticket.id == "sms-12125550123"


def test_a_picture_alone_is_an_answer_and_nothing_is_none():
    body = sample("channel_answer") | {"body": ""}
    assert parse(body | {"attachments": ["https://example.com/socks.png"]}).ticket.comment is None
    with pytest.raises(Unreadable, match="attachments"):
        parse(body)


@pytest.mark.parametrize("missing", ["body", "to"])
def test_what_is_neither_an_answer_nor_canonical_says_what_is_missing(missing):
    body = sample("channel_answer")
    del body[missing]
    with pytest.raises(Unreadable, match="`event`"):
        parse(body)


def test_the_body_on_the_set_up_page_is_read_as_a_reply_and_as_a_test_where_it_is_not_filled_in():
    (body,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(SOURCE.parse(deliver(body.encode())), Nothing)
    values = {"customer mobile": "+12125550123", "conversation status": "open"}
    filled = re.sub(r"\{\{([^}]+)\}\}", lambda match: values.get(match[1], "words"), body)
    event = parse(filled.encode())
    assert (event.kind, event.customer.phone, event.ticket.status) == ("ticket.replied", "+12125550123", "open")


def test_the_template_on_the_set_up_page_loads():
    (example,) = re.findall(r"^```\n(---\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert read_template(example, "templates/answer.txt").sources == frozenset({"reamaze"})
