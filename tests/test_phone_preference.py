"""Which of a person's numbers is texted, and what is told about the choice."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import phone
from bridge.compose import read_template
from bridge.connections import Account, Connection
from bridge.drafting import draft
from bridge.events import PLACES, Customer, Delivery, Event, PhoneCandidate, Place, Shipment
from bridge.messages import Draft
from bridge.policy import phones
from bridge.reasons import REASONS
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.sources import discover
from bridge.sources.samples import load
from bridge.trying import rehearsal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REAL = "+12125551234"
OTHER = "+14165550142"
ALLOWED = frozenset({"US", "CA", "GB"})


def record(number: str, country: str | None = None, where: Place = "customer") -> PhoneCandidate:
    return PhoneCandidate(number=number, country=country, where=where)


@pytest.mark.parametrize(
    ("numbers", "country", "chosen"),
    [
        ([record("(212) 555-1234", "US")], None, (REAL, "US")),
        ([record("555-555-SHIP", "US"), record("07400 123456", "GB")], None, ("+447400123456", "GB")),
        ([record("+33612345678"), record(REAL)], None, (REAL, "US")),
        ([record(REAL), record(OTHER)], None, (REAL, "US")),
        ([record("212-555-1234")], "US", (REAL, "US")),
        # each in the country of its own address
        (
            [record("07400 123456", "US", "order"), record("07400 123456", "GB", "billing")],
            "US",
            ("+447400123456", "GB"),
        ),
        # none can be texted: the first stays as it was written
        ([record("212-555-1234")], None, ("212-555-1234", None)),
        ([record("555-555-SHIP", "US"), record("nonsense", "US")], None, ("555-555-SHIP", "US")),
        ([], "US", (None, None)),
    ],
)
def test_the_first_number_that_can_be_texted_is_chosen(
    numbers: list[PhoneCandidate], country: str | None, chosen: tuple[str | None, str | None]
) -> None:
    choice = phones.choose(Customer(phones=tuple(numbers)), preference=PLACES, allowed=ALLOWED, country=country)
    assert (choice.customer.phone, choice.customer.country) == chosen


def test_a_customers_only_number_counts_where_no_candidates_are_listed() -> None:
    choice = phones.choose(Customer(phone="212-555-1234", country="US"), preference=PLACES, allowed=ALLOWED)
    assert (choice.customer.phone, choice.why) == (REAL, "customer")


EVERYWHERE = tuple(record(f"+1212555010{digit}", where=place) for digit, place in enumerate(PLACES))


@pytest.mark.parametrize(
    ("preference", "known", "place", "why"),
    [
        (PLACES, EVERYWHERE, "order", "order"),
        (("billing", "order"), EVERYWHERE, "billing", "billing"),
        (("default",), EVERYWHERE, "default", "default"),
        # a present: who gets it has ordered nothing
        (PLACES, EVERYWHERE[2:], "billing", "billing"),
        (("shipping", "customer"), EVERYWHERE[1:2], "customer", "customer"),
        # the places before it, each with what was wrong there
        (
            PLACES,
            (record("555-555-SHIP", where="order"), record("+33612345678"), *EVERYWHERE[2:]),
            "billing",
            "billing (order: phone_has_letters; customer: phone_region_not_allowed)",
        ),
        # several of one place, in the order of the record, each story once
        (
            ("customer",),
            (record("020 7946 0123", "GB"), record("020 7946 0124", "GB"), record("+12125550101")),
            "customer",
            "customer (customer: phone_cannot_receive_texts)",
        ),
    ],
)
def test_the_preference_decides_and_the_choice_is_told(
    preference: tuple[Place, ...], known: tuple[PhoneCandidate, ...], place: Place, why: str
) -> None:
    choice = phones.choose(Customer(phones=known), preference=preference, allowed=ALLOWED)
    assert choice.customer.phone == f"+1212555010{PLACES.index(place)}"
    assert choice.why == why


@pytest.mark.parametrize(
    ("preference", "known", "left", "why"),
    [
        (PLACES, (), None, None),
        (("order", "billing"), EVERYWHERE[3:], None,
         "none (shipping: not in PHONE_PREFERENCE; default: not in PHONE_PREFERENCE)"),
        (("shipping", "order"), (record("1", "US", "order"), record("555-555-SHIP", "US", "shipping")), "555-555-SHIP",
         "none (shipping: phone_has_letters; order: phone_unreadable)"),
        # a number that could be texted stands where nobody may look
        (("order",), (record("555-555-SHIP", "US", "order"), record(REAL, "US", "billing")), "555-555-SHIP",
         "none (order: phone_has_letters)"),
    ],
)  # fmt: skip
def test_without_a_number_that_can_be_texted_the_most_preferred_one_says_why(
    preference: tuple[Place, ...], known: tuple[PhoneCandidate, ...], left: str | None, why: str | None
) -> None:
    choice = phones.choose(Customer(phone=REAL, phones=known) if known else Customer(), preference=preference,
                           allowed=ALLOWED)  # fmt: skip
    assert (choice.customer.phone, choice.why) == (left, why)


def event(kind: str, *, shipment: str | None = None) -> Event:
    return Event(kind=kind, source="shopify", connection="shop", occurred_at=NOW, shipment=Shipment(id=shipment))


@pytest.mark.parametrize(
    ("kind", "shipment", "preference", "expected"),
    [
        ("order.shipped", None, PLACES, ("shipping", "order", "customer", "billing", "default")),
        ("order.out_for_delivery", "1", ("billing", "shipping"), ("shipping", "billing")),
        ("order.delivered", "1", ("billing", "shipping"), ("shipping", "billing")),
        ("order.delivery_failed", "1", ("billing", "shipping"), ("shipping", "billing")),
        ("shopify.fulfillments.update", "1", ("billing", "shipping"), ("shipping", "billing")),
        # shipping is not listed, or it is about no parcel
        ("order.shipped", "1", ("billing", "order"), ("billing", "order")),
        ("order.created", None, ("billing", "shipping"), ("billing", "shipping")),
        ("order.refunded", None, PLACES, PLACES),
        ("ticket.replied", None, PLACES, PLACES),
    ],
)
def test_about_a_parcel_the_number_of_its_address_comes_first(
    kind: str, shipment: str | None, preference: tuple[Place, ...], expected: tuple[Place, ...]
) -> None:
    assert phones.preference_for(event(kind, shipment=shipment), preference) == expected


# --- what reaches the draft --------------------------------------------------------------------------------------

SHOPIFY = discover()["shopify"]
ORDER: dict[str, Any] = json.loads(load("shopify")["orders_create"].body) | {"phone": "555-555-SHIP"}
ORDER["customer"] |= {"phone": "+12125550111"}
ORDER["billing_address"] |= {"phone": "07400 123456", "country_code": "GB"}
PARCEL: dict[str, Any] = json.loads(load("shopify")["fulfillments_create"].body)
PARCEL["destination"] |= {"phone": "+12125550122"}


def drafted(topic: str, body: dict[str, Any], front: str, *preference: Place) -> Draft:
    connection = Connection(name="shop", source="shopify", secrets=())
    delivery = Delivery(connection="shop", headers={"x-shopify-topic": topic}, body=json.dumps(body).encode(),
                        received_at=NOW)  # fmt: skip
    parsed = SHOPIFY.parse(delivery)
    assert isinstance(parsed, tuple)
    route = Route(
        connection=connection,
        source=SHOPIFY,
        account=Account(name="attentive"),
        allowed_regions=ALLOWED,
        is_live=False,
        sending="on",
        phone_preference=preference or PLACES,
        fetch=lambda _: {"order": ORDER},
    )
    template = read_template(f"---\nevent: {parsed[0].kind}\n{front}---\nHello", "templates/hello.txt")
    return draft(template, parsed[0], route, received_at=NOW, now=NOW)[0]


@pytest.mark.parametrize(
    ("preference", "front", "to", "why"),
    [
        ((), "", "+12125550111", "customer (order: phone_has_letters)"),
        (("billing", "customer"), "", "+447400123456", "billing"),
        (("order",), "", None, "none (order: phone_has_letters)"),
        ((), "to: raw.billing_address.phone\n", None, "the template's own `to`"),
        ((), """to: '"+14165550142"'\n""", "+14165550142", "the template's own `to`"),
    ],
)
def test_a_draft_tells_which_number_it_goes_to_and_why(
    preference: tuple[Place, ...], front: str, to: str | None, why: str
) -> None:
    made = drafted("orders/create", ORDER, front, *preference)
    assert (made.to, made.phone_why) == (to, why)


def test_a_parcels_own_number_comes_first_and_where_it_may_not_be_used_the_order_is_asked_for() -> None:
    parcel = drafted("fulfillments/create", PARCEL, "")
    assert (parcel.to, parcel.phone_why) == ("+12125550122", "shipping")
    looked_up = drafted("fulfillments/create", PARCEL, "", "order", "customer")
    assert (looked_up.to, looked_up.phone_why) == ("+12125550111", "customer (order: phone_has_letters)")


def test_what_is_told_of_a_whole_order_texts_the_parcels_number_too() -> None:
    order = ORDER | {"phone": "+12125550133", "fulfillments": [PARCEL]}
    told = drafted("orders/fulfilled", order, "")
    assert (told.to, told.phone_why) == ("+12125550122", "shipping")


def test_the_setting_reaches_every_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTIONS", "shop=shopify")
    monkeypatch.setenv("SHOP_SECRETS", "secret")
    monkeypatch.setenv("PHONE_PREFERENCE", "billing,order")
    settings = Settings.from_env(discover())
    assert routes(settings, looks_up=False)["shop"].phone_preference == ("billing", "order")
    assert {stage.phone_preference for stage in rehearsal.stages(settings)} == {("billing", "order")}


def test_a_number_that_stands_only_where_nobody_may_look_is_not_texted_and_the_reason_says_so() -> None:
    made = drafted("orders/create", ORDER | {"billing_address": None, "shipping_address": None}, "", "shipping")
    assert (made.state, made.to) == ("skipped", None)
    assert made.reason is not None
    assert made.reason.sentence.endswith("PHONE_PREFERENCE leaves out every place that has one.")


CANDIDATES = st.builds(
    record,
    st.sampled_from([REAL, OTHER, "555-555-SHIP", "+33612345678", "212-555-1234", "1", "020 7946 0123"]),
    st.sampled_from([None, "US", "GB"]),
    st.sampled_from(PLACES),
)


@given(known=st.lists(CANDIDATES, max_size=6), preference=st.lists(st.sampled_from(PLACES), min_size=1, unique=True))
def test_the_choice_is_never_worse_than_another_listed_number_and_never_tells_one(
    known: list[PhoneCandidate], preference: list[Place]
) -> None:
    choice = phones.choose(Customer(phones=tuple(known)), preference=preference, allowed=ALLOWED)
    listed = [one for one in known if one.where in preference]
    usable = [one for one in listed if phone.read(one.number, one.country, allowed=ALLOWED).allowed]
    place = (choice.why or "").split(" ")[0]
    if usable:
        assert place == min((one.where for one in usable), key=preference.index)
        assert choice.customer.phone in (REAL, OTHER)
    else:
        assert place == ("none" if known else "")
        assert choice.customer.phone in ({one.number for one in listed} or {None})
    told = set((choice.why or "").replace("(", "").replace(")", "").replace(";", "").replace(":", "").split())
    assert told <= {*PLACES, *REASONS, "none", "not", "in", "PHONE_PREFERENCE"}
