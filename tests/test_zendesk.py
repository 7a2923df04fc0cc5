"""What holds for Zendesk only."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import BadSignature, Unreadable
from bridge.events import KINDS, Delivery, Event, Lookup, Nothing
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["zendesk"]
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="


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
    return json.loads(load("zendesk")[name].body)


# --- the signature -----------------------------------------------------------------------------------------------


def signed_elsewhere(minutes: float = 0, **changes: str) -> Delivery:
    """A request of a public test of another program."""
    headers = {
        "x-zendesk-webhook-signature": "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=",
        "x-zendesk-webhook-signature-timestamp": "2021-03-25T05:09:27Z",
    }
    received_at = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC) + timedelta(minutes=minutes)
    body = b'{"event":"ticket.updated","id":123}'
    return Delivery(connection="help", headers=headers | changes, body=body, received_at=received_at)


def verify(delivery: Delivery, secret: str = TEST_SECRET) -> int:
    return SOURCE.verify(delivery, [secret], signature_header=SOURCE.signature_header)


def test_a_request_that_others_signed_verifies_with_the_secret_as_it_is_written():
    assert verify(signed_elsewhere()) == 0
    with pytest.raises(BadSignature):
        verify(signed_elsewhere(), "this_secret_is_for_testing_only")


@pytest.mark.parametrize("minutes", [-5, 5])
def test_it_verifies_for_five_minutes(minutes):
    assert verify(signed_elsewhere(minutes)) == 0


@pytest.mark.parametrize("minutes", [-5.1, 5.1, 60, 1_000_000])
def test_a_captured_request_does_not_verify_later(minutes):
    with pytest.raises(BadSignature, match="timestamp"):
        verify(signed_elsewhere(minutes))


@pytest.mark.parametrize("timestamp", ["2021-03-25T05:09:27.000Z", "2021-03-25T05:09:28Z", "", "1616648967"])
def test_the_timestamp_is_signed_too(timestamp):
    with pytest.raises(BadSignature):
        verify(signed_elsewhere(**{"x-zendesk-webhook-signature-timestamp": timestamp}))


@pytest.mark.parametrize("timestamp", ["1234", "yesterday", "2021-03-25T05:09:27", ""])
def test_a_genuine_signature_over_what_is_no_time_is_refused(timestamp):
    from bridge.signing import sign_hmac

    signature = sign_hmac(timestamp.encode() + b"{}", TEST_SECRET)
    delivery = deliver(
        b"{}", **{"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": timestamp}
    )
    with pytest.raises(BadSignature, match="timestamp"):
        verify(delivery)


# --- the keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "key"),
    [
        ({"x-zendesk-webhook-invocation-id": "8350205582"}, sample("trigger_solved"), "8350205582"),
        ({"x-zendesk-webhook-invocation-id": "8350205582"}, b"no JSON", "8350205582"),
        ({}, sample("ticket_created_event"), "2f0b0c5e-7a31-4d0c-9a4b-1c5d8e7f6a21"),
        (
            {"x-zendesk-webhook-invocation-id": "  "},
            sample("ticket_created_event"),
            "2f0b0c5e-7a31-4d0c-9a4b-1c5d8e7f6a21",
        ),
        # A trigger's id is whatever an admin typed, at worst the ticket's own.
        ({}, sample("trigger_solved"), None),
        ({}, b"no JSON", None),
        ({}, b"", None),
    ],
)
def test_the_delivery_key_is_the_invocation_or_the_event(headers, body, key):
    assert SOURCE.delivery_key(deliver(body, **headers)) == key


def test_a_long_or_odd_invocation_becomes_a_hash():
    for odd in ("x" * 201, "a b", "ü", "a\nb"):
        key = SOURCE.delivery_key(deliver(b"{}", **{"x-zendesk-webhook-invocation-id": odd}))
        assert key.startswith("sha256:")
        assert len(key) == 71


def test_a_captured_request_under_a_new_invocation_has_the_same_signed_bytes():
    first = deliver(b"{}", **{"x-zendesk-webhook-invocation-id": "1", "x-zendesk-webhook-signature-timestamp": "T"})
    again = deliver(b"{}", **{"x-zendesk-webhook-invocation-id": "2", "x-zendesk-webhook-signature-timestamp": "T"})
    later = deliver(b"{}", **{"x-zendesk-webhook-invocation-id": "2", "x-zendesk-webhook-signature-timestamp": "U"})
    assert SOURCE.signed_bytes(first) == SOURCE.signed_bytes(again) == b"T{}"
    assert SOURCE.signed_bytes(later) != SOURCE.signed_bytes(first)


# --- event webhooks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("previous", "current", "kind", "status"),
    [
        ("OPEN", "SOLVED", "ticket.solved", "solved"),
        ("PENDING", "SOLVED", "ticket.solved", "solved"),
        ("pending", "solved", "ticket.solved", "solved"),
        ("SOLVED", "OPEN", "ticket.reopened", "open"),
        ("CLOSED", "PENDING", "ticket.reopened", "pending"),
        ("SOLVED", "HOLD", "ticket.reopened", "hold"),
        ("NEW", "OPEN", "ticket.updated", "open"),
        ("OPEN", "PENDING", "ticket.updated", "pending"),
        ("SOLVED", "CLOSED", "ticket.updated", "closed"),
        ("SOLVED", "DELETED", "ticket.updated", None),
        (None, None, "ticket.updated", None),
    ],
)
def test_a_change_of_status_is_what_it_was_and_became(previous, current, kind, status):
    body = sample("status_changed_solved_event")
    body["event"] |= {"previous": previous, "current": current}
    body["detail"]["status"] = current
    event = parse(body)
    assert (event.kind, event.ticket.status) == (kind, status)


STAFF = {"id": "1", "is_staff": True, "name": "Ben Okafor"}


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ({"is_public": True, "author": STAFF}, "ticket.replied"),
        ({"is_public": "true", "author": STAFF | {"is_staff": "true"}}, "ticket.replied"),
        ({"is_public": False, "author": STAFF}, "zendesk.ticket.comment_added"),
        ({"is_public": None, "author": STAFF}, "zendesk.ticket.comment_added"),
        ({"author": STAFF}, "zendesk.ticket.comment_added"),
        ({"is_public": True, "author": STAFF | {"is_staff": False}}, "zendesk.ticket.comment_added"),
        ({"is_public": True, "author": {"id": "1"}}, "zendesk.ticket.comment_added"),
        ({"is_public": True, "author": None}, "zendesk.ticket.comment_added"),
        ({"is_public": True, "author_id": 1}, "zendesk.ticket.comment_added"),
    ],
)
def test_only_an_agents_public_words_are_a_reply(comment, kind):
    body = sample("comment_added_event")
    body["event"]["comment"] = {"id": 123, "body": "Hello"} | comment
    event = parse(body)
    assert event.kind == kind
    assert event.identity == f"{kind}:comment:123"


@pytest.mark.parametrize("channel", ["sms", "SMS", "text_message", "twilio_sms", "whatsapp"])
def test_a_reply_to_a_ticket_on_the_phone_is_there_already(channel):
    body = sample("comment_added_event")
    body["detail"]["via"]["channel"] = channel
    assert parse(body).kind == "zendesk.ticket.comment_added"


@pytest.mark.parametrize("channel", ["web", "mail", "chat", "phone_call_inbound", "something_new", None])
def test_a_reply_to_a_ticket_of_another_channel_is_told(channel):
    body = sample("comment_added_event")
    body["detail"]["via"] = {"channel": channel} if channel else None
    assert parse(body).kind == "ticket.replied"


def test_a_colleague_who_asks_is_no_agent_who_answers():
    body = sample("comment_added_event")
    body["detail"]["requester_id"] = int(body["event"]["comment"]["author"]["id"])
    assert parse(body).kind == "zendesk.ticket.comment_added"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (
            'Request #48213 "Only one pair" was closed and merged into this request. '
            "Last comment in request #48213:\n\nWhere is it?",
            "zendesk.ticket.comment_added",
        ),
        ("Requests #48213, #48214 were closed and merged into this request.", "zendesk.ticket.comment_added"),
        ('This request was closed and merged into request #48290 "Socks".', "zendesk.ticket.comment_added"),
        ("Hi Maya, your other request was closed and merged into this request. Nothing to do!", "ticket.replied"),
    ],
)
def test_what_zendesk_writes_when_it_merges_tickets_is_no_reply(words, kind):
    body = sample("comment_added_event")
    body["event"]["comment"]["body"] = words
    assert parse(body).kind == kind


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ({}, "ticket.created"),
        ({"submitter_id": None}, "ticket.created"),
        ({"submitter_id": 39284710265531}, "ticket.created"),
        # The program behind a shop's own form sends tickets under its name, for customers.
        ({"submitter_id": "38102947561210", "via": {"channel": "web_service"}}, "ticket.created"),
        ({"submitter_id": "38102947561210", "via": {"channel": "mail"}}, "ticket.created"),
        ({"submitter_id": "38102947561210", "via": {"channel": "web"}}, "zendesk.ticket.created"),
        ({"submitter_id": "38102947561210", "via": {"channel": "web_form"}}, "zendesk.ticket.created"),
        ({"is_public": False}, "zendesk.ticket.created"),
        ({"via": {"channel": "import"}}, "zendesk.ticket.created"),
        ({"via": {"channel": "sample_ticket"}}, "zendesk.ticket.created"),
    ],
)
def test_nobody_is_thanked_for_a_ticket_that_an_agent_types_in(detail, kind):
    body = sample("ticket_created_event")
    body["detail"] |= detail
    assert parse(body).kind == kind


def test_a_private_note_is_no_comment_that_a_template_could_send():
    assert parse(sample("comment_added_private_note")).ticket.comment is None


def test_an_event_knows_the_requester_by_id_and_asks_for_the_rest():
    event = parse(sample("comment_added_event"))
    assert event.customer.id == "39284710265531"
    assert event.lookup == Lookup(what="user", id="39284710265531")
    assert event.ticket.agent == "Ben Okafor"
    assert event.ticket.comment.startswith("Hi Maya,\n\nSo sorry")
    assert event.occurred_at == datetime(2026, 11, 25, 17, 26, 40, 927154, tzinfo=UTC)


def test_names_stand_on_one_line_with_single_blanks_and_comments_as_they_were_written():
    event = parse(
        {
            "event": "ticket.replied",
            "customer": {"name": " Maya  Thompson"},
            "ticket": {"agent": "Ben \n Okafor", "subject": "My\u00a0 order", "comment": "Hi,\n\n  it left."},
            "order": {"name": "# 1001 "},
            "shipment": {"carrier": "Canada   Post"},
        }
    )

    assert (event.customer.name, event.ticket.agent, event.ticket.subject) == (
        "Maya Thompson",
        "Ben Okafor",
        "My order",
    )
    assert (event.order.name, event.shipment.carrier) == ("# 1001", "Canada Post")
    assert event.ticket.comment == "Hi,\n\n  it left."


@pytest.mark.parametrize("agent", ["", "  ", " \n", None, [], True])
def test_a_name_of_nothing_is_none(agent):
    assert parse({"event": "ticket.replied", "ticket": {"agent": agent}}).ticket.agent is None


@pytest.mark.parametrize("requester", [39284710265531, "39284710265531"])
@pytest.mark.parametrize("ticket", [48213, "48213"])
def test_ids_are_text_whatever_their_type(requester, ticket):
    body = sample("ticket_created_event")
    body["detail"] |= {"requester_id": requester, "id": ticket}
    event = parse(body)
    assert (event.customer.id, event.ticket.id) == ("39284710265531", "48213")


def test_an_event_without_a_requester_has_nobody_to_ask_for():
    body = sample("ticket_created_event")
    del body["detail"]["requester_id"]
    assert parse(body).lookup is None


def test_an_event_about_a_user_is_about_them_and_no_ticket():
    detail = {"id": "6596848315901", "email": "user.name@example.com", "role": "end-user"}
    event = parse({"type": "zen:event-type:user.created", "id": "6b9bbadf", "detail": detail, "event": {}})
    assert (event.kind, event.ticket.id) == ("zendesk.user.created", None)
    assert (event.customer.id, event.customer.email) == ("6596848315901", "user.name@example.com")
    assert event.lookup == Lookup(what="user", id="6596848315901")


def test_an_event_about_neither_has_nobody_to_ask_for():
    event = parse({"type": "zen:event-type:organization.created", "id": "1", "detail": {"id": "5"}})
    assert (event.ticket.id, event.customer.id, event.lookup) == (None, None, None)


def test_a_ticket_may_be_solved_twice_and_each_time_is_an_event():
    body = sample("status_changed_solved_event")
    first = parse(body)
    assert parse(body).identity == first.identity == f"ticket.solved:event:{body['id']}"
    assert parse(body | {"id": "another"}).identity != first.identity


@pytest.mark.parametrize(
    ("more", "identity"),
    [
        ({"event": "order.created", "order": {"id": 4182}}, "order.created:help:4182"),
        ({"event": "order.created", "id": "evt-1", "order": {"id": 4182}}, "order.created:help:4182"),
        ({"event": "order.created", "id": "evt-1"}, "order.created:help:evt-1"),
        ({"event": "order.shipped", "shipment": {"id": "7", "tracking_number": "1Z9"}}, "order.shipped:help:7"),
        ({"event": "order.shipped", "id": "evt-1", "shipment": {"tracking_number": "1Z9"}}, "order.shipped:help:evt-1"),
        ({"event": "order.shipped", "shipment": {"tracking_number": "1Z9"}}, "order.shipped:help:1Z9"),
        ({"event": "order.shipped", "order": {"id": 4182}}, None),
        ({"event": "order.refunded", "order": {"id": 4182}}, None),
        ({"event": "ticket.solved", "ticket": {"id": 48213}}, None),
    ],
)
def test_a_trigger_that_tells_an_order_or_parcel_again_tells_the_same_event(more, identity):
    assert parse(more).identity == identity


def test_without_any_id_the_delivery_is_the_identity():
    body = sample("status_changed_solved_event")
    del body["id"]
    assert parse(body).identity is None


def test_the_first_words_of_a_ticket_are_its_comment():
    assert parse(sample("ticket_created_event")).ticket.comment.startswith("Hi there, my order #4182")
    assert parse(sample("status_changed_solved_event")).ticket.comment is None


def test_what_the_requesters_record_knows_is_taken_over():
    found = {"user": {"id": 39284710265531, "name": "Maya Thompson", "email": "m@example.com", "phone": "+12125550123"}}
    customer = SOURCE.absorb(parse(sample("comment_added_event")), found).customer
    assert (customer.name, customer.first_name, customer.phone) == ("Maya Thompson", "Maya", "+12125550123")
    assert [candidate.number for candidate in customer.phones] == ["+12125550123"]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Maya Thompson", "Maya"),
        ("Maya", "Maya"),
        ("Jean-Luc O’Neill", "Jean-Luc"),
        ("D'Arcy Wu", "D'Arcy"),
        ("李 明", None),
        ("Dr. Lopez", None),
        ("Dr Lopez", None),
        ("Lopez, Ana", None),
        ("Ana & Tom", None),
        ("Caller +1 (212) 555-0123", None),
        ("+12125550123", None),
        ("maya@example.com", None),
        ("M. Thompson", None),
        ("   ", None),
        (None, None),
    ],
)
def test_people_are_greeted_by_a_name_or_not_at_all(name, first):
    found = {"user": {"name": name}}
    assert SOURCE.absorb(parse(sample("comment_added_event")), found).customer.first_name == first


# --- trigger webhooks --------------------------------------------------------------------------------------------


def test_a_trigger_tells_who_and_what_by_itself():
    event = parse(sample("trigger_replied"))
    assert (event.kind, event.lookup) == ("ticket.replied", None)
    assert event.identity == "ticket.replied:help:48213-2026-11-25T17:26:40Z"
    assert (event.customer.first_name, event.customer.phone, event.customer.country) == (
        "Maya",
        "+1 212-555-0123",
        "US",
    )
    assert event.customer.phones[0].country == "US"
    assert event.ticket.comment.startswith("<div")
    assert event.ticket.status == "pending"


def test_every_field_but_the_event_may_be_missing():
    event = parse({"event": "ticket.solved"})
    assert (event.identity, event.occurred_at, event.customer.phones) == (None, NOW, ())


@pytest.mark.parametrize(
    ("customer", "phone", "country"),
    [
        ({"phone": ""}, None, None),
        ({"phone": "  "}, None, None),
        ({"phone": None}, None, None),
        ({"phone": 12125550123}, "12125550123", None),
        ({"phone": " 020 7946 0000 ", "country": "gb"}, "020 7946 0000", "GB"),
        ({"phone": "1", "country": "UK"}, "1", "GB"),
        ({"phone": "1", "country": "United States"}, "1", None),
        ({"phone": ["1"], "country": {}}, None, None),
        (None, None, None),
        ("Maya", None, None),
        ([], None, None),
    ],
)
def test_a_customer_is_read_as_far_as_it_goes(customer, phone, country):
    event = parse({"event": "ticket.solved", "customer": customer})
    assert (event.customer.phone, event.customer.country) == (phone, country)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("Open", "open"),
        ("On-hold", "hold"),
        ("SOLVED", "solved"),
        ("Waiting for parts", "Waiting for parts"),
        ("", None),
    ],
)
def test_a_displayed_status_is_ours_where_it_is_known(status, ours):
    assert parse({"event": "ticket.updated", "ticket": {"status": status}}).ticket.status == ours


@pytest.mark.parametrize(
    ("total", "printed"),
    [
        ('"143.04"', "143.04"),
        ("143.04", "143.04"),
        ("143.40", "143.40"),
        ('"143.00"', "143.00"),
        ("143", "143"),
        ("9007199254740993.10", None),
        ("123456789012345.10", "123456789012345.10"),
        ('"$143"', None),
        ('"1,43"', None),
        ("true", None),
        ("1e400", None),
        ('"NaN"', None),
        ("NaN", None),
        ("[]", None),
    ],
)
def test_money_prints_the_senders_own_digits_or_nothing(total, printed):
    event = parse(b'{"event": "order.created", "order": {"total": %s}}' % total.encode())
    assert (event.order.total is None) if printed is None else (str(event.order.total) == printed)


@pytest.mark.parametrize(
    "body",
    [
        sample("trigger_test_unrendered"),
        {"event": "ticket.solved", "customer": {"phone": "{{ticket.requester.phone}}"}},
        {"event": "ticket.solved", "customer": {"phone": "+1{{ticket.requester.phone}}"}},
        {"event": "ticket.solved", "ticket": {"comment": "Hi {{ticket.requester.name}}"}},
        {"event": "ticket.solved", "id": "{{ticket.id}}"},
        {"event": "{{event}}"},
        {"event": "no.such.kind", "id": "{{ticket.id}}"},
    ],
)
def test_an_unfilled_placeholder_makes_it_a_test(body):
    parsed = SOURCE.parse(deliver(body))
    assert isinstance(parsed, Nothing)
    assert parsed.reason.code == "unrendered_placeholder"


def test_a_placeholder_where_nobody_reads_is_no_test():
    assert parse({"event": "ticket.solved", "note": "{{x}}", "customer": {"note": "{{x}}"}}).kind == "ticket.solved"


@pytest.mark.parametrize("kind", [*KINDS, "zendesk.vip_waiting", "zendesk.ticket.priority_changed"])
def test_a_trigger_may_name_every_kind_and_words_of_its_own(kind):
    assert parse({"event": kind}).kind == kind


@pytest.mark.parametrize(
    "kind", ["ticket.closed", "shopify.orders.create", "zendesk.", "zendesk", "zendesk.A b", "Ticket.solved"]
)
def test_a_kind_that_does_not_exist_is_named_beside_those_that_do(kind):
    with pytest.raises(Unreadable, match=r"ticket\.replied") as raised:
        parse({"event": kind})
    assert repr(kind) in str(raised.value)


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"", "empty.*format JSON"),
        (b"  \n", "empty.*format JSON"),
        (load("zendesk")["trigger_form_encoded"].body, "not JSON.*format JSON"),
        (load("zendesk")["trigger_broken_json"].body, "not JSON.*column 135"),
        (b"<ticket/>", "not JSON"),
        (b'["ticket.solved"]', "not an object"),
        (b"\xff{}", "not UTF-8"),
        (b"{}", "canonical body"),
        (b'{"event": ""}', "canonical body"),
        (b'{"type": "ticket.solved"}', "canonical body"),
        (b'{"type": "zen:event-type:"}', "canonical body"),
    ],
)
def test_what_cannot_be_read_says_what_to_set(body, advice):
    with pytest.raises(Unreadable, match=advice):
        parse(body)
