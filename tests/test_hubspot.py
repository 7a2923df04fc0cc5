"""What holds for HubSpot only."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.compose import read_template
from bridge.errors import BadSignature, Unreadable
from bridge.events import Delivery, Event, Lookup
from bridge.sources import discover
from bridge.sources.samples import load

SOURCE = discover()["hubspot"]
NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)


def deliver(body: object) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        connection="care", headers={}, body=raw, received_at=NOW, url="https://bridge.example/hooks/hubspot"
    )


def parse(change: dict) -> Event:
    (event,) = SOURCE.parse(deliver([change]))  # type: ignore[misc]
    return event


def sample(name: str) -> dict:
    return json.loads(load("hubspot")[name].body)[0]


# --- the signature: a request of the tests of HubSpot's own library, and others that openssl signed ----------------

SIGNED = Delivery(
    connection="care",
    headers={
        "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
        "x-hubspot-request-timestamp": "1693657560000",
    },
    body=b"{'example_field':'example_value'}",
    received_at=datetime.fromtimestamp(1693657560, UTC),
    url="https://www.example.com/webhook_uri",
)
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"


def test_a_request_of_hubspots_own_library_verifies():
    assert SOURCE.verify(SIGNED, [SECRET]) == 0
    assert SOURCE.scheme.signs_url


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"url": "https://www.example.com/webhook_uri/"},
        {"url": "https://www.example.com/webhook_uri?x=1"},
        {"url": "http://www.example.com/webhook_uri"},
        {"body": b'{"example_field":"example_value"}'},
        {"headers": SIGNED.headers | {"x-hubspot-request-timestamp": "1693657560001"}},
        {"received_at": SIGNED.received_at + timedelta(minutes=5.1)},
    ],
)
def test_whatever_is_changed_of_it_is_noticed(changes):
    with pytest.raises(BadSignature):
        SOURCE.verify(replace(SIGNED, **changes), [SECRET])


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        # The older versions of the same request. They sign no time.
        ({"x-hubspot-signature": "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"}, "missing_header"),
        (
            {"x-hubspot-signature-v3": "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"},
            "other_secret",
        ),
        (
            {"x-hubspot-signature-v3": "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"},
            "other_secret",
        ),
    ],
)
def test_older_versions_of_the_signature_are_refused(headers, cause):
    with pytest.raises(BadSignature) as raised:
        SOURCE.verify(replace(SIGNED, headers={"x-hubspot-request-timestamp": "1693657560000"} | headers), [SECRET])
    assert raised.value.cause == cause


@pytest.mark.parametrize(
    ("query", "verifies"),
    [
        ("shop=a%2Fb%40c", True),
        ("shop=a%2fb%40c", True),
        ("shop=a/b@c", True),
        ("shop=a%2Fb%40c%20", False),
        ("shop%3Da%2Fb%40c", True),
        ("shop=%61/b@c", False),
    ],
)
def test_some_escapes_of_the_address_are_signed_as_what_they_stand_for(query, verifies):
    delivery = Delivery(
        connection="care",
        headers={
            "x-hubspot-signature-v3": "7T9Zi/lV7EA3TO/eMh7DC6Z6OPl97EmvdfxeHtDQhVs=",
            "x-hubspot-request-timestamp": "1795622531204",
        },
        body=b'[{"eventId":1}]',
        received_at=datetime.fromtimestamp(1795622531, UTC),
        url=f"https://bridge.example/hooks/hubspot?{query}",
    )
    if verifies:
        assert SOURCE.verify(delivery, ["topsecret"]) == 0
    else:
        with pytest.raises(BadSignature):
            SOURCE.verify(delivery, ["topsecret"])


# --- events --------------------------------------------------------------------------------------------------------


def test_one_object_is_read_like_a_list_of_one():
    change = sample("ticket_creation")
    assert SOURCE.parse(deliver(change)) == SOURCE.parse(deliver([change]))


@pytest.mark.parametrize("body", [[], [[]], ["x"], [None], 5, "x", [{}], {}, [{"subscriptionType": ""}]])
def test_a_body_without_events_is_unreadable(body):
    with pytest.raises(Unreadable):
        SOURCE.parse(deliver(body))


def test_an_event_without_a_name_does_not_cost_the_others_their_texts():
    events = SOURCE.parse(deliver([{"objectId": 1}, sample("ticket_creation")]))
    assert [event.kind for event in events] == ["hubspot.unnamed", "ticket.created"]


def test_each_event_of_a_list_has_its_own_payload_person_and_time():
    events = SOURCE.parse(deliver(json.loads(load("hubspot")["several_events"].body)))
    assert [event.raw["eventId"] for event in events] == [3208811745, 118220422, 90127741]
    assert [event.lookup for event in events] == [
        Lookup(what="ticket", id="21904418203"),
        Lookup(what="ticket", id="21904418203"),
        Lookup(what="contact", id="88120455301"),
    ]
    assert events[0].occurred_at == datetime(2026, 11, 25, 16, 2, 11, 204000, tzinfo=UTC)
    assert (events[2].customer.id, events[2].ticket.id) == ("88120455301", None)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("FORM", "ticket.created"),
        ("API", "ticket.created"),
        ("CHATFLOW", "ticket.created"),
        (None, "ticket.created"),
        ("CRM_UI", "hubspot.ticket.creation"),
        ("CRM", "hubspot.ticket.creation"),
        ("IMPORT", "hubspot.ticket.creation"),
        ("MERGE_OBJECTS", "hubspot.ticket.creation"),
    ],
)
def test_only_a_ticket_that_the_team_did_not_make_is_thanked_for(source, kind):
    assert parse(sample("ticket_creation") | {"changeSource": source}).kind == kind


@pytest.mark.parametrize(
    ("name", "value", "kind", "status"),
    [
        ("hs_pipeline_stage", "1", "ticket.updated", "new"),
        ("hs_pipeline_stage", "2", "ticket.updated", "pending"),
        ("hs_pipeline_stage", "3", "ticket.updated", "open"),
        ("hs_pipeline_stage", "4", "ticket.solved", "solved"),
        ("hs_pipeline_stage", 4, "ticket.solved", "solved"),
        ("hs_pipeline_stage", "40", "hubspot.ticket.propertychange", None),
        ("hs_pipeline_stage", "", "hubspot.ticket.propertychange", None),
        ("hs_pipeline_stage", None, "hubspot.ticket.propertychange", None),
        ("closed_date", "1795707010118", "ticket.solved", "solved"),
        ("closed_date", "", "ticket.reopened", "open"),
        ("closed_date", None, "ticket.reopened", "open"),
        ("subject", "4", "hubspot.ticket.propertychange", None),
        (None, None, "hubspot.ticket.propertychange", None),
    ],
)
def test_a_changed_property_is_what_it_is_and_became(name, value, kind, status):
    event = parse(sample("ticket_stage_closed") | {"propertyName": name, "propertyValue": value})
    assert (event.kind, event.ticket.status) == (kind, status)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("CRM_UI", "ticket.solved"),
        ("CRM_UI_BULK_ACTION", "ticket.solved"),
        ("AUTOMATION_PLATFORM", "ticket.solved"),
        (None, "ticket.solved"),
        # Ten thousand tickets of last year, with the dates on which they were closed.
        ("IMPORT", "hubspot.ticket.propertychange"),
        ("MIGRATION", "hubspot.ticket.propertychange"),
        ("MERGE_OBJECTS", "hubspot.ticket.propertychange"),
    ],
)
@pytest.mark.parametrize("name", ["ticket_closed_date", "ticket_stage_closed"])
def test_nobody_is_told_of_what_an_import_or_a_merger_writes_down(name, source, kind):
    assert parse(sample(name) | {"changeSource": source}).kind == kind


@pytest.mark.parametrize(
    ("topic", "number", "kind"),
    [
        ("object.creation", "0-5", "ticket.created"),
        ("object.creation", "0-1", "hubspot.contact.creation"),
        ("object.creation", "2-3801", "hubspot.object.creation"),
        ("object.creation", None, "hubspot.object.creation"),
        ("deal.creation", "0-5", "hubspot.deal.creation"),
        ("contact.propertyChange", None, "hubspot.contact.propertychange"),
    ],
)
def test_the_number_of_a_type_is_its_name(topic, number, kind):
    assert parse(sample("ticket_creation") | {"subscriptionType": topic, "objectTypeId": number}).kind == kind


def test_another_attempt_is_the_same_event():
    for name in ("ticket_creation", "ticket_stage_waiting", "ticket_closed_date", "unknown_topic"):
        again = parse(sample(name) | {"attemptNumber": 3, "subscriptionId": 1})
        assert again.identity == parse(sample(name)).identity is not None


def test_stage_and_date_of_one_closing_are_one_event_and_two_closings_are_two():
    stage, date = parse(sample("ticket_stage_closed")), parse(sample("ticket_closed_date"))
    assert stage.identity == date.identity == "ticket.solved:ticket:21904418203:2026-11-26T15:30Z"
    later = sample("ticket_stage_closed")
    assert parse(later | {"occurredAt": later["occurredAt"] + 3_600_000}).identity != stage.identity


@pytest.mark.parametrize("time", [None, "", "soon", -1, 1, 10**15, 10**18, 1.5, True, "2026-11-25"])
def test_a_time_that_is_none_is_that_of_receipt(time):
    assert parse(sample("ticket_stage_closed") | {"occurredAt": time}).occurred_at == NOW


# --- look-ups --------------------------------------------------------------------------------------------------------


def test_the_ticket_leads_to_its_contact_and_a_mobile_comes_first():
    recorded = load("hubspot")["ticket_creation"].lookups
    half = SOURCE.absorb(parse(sample("ticket_creation")), recorded["ticket"])
    assert half.ticket.subject == "Only one pair of socks in the parcel"
    assert half.ticket.comment.startswith("Hi there, my order #4182")
    assert half.lookup == Lookup(what="contact", id="88120455301")
    customer = SOURCE.absorb(half, recorded["contact"]).customer
    assert (customer.name, customer.first_name, customer.locale) == ("Maya Thompson", "Maya", "en")
    assert [one.number for one in customer.phones] == ["+1 212-555-0123", "(212) 555-0199"]
    assert customer.phone == "+1 212-555-0123"


def test_what_the_customer_wrote_at_first_is_nobodys_answer():
    recorded = load("hubspot")["ticket_stage_closed"].lookups["ticket"]
    assert SOURCE.absorb(parse(sample("ticket_stage_closed")), recorded).ticket.comment is None


def test_the_status_that_an_event_told_is_not_that_of_the_moment_of_asking():
    recorded = load("hubspot")["ticket_creation"].lookups["ticket"]
    recorded = recorded | {"properties": {"hs_pipeline_stage": "4"}}
    assert SOURCE.absorb(parse(sample("ticket_creation")), recorded).ticket.status == "new"


@pytest.mark.parametrize(
    "associations",
    [None, {}, {"contacts": None}, {"contacts": {"results": []}}, {"contacts": {"results": [None, {"id": ""}]}}],
)
def test_a_ticket_without_a_contact_has_nobody_to_ask_for(associations):
    found = {"properties": {"subject": "Socks"}, "associations": associations}
    event = SOURCE.absorb(parse(sample("ticket_creation")), found)
    assert (event.ticket.subject, event.lookup) == ("Socks", None)


def test_the_template_on_the_set_up_page_loads():
    page = (Path(__file__).parents[1] / "docs/hubspot.md").read_text("utf-8")
    template = read_template(page.split("```\n")[1], "templates/repair_ready.txt")
    assert template.events == frozenset({"hubspot.ticket.propertychange"})
