"""Carriers find whose parcel it is by what shops told before; nobody is texted twice about one. On both databases."""

import json
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from conftest import wait_until
from office import Office
from sqlalchemy import event as sql_event
from sqlalchemy import text as text_of_sql

from bridge import joining, pipeline, sources
from bridge.compose import Template, read_template
from bridge.connections import Account, Connection
from bridge.errors import StoreUnavailable
from bridge.events import Customer, Delivery, Event, Order, Parsed, PhoneCandidate, Shipment
from bridge.messages import Deferred, Processed
from bridge.reasons import Reason
from bridge.route import Route, routes
from bridge.schemes import Hmac
from bridge.sighting import (
    Find,
    Sighting,
    are_different,
    are_two_people,
    number_of,
    order_keys,
)
from bridge.sighting_json import from_json, to_json
from bridge.sources import Source
from bridge.sources._reading import identity_of
from bridge.sources.samples import Sample, load
from bridge.store import sightings
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.tables import sightings as table
from bridge.trying import rehearsal
from bridge.trying.rehearsal import Rehearsal, Stage

NUMBER = "9400111899562537866543"
ORDER_ID = "5728193046127345821"
MAYA = "+12125550123"
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SHIPPED = "---\nevent: order.shipped\n---\n{{ customer.first_name }}, {{ order.name }} is on its way."
COMING = "---\nevent: order.out_for_delivery\n---\n{{ customer.first_name }}, {{ order.name }} comes today."


def _parse(delivery: Delivery) -> Parsed:
    """What a carrier knows: a kind, a number, perhaps an order and a phone."""
    body = json.loads(delivery.body)
    phones = (PhoneCandidate(number=body["phone"]),) if body.get("phone") else ()
    return (
        Event(
            kind=body["kind"],
            source="parcels",
            connection=delivery.connection,
            occurred_at=delivery.received_at,
            identity=identity_of(body["kind"], f"carrier-{body.get('id', 1)}"),
            customer=Customer(phone=body.get("phone"), phones=phones, email=body.get("email")),
            order=Order(id=body.get("order"), name=body.get("name")),
            shipment=Shipment(tracking_number=body.get("number"), carrier="USPS", tracking_url="https://t.example/1"),
            raw=body,
        ),
    )


CARRIER = Source(
    name="parcels",
    title="Parcels",
    kinds=frozenset({"order.shipped", "order.out_for_delivery"}),
    headers=frozenset({"x-signature"}),
    scheme=Hmac(header="x-signature"),
    delivery_key=lambda _: None,
    parse=_parse,
    joins=True,
)


@pytest.fixture
def shop(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office with a shop and a carrier."""
    known = {**sources.discover(), "parcels": CARRIER}
    monkeypatch.setattr(sources, "discover", lambda: known)
    monkeypatch.setattr(sources, "find", known.__getitem__)
    office.set(PARCELS_SECRETS="p")
    office.write_template("shipped", SHIPPED)
    office.write_template("coming", COMING)
    (office.folder / "placed.txt").unlink()
    return office


def tell(office: Office, kind: str = "order.shipped", connection: str = "parcels", **values: object) -> int:
    """The carrier's webhook, as the web process takes it."""
    route = routes(office.settings)[connection]
    body = json.dumps({"kind": kind, "number": NUMBER, **values}).encode()
    now = datetime.now(UTC)
    unsigned = Delivery(connection=connection, headers={}, body=body, received_at=now)
    delivery = replace(unsigned, headers=route.source.sign(unsigned, route.secrets[0], now=now))
    assert pipeline.accept(delivery, route, Inbox(office.database)).is_new
    return int(office.deliveries()[-1]["id"])


def settle(office: Office) -> list[tuple[str, str | None, str | None]]:
    """Wait until every delivery is through and nothing is on its way; body, recipient and reason of each message."""
    wait_until(
        lambda: (
            all(row["state"] != "stored" for row in office.deliveries())
            and not {"queued", "sending"} & set(office.states())
        ),
        f"all is through: {office.deliveries()}",
        20,
    )
    return [(row["body"], row["to"], row["reason"]) for row in office.messages()]


def rows(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(table.select()))


ON_ITS_WAY = ("Maya, #4182 is on its way.", MAYA, None)
TODAY = ("Maya, #4182 comes today.", MAYA, None)


# --- finding the person ----------------------------------------------------------------------------------------------


def test_a_carrier_finds_the_person_by_the_tracking_number_a_shop_told(shop: Office) -> None:
    shop.receive("shopify", "fulfillments_create")
    shop.start()
    settle(shop)
    tell(shop, "order.out_for_delivery", number="9400 1118 9956 2537 8665 43")
    assert settle(shop) == [ON_ITS_WAY, TODAY]
    assert shop.messages()[1]["identity"] == "order.out_for_delivery:4619028375510928374"


@pytest.mark.parametrize(
    "words", [{"order": ORDER_ID}, {"name": "#4182"}, {"name": "4182"}, {"name": "# 4182 "}], ids=str
)
def test_a_carrier_finds_the_person_by_the_order_a_shop_told(shop: Office, words: dict[str, str]) -> None:
    shop.receive("shopify", "orders_create")
    shop.start()
    settle(shop)
    tell(shop, **words)
    assert settle(shop) == [ON_ITS_WAY]


def test_a_parcel_told_without_a_phone_is_joined_by_its_order(shop: Office) -> None:
    (shop.folder / "shipped.txt").unlink()
    shop.receive("shopify", "orders_create")
    shop.receive("shopify", "fulfillments_create", **{"destination.phone": None, "email": None})
    shop.start()
    settle(shop)
    tell(shop, "order.out_for_delivery")
    assert settle(shop) == [TODAY]


@pytest.mark.parametrize("values", [{"number": "12345678"}, {"number": "PENDING"}, {"number": None}, {"order": "7"}])
def test_without_a_shop_to_wait_for_a_parcel_that_nobody_told_of_is_skipped_at_once(
    shop: Office, values: dict[str, object]
) -> None:
    shop.set(SHOPIFY_SECRETS=None, ZENDESK_SECRETS=None)
    tell(shop, **values)
    shop.start()
    assert settle(shop) == [(None, None, "shipment_unknown")]


def test_a_carrier_that_is_faster_than_the_shop_waits_for_it(shop: Office) -> None:
    tell(shop)
    shop.start()
    waiting = shop.wait_for_delivery(waiting_for="shipment")
    assert waiting["state"] == "stored"
    shop.receive("shopify", "fulfillments_create")
    assert settle(shop) == [ON_ITS_WAY]
    assert shop.deliveries()[0]["reason"] == "already_texted"


def test_a_carrier_waits_no_longer_than_two_minutes(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.joining._AWAITED_FOR", timedelta(seconds=1))
    tell(shop)
    shop.start()
    shop.wait_for_delivery(waiting_for="shipment")
    assert settle(shop) == [(None, None, "shipment_unknown")]


def test_a_carrier_with_a_phone_of_its_own_waits_for_nobody(shop: Office) -> None:
    shop.write_template("shipped", "---\nevent: order.shipped\n---\nOn its way.")
    tell(shop, phone=MAYA)
    shop.start()
    assert settle(shop) == [("On its way.", MAYA, None)]


def test_two_brands_do_not_mix(shop: Office) -> None:
    shop.set(PARCELS_ATTENTIVE_API_TOKEN="token-b", PARCELS_ATTENTIVE_BRAND="Other")
    shop.receive("shopify", "fulfillments_create")
    shop.start()
    settle(shop)
    tell(shop)
    assert settle(shop) == [ON_ITS_WAY, (None, None, "shipment_unknown")]


def test_an_order_name_of_two_peoples_orders_finds_neither(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.joining._AWAITED_FOR", timedelta(0))
    shop.set(CONNECTIONS="east=shopify,west=shopify,parcels=parcels", EAST_SECRETS="e", WEST_SECRETS="w")
    shop.receive("east", "orders_create")
    others = {"id": 99, "email": "ben@example.com", "contact_email": "ben@example.com", "customer": None, "phone": None}
    others |= {"shipping_address.phone": "(212) 555-0177", "billing_address.phone": None}
    shop.receive("west", "orders_create", **others)
    shop.start()
    settle(shop)
    tell(shop, name="4182")
    assert settle(shop) == [(None, None, "shipment_unknown")]
    assert "More than one" in shop.messages()[0]["detail"]
    tell(shop, order=ORDER_ID, id=2)
    assert settle(shop)[1:] == [ON_ITS_WAY]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ({"name": "#4182"}, False),
        # Shops that count their orders have such ids.
        ({"order": "4182"}, False),
        ({"order": "4182", "name": "#4182", "email": "ben@example.com"}, False),
        ({"name": "#4182", "email": "MAYA.thompson@example.com"}, True),
        ({"name": "#4182", "phone": "212-555-0123"}, True),
        ({"order": ORDER_ID}, True),
        ({"order": ORDER_ID, "name": "#4182"}, True),
    ],
    ids=str,
)
def test_where_two_shops_count_their_orders_a_number_alone_finds_nobody(
    shop: Office, monkeypatch: pytest.MonkeyPatch, words: dict[str, str], is_found: bool
) -> None:
    """The other shop may have an order 4182 too, of the days before it was connected."""
    monkeypatch.setattr("bridge.joining._AWAITED_FOR", timedelta(0))
    shop.set(CONNECTIONS="east=shopify,west=woocommerce,parcels=parcels", EAST_SECRETS="e", WEST_SECRETS="w")
    shop.write_template("shipped", "---\nevent: order.shipped\n---\n{{ order.name }} is on its way.")
    told_of = ("west", "order_created") if words.get("order") == "4182" else ("east", "orders_create")
    shop.receive(*told_of)
    shop.start()
    settle(shop)
    tell(shop, **words)
    ((_, to, reason),) = settle(shop)
    assert (to, reason) == ((MAYA, None) if is_found else (None, "shipment_unknown"))
    if not is_found:
        assert "More than one shop" in shop.messages()[0]["detail"] or "email" in words


def test_of_two_shops_the_one_that_told_of_the_parcel_tells_of_its_order(
    shop: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.joining._AWAITED_FOR", timedelta(0))
    shop.set(CONNECTIONS="east=shopify,west=woocommerce,parcels=parcels", EAST_SECRETS="e", WEST_SECRETS="w")
    shop.write_template("coming", "---\nevent: order.out_for_delivery\n---\n{{ order.name }} comes today.")
    shop.receive("west", "order_created", **{"billing.phone": "(212) 555-0177", "billing.email": "ben@example.com"})
    shop.start()
    settle(shop)
    # A parcel without a person: its order is asked for by its name, which Ben's has too.
    shop.receive("east", "fulfillments_create", email=None, destination=None, order_id=None)
    settle(shop)
    tell(shop, "order.out_for_delivery")
    settle(shop)
    assert [(row["to"], row["reason"]) for row in shop.messages() if row["template"] == "coming"] == [
        (None, "no_phone")
    ]


def test_a_carriers_own_word_of_another_person_is_no_match(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.joining._AWAITED_FOR", timedelta(0))
    shop.receive("shopify", "orders_create")
    shop.start()
    settle(shop)
    tell(shop, name="4182", email="ben@example.com")
    assert settle(shop) == [(None, None, "shipment_unknown")]


def test_with_a_retention_of_zero_nothing_is_kept_and_nothing_waits(shop: Office) -> None:
    shop.set(RETAIN_SIGHTINGS="0")
    shop.receive("shopify", "fulfillments_create")
    tell(shop)
    shop.start()
    assert sorted(settle(shop), key=str) == sorted([ON_ITS_WAY, (None, None, "shipment_unknown")], key=str)
    assert rows(shop.database) == []


# --- once ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop_first", [True, False])
def test_a_parcel_that_shop_and_carrier_tell_of_is_texted_once(shop: Office, shop_first: bool) -> None:
    shop.receive("shopify", "orders_create")
    shop.start()
    settle(shop)
    tellers = [lambda: shop.receive("shopify", "fulfillments_create"), lambda: tell(shop, order=ORDER_ID)]
    for teller in tellers if shop_first else reversed(tellers):
        teller()
        settle(shop)
    assert settle(shop) == [ON_ITS_WAY]
    assert shop.deliveries()[-1]["reason"] == "already_texted"
    # And all that follows, whoever tells it.
    tell(shop, "order.out_for_delivery", id=2)
    settle(shop)
    shop.receive("shopify", "fulfillments_update_out_for_delivery")
    assert settle(shop) == [ON_ITS_WAY, TODAY]


def test_a_carrier_with_a_phone_of_its_own_and_a_shop_text_once(shop: Office) -> None:
    shop.write_template("shipped", "---\nevent: order.shipped\n---\nOn its way.")
    tell(shop, phone=MAYA)
    shop.start()
    settle(shop)
    shop.receive("shopify", "fulfillments_create")
    assert settle(shop) == [("On its way.", MAYA, None)]


def test_two_workers_with_shop_and_carrier_at_the_same_moment_text_once(shop: Office) -> None:
    shop.receive("shopify", "orders_create")
    worker = shop.start("first")
    settle(shop)
    both_have_looked = threading.Barrier(2)
    looks: list[object] = []

    def look_at_the_same_moment(worker: Any) -> None:
        for name, route in worker.routes.items():
            worker.routes[name] = replace(route, find=_together(route.find, both_have_looked, looks))

    look_at_the_same_moment(worker)
    shop.start("second", look_at_the_same_moment)
    shop.receive("shopify", "fulfillments_create")
    tell(shop, order=ORDER_ID)
    assert settle(shop) == [ON_ITS_WAY]
    assert len(looks) == 3  # the second one to write it down looked again
    assert sorted(row["reason"] or "" for row in shop.deliveries()[-2:]) == ["", "already_texted"]


def _together(find: Find, barrier: threading.Barrier, looks: list[object]) -> Find:
    def found(account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
        known = find(account, keys)
        looks.append(known)
        if len(looks) <= 2:
            barrier.wait(10)
        return known

    return found


def test_two_orders_of_one_shop_in_one_box_are_both_told_by_the_shop(shop: Office) -> None:
    shop.start()
    shop.receive("shopify", "fulfillments_create")
    settle(shop)
    shop.receive("shopify", "fulfillments_create", id=77, order_id=78, name="#4183.1")
    told = settle(shop)
    assert sorted(told) == [ON_ITS_WAY, ("Maya, #4183 is on its way.", MAYA, None)]
    tell(shop)
    assert settle(shop) == told


def test_a_shop_that_gives_all_its_parcels_one_number_tells_each_of_them(shop: Office) -> None:
    shop.start()
    number = {"tracking_number": "LOCAL-0001", "tracking_numbers": ["LOCAL-0001"]}
    for order, phone in enumerate([MAYA, "+12125550155", MAYA, MAYA], 4182):
        values = {"id": order, "order_id": order, "name": f"#{order}.1", "destination.phone": phone}
        shop.receive("shopify", "fulfillments_create", **number, **values, email=f"{phone[1:]}@example.com")
        settle(shop)
    assert [(body, to) for body, to, _ in settle(shop)] == [
        ("Maya, #4182 is on its way.", MAYA),
        ("Maya, #4183 is on its way.", "+12125550155"),
        ("Maya, #4184 is on its way.", MAYA),
        ("Maya, #4185 is on its way.", MAYA),
    ]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_what_was_not_committed_with_its_delivery_is_not_kept(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.store import recording

    real, broken = recording.processed, threading.Event()

    def processed(*arguments: Any, **named: Any) -> Any:
        if not broken.is_set():
            broken.set()
            raise StoreUnavailable("gone")
        assert rows(shop.database) == []
        return real(*arguments, **named)

    monkeypatch.setattr(recording, "processed", processed)
    shop.receive("shopify", "fulfillments_create")
    shop.start()
    assert settle(shop) == [ON_ITS_WAY]
    assert len(rows(shop.database)) == 3


def test_a_database_that_does_not_answer_a_question_is_asked_again(shop: Office) -> None:
    shop.receive("shopify", "orders_create")
    shop.start()
    settle(shop)
    shop.stop()
    asked: list[object] = []

    def fail_once(worker: Any) -> None:
        find = worker.routes["parcels"].find

        def found(account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
            asked.append(keys)
            if len(asked) == 1:
                raise StoreUnavailable("gone")
            return find(account, keys)  # type: ignore[no-any-return]

        worker.routes["parcels"] = replace(worker.routes["parcels"], find=found)

    tell(shop, order=ORDER_ID)
    shop.start(change=fail_once)
    assert settle(shop) == [ON_ITS_WAY]


def test_keys_are_hashed_and_a_parcel_has_no_address_and_no_lines(shop: Office) -> None:
    shop.receive("shopify", "orders_fulfilled")
    shop.start()
    settle(shop)
    found = rows(shop.database)
    assert len(found) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", row.key) for row in found)
    for row in found:
        assert "Bergen" not in row.known
        assert "Sweater" not in row.known
        assert json.loads(row.known)["customer"]["first_name"] == "Maya"


def sighting(**values: Any) -> Sighting:
    known: dict[str, Any] = {"account": "attentive", "key": f"tracking:{NUMBER}", "connection": "shopify"}
    return Sighting(**known | values)


def test_what_is_too_old_is_forgotten_in_batches_and_the_rest_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "_FORGOTTEN_AT_ONCE", 2)
    with database.write() as connection:
        sightings.write(connection, [sighting(key=f"order:{one}") for one in range(3)], NOW - timedelta(days=91))
        sightings.write(connection, [sighting(key="order:3")], NOW - timedelta(days=89))
        assert [sightings.forget(connection, NOW, 90) for _ in range(3)] == [2, 1, 0]
        assert set(sightings.find(connection, "attentive", [f"order:{one}" for one in range(4)])) == {"order:3"}


def test_an_identity_that_was_written_first_stays(database: Database) -> None:
    with database.write() as connection:
        sightings.write(connection, [sighting(identity="4619")], NOW)
        sightings.write(connection, [sighting(identity="parcel:1")], NOW)
        (found,) = sightings.find(connection, "attentive", [f"tracking:{NUMBER}"]).values()
    assert found.identity == "4619"


def test_no_statement_goes_through_the_whole_table(database: Database) -> None:
    plans: list[str] = []
    is_sqlite = database.is_sqlite

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "DELETE")) and not many:
            cursor.execute(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement, values)
            plans.extend(str(row[-1]) for row in cursor.fetchall())

    with database.write() as connection:
        sightings.write(connection, [sighting()], NOW - timedelta(days=100))
        if not is_sqlite:
            connection.execute(text_of_sql("SET LOCAL enable_seqscan = off"))
        sql_event.listen(connection.engine, "before_cursor_execute", explain)
        try:
            sightings.find(connection, "attentive", [f"tracking:{NUMBER}", "order:1"])
            sightings.forget(connection, NOW, 90)
        finally:
            sql_event.remove(connection.engine, "before_cursor_execute", explain)
    assert [line for line in plans if re.search("SCAN sightings(?! USING)|Seq Scan on sightings", line)] == []
    for index in ("ix_sightings_seen_at", "sqlite_autoindex_sightings" if is_sqlite else "pk_sightings"):
        assert any(index in line for line in plans), plans


# --- the rules, without a database -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (NUMBER, NUMBER),
        ("9400 1118 9956 2537 8665 43", NUMBER),
        ("1z-999aa1 0123456784", "1Z999AA10123456784"),
        ("PENDING", None),
        ("n/a", None),
        ("12345", None),
        ("", None),
        (None, None),
    ],
)
def test_a_tracking_number_is_read_whoever_writes_it(written: str | None, number: str | None) -> None:
    assert number_of(written) == number


def test_an_orders_name_is_found_with_and_without_its_sign() -> None:
    assert order_keys(Order(id="1", name="#JP 4182")) == ("order:1", "order_name:jp4182")
    assert order_keys(Order()) == order_keys(Order(name=" # ")) == ()


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        (Order(id="1"), Order(id="1", name="#2"), False),
        (Order(id="1", name="#1"), Order(id="2", name="#1"), True),
        (Order(id="1", name="#1"), Order(name="1"), False),
        (Order(id="1", name="#1"), Order(name="#2"), True),
        (Order(id="1"), Order(name="#2"), False),
        (Order(), Order(), False),
    ],
)
def test_two_orders_of_a_shop_are_told_apart(one: Order, other: Order, different: bool) -> None:
    assert are_different(one, other) == are_different(other, one) == different


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (Customer(phone="(212) 555-0123"), Customer(phone=MAYA), False),
        (Customer(phone=MAYA), Customer(phone="+12125550177"), True),
        (Customer(phone=MAYA, email="a@x.example"), Customer(phone="+12125550177", email="A@x.example"), False),
        (Customer(email="a@x.example"), Customer(email="b@x.example"), True),
        (Customer(email="a@x.example"), Customer(phone=MAYA), False),
        (Customer(name="Maya"), Customer(name="Ben"), False),
    ],
)
def test_two_people_are_told_apart_by_what_both_have(one: Customer, other: Customer, two: bool) -> None:
    assert are_two_people(one, other) == are_two_people(other, one) == two


MAYAS = Customer(name="Maya Thompson", phone=MAYA, email="maya.thompson@example.com")
BENS = Customer(name="Ben", phone="+12125550177", email="ben@example.com")


@pytest.mark.parametrize(
    ("known", "new", "name", "shared"),
    [
        (sighting(customer=MAYAS), sighting(), "Maya Thompson", False),
        (sighting(customer=MAYAS), sighting(customer=replace(MAYAS, name="M. Lee")), "M. Lee", False),
        (sighting(customer=MAYAS), sighting(customer=BENS), "Ben", False),
        (sighting(customer=MAYAS), sighting(customer=replace(MAYAS, name="M"), connection="o"), "Maya Thompson", False),
        (sighting(customer=MAYAS), sighting(customer=BENS, connection="other"), None, True),
        (sighting(key="order:1", customer=MAYAS), sighting(key="order:1", customer=BENS), "Ben", False),
        (sighting(key="order:1", customer=MAYAS), sighting(key="order:1", customer=BENS, connection="o"), None, True),
        (sighting(key="order:1", customer=MAYAS), sighting(key="order:1", connection="other"), None, True),
        (sighting(customer=MAYAS), sighting(connection="other"), "Maya Thompson", False),
    ],
)
def test_what_is_known_meets_what_is_new(known: Sighting, new: Sighting, name: str | None, shared: bool) -> None:
    met = joining.meet(replace(known, identity="4619"), replace(new, identity="other"))
    assert (met.customer.name, met.is_shared, met.identity) == (name, shared, "4619")
    assert not (shared and (met.customer.phones or met.customer.phone))


def test_what_is_known_survives_the_database() -> None:
    whole = sighting(
        identity="4619",
        customer=replace(MAYAS, phones=(PhoneCandidate(number=MAYA, where="shipping"),), time_zones=("US/Eastern",)),
        order=Order(id="1", name="#1", total=Decimal("143.00"), currency="USD", created_at=NOW, test=True),
        shipment=Shipment(id="4619", carrier="USPS", tracking_number=NUMBER, tracking_url="https://t.example"),
    )
    for one in (whole, sighting(is_shared=True), sighting()):
        assert from_json(to_json(one), account=one.account, key=one.key, identity=one.identity) == one
    assert str(from_json(to_json(whole), account="a", key="k", identity=None).order.total) == "143.00"


def route_of(source: str, known: Sighting | None = None, *, is_live: bool = False) -> Route:
    def find(_account: str, keys: Collection[str]) -> Mapping[str, Sighting]:
        return {known.key: known} if known and known.key in keys else {}

    return Route(
        connection=Connection(name=source, source=source, secrets=("s",)),
        source=CARRIER if source == "parcels" else sources.discover()[source],
        account=Account(name="attentive"),
        allowed_regions=frozenset({"US"}),
        is_live=is_live,
        sending="on",
        find=find,
    )


def process(delivery: Delivery, route: Route, body: str = SHIPPED) -> Processed:
    result = pipeline.process(delivery, route, [template(body)], NOW)
    assert not isinstance(result, Deferred)
    return result


def template(body: str) -> Template:
    return read_template(body, "shipped.txt")


def carriers(**values: object) -> Delivery:
    body = json.dumps({"kind": "order.shipped", "number": NUMBER, **values}).encode()
    return Delivery(connection="parcels", headers={}, body=body, received_at=NOW)


def shops(name: str = "fulfillments_create") -> Delivery:
    sample = load("shopify")[name]
    return Delivery(connection="shopify", headers=sample.headers, body=sample.body, received_at=NOW)


def test_what_a_carrier_tells_of_a_test_order_is_a_test() -> None:
    number = PhoneCandidate(number="+12124567890")
    known = sighting(customer=replace(MAYAS, first_name="Maya", phone=number.number, phones=(number,)),
                     order=Order(name="#1", test=True))  # fmt: skip
    (draft,) = process(carriers(), route_of("parcels", known, is_live=True)).drafts
    assert (draft.state, draft.reason.code if draft.reason else None) == ("skipped", "test_order")


def test_a_webhook_that_could_not_be_verified_leaves_nothing() -> None:
    genuine, forged = shops(), replace(shops(), unverified="other_secret")
    assert len(process(genuine, route_of("shopify")).sightings) == 3
    assert process(forged, route_of("shopify")).sightings == ()


def test_a_checkout_is_not_remembered() -> None:
    for name, sample in load("shopify").items():
        kinds = sample.expect.get("events", [])
        found = process(shops(name), route_of("shopify"))
        if not any(str(kind).startswith("order.") for kind in kinds):  # type: ignore[attr-defined]
            assert found.sightings == (), name


def test_the_most_that_a_look_up_found_is_remembered() -> None:
    sample = load("shopify")["fulfillments_create"]
    route = replace(route_of("shopify"), fetch=lambda lookup: sample.lookups[lookup.what])
    found = process(shops(), route, "---\nevent: order.shipped\n---\n{{ order.total }}")
    kept = [one for one in found.sightings if one.key == f"order:{ORDER_ID}"]
    assert [str(one.order.total) for one in kept] == ["None", "143.04"]


def test_the_shops_words_for_the_person_and_the_carriers_for_the_parcel_count() -> None:
    known = sighting(
        customer=replace(MAYAS, first_name="Maya"),
        order=Order(id=ORDER_ID, name="#4182"),
        shipment=Shipment(id="4619", carrier="usps", tracking_number=NUMBER),
        identity="4619",
    )
    (event,) = _parse(carriers(name="4182", phone="2125550123"))
    joined = joining.join(event, route_of("parcels", known))
    assert joined.event.order.name == "#4182"
    assert (joined.event.shipment.carrier, joined.event.shipment.id) == ("USPS", "4619")
    assert (joined.event.customer.first_name, joined.event.customer.phone) == ("Maya", MAYA)
    assert joined.event.identity == "order.shipped:4619"
    assert joined.reason is None


def test_a_second_teller_takes_over_the_identity_and_the_number_but_no_strangers_number() -> None:
    delivery = shops()
    (event,) = sources.discover()["shopify"].parse(delivery)  # type: ignore[misc]
    first = PhoneCandidate(number="+12125550155", where="order")
    for email, phone in [("maya.thompson@example.com", "+12125550155"), ("ben@example.com", "(212) 555-0123")]:
        known = sighting(
            connection="parcels",
            identity="parcel:1",
            customer=Customer(email=email, phone=first.number, phones=(first,)),
        )
        joined = joining.join(event, route_of("shopify", known)).event
        assert (joined.identity, joined.customer.phone) == ("order.shipped:parcel:1", phone)


def test_a_parcel_whose_event_has_no_identity_is_told_apart_by_its_number() -> None:
    (event,) = sources.discover()["shopify"].parse(shops())  # type: ignore[misc]
    for identity in (None, "sha256:1234"):
        bare = replace(event, identity=identity)
        told = [bare, replace(bare, order=Order(id="another")), replace(bare, order=Order())]
        one, another, no_order = (joining.join(each, route_of("shopify")).event.identity for each in told)
        # Two orders in one box are two texts, whoever tells first.
        assert no_order == f"order.shipped:parcel:{NUMBER}"
        assert one.startswith(f"{no_order}:")
        assert another.startswith(f"{no_order}:")
        assert one != another
        known = sighting(connection="parcels", identity=f"parcel:{NUMBER}")
        assert joining.join(bare, route_of("shopify", known)).event.identity == no_order
    nameless = replace(event, identity=None, shipment=Shipment())
    assert joining.join(nameless, route_of("shopify")).event == nameless


def test_only_a_young_webhook_waits_and_only_for_shops_that_are_there() -> None:
    waits = replace(route_of("parcels"), awaits_shops=True)
    late = replace(carriers(), received_at=NOW - timedelta(minutes=2))
    told = [
        (pipeline.process(delivery, route, [template(SHIPPED)], NOW), waits_for)
        for delivery, route, waits_for in [
            (replace(carriers(), attempts=1), waits, "shipment"),
            (late, waits, None),
            (carriers(), route_of("parcels"), None),
            (carriers(), replace(waits, find=None), None),
            (carriers(kind="order.delivered"), waits, None),
        ]
    ]
    assert [getattr(result, "waiting_for", None) for result, _ in told] == [waits_for for _, waits_for in told]
    assert isinstance(told[0][0], Deferred)
    assert told[0][0].due == NOW + timedelta(seconds=2)


def test_a_rehearsal_knows_what_is_recorded_with_the_sample_and_waits_for_nothing() -> None:
    known = {
        "identity": 4619,
        "customer": {"first_name": "Maya", "phones": [{"number": MAYA, "country": "US", "where": "shipping"}]},
        "order": {"name": "#4182", "total": "143.04"},
    }
    sample = Sample(name="shipped", about="", headers={}, body=carriers().body, lookups={"sighting": known})
    stage = Stage(
        connection=Connection(name="parcels", source="parcels", secrets=()), source=CARRIER, account=Account(name="a")
    )
    (draft,) = process(carriers(), rehearsal.route_of(stage, sample)).drafts
    assert (draft.body, draft.to, draft.identity) == (*ON_ITS_WAY[:2], "order.shipped:4619")
    (draft,) = process(carriers(), rehearsal.route_of(stage, replace(sample, lookups={}))).drafts
    assert draft.reason == Reason(code="shipment_unknown")
    walk = Rehearsal(stage=stage, sample=sample, result=Processed())
    assert [(one.key, one.account) for one in rehearsal.recorded_sightings(walk)] == [(f"tracking:{NUMBER}", "parcels")]


@pytest.mark.parametrize(
    ("kind", "order", "teller", "identity"),
    [
        # A fulfilment that was made anew for the same parcel is no second parcel.
        ("order.shipped", ORDER_ID, "shopify", "order.shipped:1"),
        ("order.shipped", "another", "shopify", "order.shipped:4619028375510928374"),
        ("order.delivery_failed", ORDER_ID, "shopify", "order.delivery_failed:4619028375510928374"),
        ("order.delivery_failed", ORDER_ID, "parcels", "order.delivery_failed:1"),
        ("order.shipped", "another", "parcels", "order.shipped:1"),
    ],
)
def test_who_takes_over_the_identity_of_the_first_teller(kind: str, order: str, teller: str, identity: str) -> None:
    (event,) = sources.discover()["shopify"].parse(shops())  # type: ignore[misc]
    event = replace(event, kind=kind, identity=f"{kind}:4619028375510928374")
    known = sighting(connection=teller, identity="1", order=Order(id=order))
    assert joining.join(event, route_of("shopify", known)).event.identity == identity


@pytest.mark.parametrize(
    ("teller", "identity"), [("shopify", "order.shipped:4619028375510928374"), ("parcels", "order.shipped:1")]
)
def test_a_shops_own_number_of_two_people_tells_no_parcels_apart(teller: str, identity: str) -> None:
    (event,) = sources.discover()["shopify"].parse(shops())  # type: ignore[misc]
    known = sighting(connection=teller, identity="1", is_shared=True)
    assert joining.join(event, route_of("shopify", known)).event.identity == identity


def test_an_orders_other_parcel_is_not_mistaken_for_this_one() -> None:
    other = Shipment(id="1", tracking_number="9400111899562537866550")
    known = sighting(key="order:1", customer=MAYAS, order=Order(id="1"), shipment=other)
    (event,) = _parse(carriers(order="1"))
    joined = joining.join(event, route_of("parcels", known)).event
    assert (joined.shipment.tracking_number, joined.shipment.id, joined.customer.phone) == (NUMBER, None, MAYA)


# --- trying ----------------------------------------------------------------------------------------------------------

SHOPS_SAMPLES = [
    (source, sample)
    for source in sources.discover().values()
    for sample in load(source.name).values()
    if not source.joins and "order.shipped" in sample.expect.get("events", ())
]


@pytest.mark.parametrize(
    ("source", "sample"), SHOPS_SAMPLES, ids=[f"{source.name}-{sample.name}" for source, sample in SHOPS_SAMPLES]
)
def test_each_firing_of_a_shops_sample_tells_of_a_parcel_of_its_own(
    database: Database, source: Source, sample: Sample
) -> None:
    connection = Connection(name=source.name, source=source.name, secrets=())
    stage = Stage(connection=connection, source=source, account=Account(name="attentive"))
    route = replace(rehearsal.route_of(stage, sample), find=sightings.finder(database))
    template = read_template(SHIPPED.replace("{{ order.name }}", "It"), "shipped.txt")
    told: list[str | None] = []
    fired = sample
    for _ in range(2):
        fired = fired.refreshed()
        headers = {**fired.headers, **source.fresh_headers()}
        delivery = Delivery(connection=source.name, headers=headers, body=fired.body, received_at=NOW)
        result = pipeline.process(delivery, route, [template], NOW)
        assert isinstance(result, Processed)
        with database.write() as transaction:
            assert joining.keep(transaction, [(delivery, result)], NOW) == set()
        told += [draft.identity for draft in result.drafts]
    assert told
    assert len(set(told)) == len(told)
