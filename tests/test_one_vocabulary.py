"""One template serves every platform: the same parcel is told in the same words, and once. Recorded samples."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from bridge import joining, pipeline, sources
from bridge.compose import TemplateFolder
from bridge.concluding import Done, conclude
from bridge.events import Delivery, Lookup
from bridge.holding_back import Caps
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.sources.samples import load
from bridge.store import processing, tables
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.trying import rehearsal

SHIPPED = TemplateFolder(Path(__file__).parent.parent / "templates")
MAYA = "+12125550123"
PAGE = "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"
ON_ITS_WAY = f"Good news, Maya! Order #4182 is on its way with USPS. Track it here: {PAGE}"

# --- the same words ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def texts() -> Mapping[str, tuple[str | None, str | None]]:
    """What `order_shipped` makes of each sample, and whom it goes to."""
    templates = [template for template in SHIPPED.current() if template.name == "order_shipped"]
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    stages = rehearsal.bare_stages("Juniper & Pine")
    walks = [walk for stage in stages for walk in rehearsal.rehearse(stage, templates, now)]
    return {walk.name: (draft.body, draft.to) for walk, draft in rehearsal.texts(walks)}


@pytest.mark.parametrize(
    "sample",
    [
        "shopify/fulfillments_create",
        "shopify/orders_fulfilled",
        "woocommerce/order_updated_shipped",
        "bigcommerce/shipment_created",
        "square/fulfillment_updated_shipped",
        "aftership/in_transit",
        "aftership/in_transit_no_person",
        "aftership/in_transit_old_version",
        "easypost/in_transit",
        "shippo/transit",
        "shipstation/v1_ship_notify",
        "shipstation/v2_track_in_transit",
        "generic/order_shipped",
        "standard/order_shipped",
    ],
)
def test_a_parcel_is_on_its_way_in_the_same_words_whoever_tells_it(
    sample: str, texts: Mapping[str, tuple[str | None, str | None]]
) -> None:
    assert texts[sample] == (ON_ITS_WAY, MAYA)


# --- once ----------------------------------------------------------------------------------------------------------

#: Maya's parcel as each of them tells it, by what has become of it.
TOLD = {
    "shopify": {
        "order_shipped": ("fulfillments_create", "orders_fulfilled"),
        "order_out_for_delivery": ("fulfillments_update_out_for_delivery",),
        "order_delivered": ("fulfillments_update_delivered",),
    },
    "aftership": {
        "order_shipped": ("in_transit", "in_transit_again"),
        "order_out_for_delivery": ("out_for_delivery",),
        "order_delivered": ("delivered",),
    },
    "easypost": {
        "order_shipped": ("in_transit", "in_transit_again"),
        "order_out_for_delivery": ("out_for_delivery",),
        "order_delivered": ("delivered",),
    },
    "shipstation": {
        "order_shipped": ("v1_ship_notify", "v1_item_ship_notify", "v2_track_in_transit"),
        "order_out_for_delivery": ("v2_track_out_for_delivery",),
        "order_delivered": ("v2_track_delivered",),
    },
}
TEMPLATES = ("order_shipped", "order_out_for_delivery", "order_delivered")
ORDERED = [("shopify", "orders_create")]


class Dispatch:
    """A shop and its carriers on one account: the path from webhook to outbox, without processes."""

    def __init__(self, database: Database, found: Mapping[str, Route]) -> None:
        self._database, self._routes, self._inbox = database, found, Inbox(database)
        self._told = 0

    def tell(self, told: Sequence[tuple[str, str]], *, at_once: bool = False) -> None:
        """Accept and process each sample, one after the other; and what waits for the shop, when it waited enough."""
        for connection, name in told:
            self._accept(connection, name)
            if not at_once:
                self._process(timedelta())
        for waited in (timedelta(), timedelta(minutes=3), timedelta(minutes=6)):
            self._process(waited)

    def _accept(self, connection: str, name: str) -> None:
        route, now = self._routes[connection], datetime.now(UTC)
        # What is said once more has ids of its own, and is never the same to the byte.
        self._told += 1
        sample = load(connection)[name]
        body = sample.body + b" " * self._told
        headers = {**sample.headers, **route.source.fresh_headers()}
        unsigned = Delivery(connection=connection, headers=headers, body=_new_event(connection, body), received_at=now)
        signed = route.source.sign(unsigned, route.connection.secrets[0], now=now)
        assert pipeline.accept(replace(unsigned, headers={**headers, **signed}), route, self._inbox).is_new

    def _process(self, waited: timedelta) -> None:
        with self._database.write() as connection:
            now = self._database.now(connection) + waited
            for delivery in processing.claim(connection, "worker", 100, now):
                route = self._routes[delivery.connection]
                result = pipeline.process(delivery, route, SHIPPED.current(), now)
                done = [Done(work=delivery, result=result, owner="worker")]
                conclude(
                    connection, done, {}, tokens=["attentive"], caps=Caps(per_person=0, per_template=0),
                    window_of=lambda _account: 60, now=now,
                )  # fmt: skip

    def texts(self) -> list[tuple[str, str]]:
        """Template and recipient of each text that was made to leave, whether or not a newer one took its place."""
        table = tables.messages
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.state.not_in(["skipped"])).order_by(table.c.id))
            return [(row.template, row.to) for row in rows]

    def forget(self) -> None:
        with self._database.write() as connection:
            for table in (tables.messages, tables.deliveries, tables.sightings):
                connection.execute(delete(table))


def _new_event(connection: str, body: bytes) -> bytes:
    """The body with an id of its own for AfterShip and EasyPost, who tell by it what they have said already."""
    names = {"aftership": "event_id", "easypost": "id"}
    if connection not in names:
        return body
    spaces = len(body) - len(body.rstrip())
    content: dict[str, Any] = json.loads(body)
    return json.dumps({**content, names[connection]: f"{content[names[connection]]}-{spaces}"}).encode()


@pytest.fixture
def dispatch(database: Database, monkeypatch: pytest.MonkeyPatch) -> Dispatch:
    for name in TOLD:
        monkeypatch.setenv(f"{name.upper()}_SECRETS", "a-secret")
    monkeypatch.setenv("ATTENTIVE_API_TOKEN", "t")
    monkeypatch.setenv("ATTENTIVE_URL", "http://127.0.0.1:1")
    # What is made of a parcel must not depend on the hour of the test.
    monkeypatch.setenv("QUIET_HOURS", "off")
    found = routes(Settings.from_env(sources.discover().keys()))
    found = {name: replace(route, fetch=_look_up) for name, route in found.items()}
    return Dispatch(database, joining.remembering(found, database, days=90))


def _look_up(lookup: Lookup) -> Mapping[str, object]:
    """What Shopify says of Maya's order, or ShipStation of her parcel."""
    if lookup.what == "order":
        return load("shopify")["fulfillments_create"].lookups["order"]
    return load("shipstation")["v1_ship_notify"].lookups["batch"]


def of(teller: str, template: str) -> list[tuple[str, str]]:
    return [(teller, name) for name in TOLD[teller][template]]


def once(*templates: str) -> list[tuple[str, str]]:
    return [(template, MAYA) for template in templates]


def made_of(dispatch: Dispatch) -> list[tuple[str, str]]:
    return sorted(text for text in dispatch.texts() if text[0] in TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_of_all_who_tell_it_at_once_one_texts_it(dispatch: Dispatch, template: str) -> None:
    for tellers in itertools.permutations(TOLD):
        told = [webhook for teller in tellers for webhook in of(teller, template)]
        dispatch.tell([*ORDERED, *told], at_once=True)
        assert made_of(dispatch) == once(template), tellers
        dispatch.forget()


def test_the_shop_may_tell_of_the_order_at_any_moment(dispatch: Dispatch) -> None:
    told = [of(teller, "order_shipped")[0] for teller in TOLD]
    for order in itertools.permutations([*ORDERED, *told]):
        dispatch.tell(order)
        assert made_of(dispatch) == once("order_shipped"), order
        dispatch.forget()


def test_a_parcel_is_followed_step_by_step_whoever_is_faster(dispatch: Dispatch) -> None:
    for tellers in itertools.permutations(TOLD):
        steps = [webhook for template in TEMPLATES for teller in tellers for webhook in of(teller, template)]
        dispatch.tell([*ORDERED, *steps])
        assert made_of(dispatch) == sorted(once(*TEMPLATES)), tellers
        dispatch.forget()


def test_one_who_tells_the_whole_way_after_another_makes_no_second_text(dispatch: Dispatch) -> None:
    for tellers in itertools.permutations(TOLD):
        steps = [webhook for teller in tellers for template in TEMPLATES for webhook in of(teller, template)]
        dispatch.tell([*ORDERED, *steps])
        assert made_of(dispatch) == sorted(once(*TEMPLATES)), tellers
        dispatch.forget()
