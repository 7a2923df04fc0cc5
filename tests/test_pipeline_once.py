"""Several webhooks about one parcel make one text, in whatever order they come. Recorded samples, real templates."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from bridge import pipeline, sources
from bridge.compose import TemplateFolder
from bridge.events import Delivery, Lookup
from bridge.messages import Processed
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.sources.samples import load
from bridge.store import processing, recording, tables
from bridge.store.database import Database
from bridge.store.inbox import Inbox

SHIPPED = TemplateFolder(Path(__file__).parent.parent / "templates")
SAMPLES = load("shopify")

#: All about the parcel 4619028375510928374.
ONE_PARCEL = (
    "orders_fulfilled",
    "fulfillments_create",
    "fulfillments_update_out_for_delivery",
    "fulfillments_update_delivered",
)
#: All about the parcel 4619028375511203948, which has no tracking at first.
LATE_TRACKING = (
    "fulfillments_create_no_tracking",
    "fulfillments_update_late_tracking",
    "fulfillments_update_late_tracking",
)


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Route:
    monkeypatch.setenv("SHOPIFY_SECRETS", "s")
    monkeypatch.setenv("ATTENTIVE_API_TOKEN", "t")
    monkeypatch.setenv("ATTENTIVE_URL", "http://127.0.0.1:1")
    # What is made of a parcel must not depend on the hour of the test.
    monkeypatch.setenv("QUIET_HOURS", "off")
    route = routes(Settings.from_env(sources.discover().keys()))["shopify"]
    return replace(route, fetch=_look_up)


def _look_up(lookup: Lookup) -> Mapping[str, object]:
    """What Shopify's API answers about an order: a fulfilment without a phone number has one there."""
    orders = [sample.lookups["order"]["order"] for sample in SAMPLES.values() if sample.lookups]
    return {"order": next(order for order in orders if str(order["id"]) == lookup.id)}  # type: ignore[index]


class Shop:
    """The path from webhook to outbox, without processes."""

    def __init__(self, database: Database, route: Route) -> None:
        self._database, self._route, self._inbox = database, route, Inbox(database)
        self._told = 0

    def tell(self, names: Sequence[str]) -> None:
        """Accept and process each sample, one after the other."""
        for name in names:
            assert self.accept(name)
            self.process()

    def accept(self, name: str) -> bool:
        source, now = self._route.source, datetime.now(UTC)
        body = SAMPLES[name].body
        # What Shopify says once more has ids of its own, and is never the same to the byte.
        self._told += 1
        body += b" " * self._told
        headers = {**SAMPLES[name].headers, **source.fresh_headers()}
        unsigned = Delivery(connection="shopify", headers=headers, body=body, received_at=now)
        delivery = replace(unsigned, headers={**headers, **source.sign(unsigned, "s", now=now)})
        return pipeline.accept(delivery, self._route, self._inbox).is_new

    def process(self) -> None:
        """Process what is stored, the oldest first."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            for delivery in processing.claim(connection, "worker", 100, now):
                result = pipeline.process(delivery, self._route, SHIPPED.current(), now)
                assert isinstance(result, Processed)
                recording.processed(connection, [(delivery, result)], now=now, tokens=["attentive"])

    def texts(self, template: str) -> list[Any]:
        """The messages of a template that go to the person."""
        with self._database.read() as connection:
            wanted = select(tables.messages).where(
                tables.messages.c.template == template, tables.messages.c.state == "queued"
            )
            return list(connection.execute(wanted))

    def story(self) -> list[str]:
        with self._database.read() as connection:
            rows = connection.execute(select(tables.deliveries.c.events).order_by(tables.deliveries.c.id)).scalars()
            return [line["outcome"] for events in rows for line in events if line["template"] == "order_shipped"]

    def forget(self) -> None:
        with self._database.write() as connection:
            connection.execute(delete(tables.messages))
            connection.execute(delete(tables.deliveries))


@pytest.fixture
def shop(database: Database, route: Route) -> Shop:
    return Shop(database, route)


def test_one_parcel_makes_one_text_of_each_kind_in_every_order(shop: Shop) -> None:
    for order in itertools.permutations(ONE_PARCEL):
        shop.tell(order)
        for template in ("order_shipped", "order_out_for_delivery", "order_delivered"):
            assert len(shop.texts(template)) == 1, (template, order)
        shop.forget()


def test_one_parcel_makes_one_text_when_all_its_webhooks_are_processed_at_once(shop: Shop) -> None:
    for order in itertools.permutations(ONE_PARCEL):
        for name in order:
            shop.accept(name)
        shop.process()
        assert len(shop.texts("order_shipped")) == 1, order
        shop.forget()


def test_the_webhook_that_made_no_text_says_why(shop: Shop) -> None:
    shop.tell(["orders_fulfilled", "fulfillments_create"])
    assert shop.story() == ["composed", "already_texted"]


def test_ten_updates_after_the_delivery_make_no_further_text(shop: Shop) -> None:
    shop.tell([*ONE_PARCEL, *["fulfillments_update_delivered"] * 10])
    assert len(shop.texts("order_delivered")) == 1
    assert len(shop.texts("order_shipped")) == 1


def test_tracking_that_comes_late_texts_once_in_every_order(shop: Shop) -> None:
    for order in sorted(set(itertools.permutations(LATE_TRACKING))):
        shop.tell(order)
        (text,) = shop.texts("order_shipped")
        assert "canadapost" in text.body, order
        shop.forget()


def test_without_tracking_there_is_no_text_yet_and_the_reason_is_told(shop: Shop) -> None:
    shop.tell(["fulfillments_create_no_tracking"])
    assert shop.texts("order_shipped") == []
    assert shop.story() == ["condition_false"]


def test_a_template_that_needs_the_link_in_its_body_texts_when_it_comes(
    database: Database, route: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `when` the message is skipped for the missing value, and a skipped message uses nothing up."""
    (tmp_path / "shipped.txt").write_text("---\nevent: order.shipped\n---\nFollow it: {{ shipment.tracking_url }}")
    monkeypatch.setattr(f"{__name__}.SHIPPED", TemplateFolder(tmp_path))
    shop = Shop(database, route)
    shop.tell(LATE_TRACKING)
    assert len(shop.texts("shipped")) == 1


def test_each_parcel_of_an_order_has_its_text(shop: Shop) -> None:
    shop.tell(["orders_fulfilled_two_parcels", *ONE_PARCEL])
    assert len(shop.texts("order_shipped")) == 2


def test_two_parcels_of_two_orders_do_not_mix(shop: Shop) -> None:
    shop.tell([*LATE_TRACKING, *ONE_PARCEL])
    assert len({text.identity for text in shop.texts("order_shipped")}) == 2
