"""Recorded webhooks through changed templates: `bridge backtest` as a process, on both databases."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from forked import run
from office import Peer
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from bridge import pipeline, sources
from bridge.compose import TemplateFolder
from bridge.events import Delivery
from bridge.messages import Processed
from bridge.route import routes
from bridge.settings import Settings
from bridge.sources.samples import load
from bridge.store import history, processing, recording, tables
from bridge.store.database import Database
from bridge.store.inbox import Inbox

PLACED = "---\nevent: order.created\n---\nThanks for order {{ order.name }}!\n"
SHIPPED = (
    "---\nevent: order.shipped\nwhen: shipment.tracking_url\n---\n"
    "Order {{ order.name }} left: {{ shipment.tracking_url }}\n"
)
REPLIED = "---\nevent: ticket.replied\n---\n{{ ticket.comment | plain }}\n"
TOLD_BY_RECORD = "would need a look-up, and make with the number on record the very text that was made."


class Shop:
    """Webhooks that came in and were processed with the templates of their time."""

    def __init__(self, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.folder, self._monkeypatch = database, folder, monkeypatch
        self._told = 0
        self.settings = {
            "SHOPIFY_SECRETS": "s",
            "ZENDESK_SECRETS": "z",
            "ATTENTIVE_API_TOKEN": "t",
            "ATTENTIVE_URL": "http://127.0.0.1:1",
            "DATABASE_URL": database.url.render_as_string(hide_password=False),
            "TEMPLATES_DIR": str(folder),
        }
        self.write(placed=PLACED, shipped=SHIPPED, replied=REPLIED)

    def write(self, **templates: str | None) -> None:
        for name, text in templates.items():
            path = self.folder / f"{name}.txt"
            if text is None:
                path.unlink()
            else:
                path.write_text(text)

    def tell(
        self,
        sample: str,
        *,
        source: str = "shopify",
        ago: timedelta = timedelta(),
        answer: Any = None,
        **values: object,
    ) -> int:
        """Receive a sample, `ago`, and process it; the delivery's id. `answer` is what the platform would tell."""
        for name, value in self.settings.items():
            self._monkeypatch.setenv(name, value)
        route = routes(Settings.from_env(sources.discover().keys()))[source]
        if answer is not None:
            route = replace(route, fetch=lambda _lookup: answer)
        self._told += 1
        found = load(source)[sample].with_values({name.replace("__", "."): value for name, value in values.items()})
        body, now = found.body + b" " * self._told, datetime.now(UTC)
        headers = {**found.headers, **route.source.fresh_headers()}
        secret = route.connection.secrets[0]
        delivery = Delivery(connection=source, headers=headers, body=body, received_at=now - ago)
        signed = route.source.sign(delivery, secret, signature_header=route.signature_header, now=now)
        delivery = replace(delivery, headers={**headers, **signed})
        assert pipeline.accept(delivery, route, Inbox(self.database)).is_new
        with self.database.write() as connection:
            now = self.database.now(connection)
            for claimed in processing.claim(connection, "worker", 100, now):
                result = pipeline.process(claimed, route, TemplateFolder(self.folder).current(), claimed.received_at)
                assert isinstance(result, Processed)
                recording.processed(connection, [(claimed, result)], now=now, tokens=["attentive"])
            newest = select(tables.deliveries.c.id).order_by(tables.deliveries.c.id.desc()).limit(1)
            return int(connection.execute(newest).scalar_one())

    def change(self, **values: object) -> None:
        """Change all messages, as time and people do."""
        with self.database.write() as connection:
            connection.execute(update(tables.messages).values(**values))

    def backtest(self, *arguments: str, **settings: str) -> CompletedProcess[str]:
        return run(["backtest", *arguments], {**_env(), **self.settings, **settings}, self.folder)

    def json(self, *arguments: str, status: int = 1, **settings: str) -> Any:
        done = self.backtest(*arguments, "--json", **settings)
        assert done.returncode == status, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    def counts(self, template: str, *arguments: str, status: int = 1, **settings: str) -> dict[str, int]:
        """What is counted of a template, those counts that are not 0."""
        found = self.json(*arguments, status=status, **settings)["templates"].get(template, {})
        return {name: count for name, count in found.items() if count}


def _env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")}


@pytest.fixture
def shop(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    folder = tmp_path / "messages"
    folder.mkdir()
    return Shop(database, folder, monkeypatch)


def test_nothing_is_different_while_the_templates_are_what_they_were(shop: Shop) -> None:
    shop.tell("orders_create")
    shop.tell("fulfillments_create")
    shop.tell("fulfillments_create_no_tracking")
    shop.tell("customers_create")
    shop.tell("orders_create_lettered_phone")
    shop.tell("trigger_replied", source="zendesk")

    done = shop.backtest()

    assert (done.returncode, done.stderr) == (0, "")
    assert "6 deliveries looked at, 0 differences." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Not played: ")
    assert shop.counts("placed", status=0) == {"deliveries": 2, "same": 2, "segments_before": 1, "segments_now": 1}


def test_a_changed_text_is_shown_word_by_word_with_its_segments_and_a_masked_number(shop: Shop) -> None:
    delivery = shop.tell("orders_create")
    long = "Many thanks for order {{ order.name }}! " + "It is packed with care. " * 7
    shop.write(placed=PLACED.replace("Thanks for order {{ order.name }}!", long))

    done = shop.backtest(ATTENTIVE_BRAND="Juniper")

    assert done.returncode == 1
    assert f"delivery {delivery}  placed  to +1212•••0123  other text, 1 -> 2 segments" in done.stdout
    assert "    [-Thanks-]{+Many thanks+} for order #4182!{+ It is packed" in done.stdout
    assert "+12125550123" not in done.stdout
    document = shop.json(ATTENTIVE_BRAND="Juniper")
    assert document["different"] == 1
    (difference,) = document["differences"]
    assert (difference["what"], difference["changed"], difference["delivery_id"]) == ("changed", ["text"], delivery)
    assert difference["before"] == {"to": "+1212•••0123", "text": "Thanks for order #4182!", "segments": 1}
    assert difference["now"]["segments"] == 2
    counts = document["templates"]["placed"]
    assert (counts["text"], counts["segments"]) == (1, 1)
    assert (counts["segments_before"], counts["segments_now"]) == (1, 2)


#: what is changed in a template -> what is counted, beside the deliveries.
CHANGES: list[tuple[str, dict[str, str | None], str, dict[str, int]]] = [
    (
        "another recipient",
        {"placed": PLACED.replace("event:", "to: \"'+14165550142'\"\nevent:")},
        "placed",
        {"recipient": 1, "segments_before": 1, "segments_now": 1},
    ),
    (
        "a picture",
        {"placed": PLACED.replace("event:", "media_url: \"'https://shop.example/x.png'\"\nevent:")},
        "placed",
        {"picture": 1, "segments_before": 1, "segments_now": 1},
    ),
    (
        "a link",
        {"placed": PLACED.replace("event:", "link: client.attn.tv\nevent:")},
        "placed",
        {"link": 1, "segments_before": 1, "segments_now": 1},
    ),
    (
        "quiet hours",
        {"placed": PLACED.replace("event:", "quiet_hours: 21:00-08:00\nevent:")},
        "placed",
        {"quiet_hours": 1, "segments_before": 1, "segments_now": 1},
    ),
    (
        "quiet hours that never end in time",
        {"placed": PLACED.replace("event:", "quiet_hours: 00:01-00:00\nexpires: 1m\nevent:")},
        "placed",
        {"held": 1, "segments_before": 1},
    ),
    (
        "a condition that is not met",
        {"placed": PLACED.replace("event:", "when: order.cancel_reason\nevent:")},
        "placed",
        {"gone": 1, "segments_before": 1},
    ),
    ("a template that is gone", {"placed": None}, "placed", {"gone": 1, "segments_before": 1}),
    (
        "another event",
        {"placed": PLACED.replace("order.created", "order.delivered")},
        "placed",
        {"gone": 1, "segments_before": 1},
    ),
    (
        "a value that is missing",
        {"placed": PLACED.replace("order.name", "order.cancel_reason")},
        "placed",
        {"skipped": 1, "segments_before": 1},
    ),
    (
        "a shortener",
        {"placed": PLACED.replace("!", " bit.ly/x")},
        "placed",
        {"held": 1, "segments_before": 1},
    ),
    (
        "a new template",
        {"new": PLACED.replace("Thanks", "Hello")},
        "new",
        {"additional": 1, "segments_now": 1},
    ),
]


@pytest.mark.parametrize(("templates", "name", "counted"), [case[1:] for case in CHANGES], ids=[c[0] for c in CHANGES])
def test_what_a_change_would_have_changed_is_counted(
    shop: Shop, templates: dict[str, str | None], name: str, counted: dict[str, int]
) -> None:
    shop.tell("orders_create")
    shop.write(**templates)

    assert shop.counts(name) == {"deliveries": 1, **counted}


def test_a_reason_is_told_where_a_text_would_no_longer_be_made(shop: Shop) -> None:
    shop.tell("orders_create")
    shop.write(placed=PLACED.replace("event:", "when: order.cancel_reason\nevent:"))

    out = shop.backtest().stdout

    assert "would no longer be made: condition_false: A template answers this event" in out
    assert "[-Thanks for order #4182!-]" in out


def test_a_text_that_was_not_sent_and_would_be_now_is_additional(shop: Shop) -> None:
    shop.tell("fulfillments_create", tracking_url=None, tracking_urls=[])
    shop.write(
        shipped=SHIPPED.replace("when: shipment.tracking_url\n", "").replace("{{ shipment.tracking_url }}", "hi")
    )

    assert shop.counts("shipped") == {"deliveries": 1, "additional": 1, "segments_now": 1}


def test_repeats_about_one_parcel_count_once(shop: Shop) -> None:
    shop.write(shipped=None)
    for sample in ("orders_fulfilled", "fulfillments_create"):
        shop.tell(sample)
    shop.write(shipped=SHIPPED)

    # A new template: the second webhook is about the same parcel and the same person.
    assert shop.counts("shipped") == {"deliveries": 1, "additional": 1, "segments_now": 1}


def test_a_repeat_that_made_no_text_then_makes_none_now(shop: Shop) -> None:
    shop.tell("orders_fulfilled", ago=timedelta(days=3))
    shop.tell("fulfillments_create")

    assert shop.counts("shipped", status=0) == {"deliveries": 1, "same": 1, "segments_before": 1, "segments_now": 1}
    # Also where the first of them came before all that is looked at.
    assert shop.counts("shipped", "--since", "1d", status=0) == {}


def test_a_text_that_an_earlier_webhook_about_the_same_would_make_is_told(shop: Shop) -> None:
    shop.write(shipped=SHIPPED.replace("shipment.tracking_url\n", "shipment.tracking_url and raw.order_id\n", 1))
    shop.tell("orders_fulfilled")
    shop.tell("fulfillments_create")
    shop.write(shipped=SHIPPED)

    found = shop.json()["differences"]

    assert [(one["what"], one["reason"]) for one in found] == [("gone", "already_texted"), ("additional", None)]


def test_a_text_that_only_a_later_webhook_about_the_same_would_make_is_told(shop: Shop) -> None:
    ids = [shop.tell("orders_fulfilled"), shop.tell("fulfillments_create")]
    shop.write(shipped=SHIPPED.replace("shipment.tracking_url\n", "shipment.tracking_url and raw.order_id\n", 1))

    found = shop.json()["differences"]

    assert [(one["what"], one["delivery_id"]) for one in found] == [("additional", ids[1]), ("gone", ids[0])]


MOMENTS: list[dict[str, object]] = [
    {"state": "sent"},
    {"state": "held", "reason": "sending_off"},
    {"state": "skipped", "reason": "dropped"},
    {"state": "skipped", "reason": "unreachable"},
    {"state": "refused", "reason": "refused_by_attentive"},
    {"state": "superseded", "reason": "superseded"},
    {"state": "expired", "reason": "expired"},
    {"state": "unknown", "reason": "outcome_unknown"},
    {"state": "held", "reason": "cap_per_person"},
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: str(moment.get("reason", "sent")))
def test_what_became_of_a_text_afterwards_is_no_difference(shop: Shop, moment: dict[str, object]) -> None:
    shop.tell("orders_create")
    shop.change(**moment)

    assert shop.counts("placed", status=0) == {"deliveries": 1, "same": 1, "segments_before": 1, "segments_now": 1}


def test_sending_that_is_off_now_is_no_difference(shop: Shop) -> None:
    shop.tell("orders_create")

    assert shop.counts("placed", status=0, BRIDGE_SENDING="off")["same"] == 1


def test_a_persons_cap_holds_the_texts_beyond_it(shop: Shop) -> None:
    for number in range(4):
        shop.tell("orders_create", id=number + 1, name=f"#{number}")

    assert shop.counts("placed", status=0)["same"] == 4
    counts = shop.counts("placed", CAP_PER_PERSON_PER_DAY="3")
    assert (counts["same"], counts["held"]) == (3, 1)
    (difference,) = shop.json(CAP_PER_PERSON_PER_DAY="3")["differences"]
    assert difference["reason"] == "cap_per_person"


def test_a_day_later_a_person_may_get_texts_again(shop: Shop) -> None:
    for hours in (49, 48, 20):
        shop.tell("orders_create", ago=timedelta(hours=hours), id=hours, name=f"#{hours}")

    assert shop.counts("placed", status=0, CAP_PER_PERSON_PER_DAY="2")["same"] == 3
    assert shop.counts("placed", CAP_PER_PERSON_PER_DAY="1")["held"] == 1


def test_only_one_template_is_looked_at_where_one_is_named(shop: Shop) -> None:
    shop.tell("orders_create")
    shop.tell("fulfillments_create")
    shop.write(placed=PLACED.replace("Thanks", "Hello"), shipped=SHIPPED.replace("left", "went"))

    document = shop.json("placed")

    assert document["templates"].keys() == {"placed"}
    assert document["different"] == 1


def test_what_is_older_than_since_is_not_looked_at_and_the_newest_differences_come_first(shop: Shop) -> None:
    ids = [
        shop.tell("orders_create", ago=timedelta(hours=hours), id=hours, name=f"#{hours}") for hours in (200, 30, 20, 1)
    ]
    shop.write(placed=PLACED.replace("Thanks", "Hello"))

    for since, number in (("30m", 0), ("2h", 1), ("24h", 2), ("7d", 3), ("9d", 4)):
        found = shop.json("--since", since, status=1 if number else 0)
        assert (found["deliveries"], found["different"]) == (number, number), since
        assert [one["delivery_id"] for one in found["differences"]] == ids[::-1][:number]
    limited = shop.json("--limit", "2", "--since", "9d")
    assert (limited["different"], [one["delivery_id"] for one in limited["differences"]]) == (4, [ids[3], ids[2]])
    assert "3 older differences are not shown" in shop.backtest("--limit", "1", "--since", "9d").stdout


def test_a_delivery_that_waits_or_whose_connection_is_gone_is_counted_apart(shop: Shop) -> None:
    shop.tell("orders_create")
    shop.tell("trigger_replied", source="zendesk")
    with shop.database.write() as connection:
        connection.execute(
            update(tables.deliveries).where(tables.deliveries.c.connection == "shopify").values(state="stored")
        )

    found = shop.json(status=0, ZENDESK_SECRETS="")

    assert (found["deliveries"], found["waiting"], found["unconfigured"]) == (2, 1, 1)


def test_a_parked_webhook_that_can_be_read_now_is_additional(shop: Shop) -> None:
    shop.tell("orders_create")
    with shop.database.write() as connection:
        connection.execute(tables.messages.delete())
        connection.execute(update(tables.deliveries).values(state="parked", reason="crashed", events=[]))

    assert shop.counts("placed")["additional"] == 1


# look-ups

ANSWER = load("zendesk")["comment_added_event"].lookups["user"]


def test_a_delivery_that_needs_a_look_up_is_told_by_the_number_on_record_where_that_is_enough(shop: Shop) -> None:
    shop.tell("comment_added_event", source="zendesk", answer=ANSWER)

    done = shop.backtest()

    assert done.returncode == 0
    assert f"1 delivery {TOLD_BY_RECORD}" in done.stdout
    assert shop.counts("replied", status=0)["same"] == 1


def test_a_delivery_that_needs_a_look_up_is_not_guessed(shop: Shop) -> None:
    shop.tell("comment_added_event", source="zendesk", answer=ANSWER)
    shop.tell("orders_create")
    shop.write(replied=REPLIED.replace("{{", "{{ customer.first_name }} {{", 1), new=REPLIED)

    done = shop.backtest()

    assert done.returncode == 0
    assert "1 delivery needs a look-up and cannot be told (--look-up asks the platforms)." in done.stdout
    document = shop.json(status=0)
    assert (document["needs_look_up"], document["different"]) == (1, 0)
    assert document["templates"].keys() == {"placed"}


def test_look_up_asks_the_platform(shop: Shop, peer: Callable[[], Peer]) -> None:
    shop.tell("comment_added_event", source="zendesk", answer=ANSWER)
    shop.write(replied=REPLIED.replace("{{", "{{ customer.first_name }}, {{", 1))
    zendesk = peer()
    zendesk.answers = lambda _credential, _asked: (200, dict(ANSWER or {}))

    settings = {"ZENDESK_URL": zendesk.url, "ZENDESK_EMAIL": "a@shop.example", "ZENDESK_API_TOKEN": "t"}
    document = shop.json("--look-up", **settings)

    (difference,) = document["differences"]
    assert difference["now"]["text"].startswith("Maya, Hi Maya")
    assert document["needs_look_up"] == 0


# what it leaves alone


def test_nothing_is_written(shop: Shop) -> None:
    shop.tell("orders_create")
    shop.write(placed=PLACED.replace("Thanks", "Hello"))

    def everything() -> list[list[Any]]:
        with shop.database.read() as connection:
            return [list(connection.execute(select(table))) for table in tables.metadata.sorted_tables]

    before = everything()
    assert shop.backtest().returncode == 1
    assert everything() == before


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_lets_nobody_write_is_enough(shop: Shop) -> None:
    shop.tell("orders_create")
    url = make_url(shop.settings["DATABASE_URL"]).update_query_dict({"options": "-c default_transaction_read_only=on"})

    assert shop.json(status=0, DATABASE_URL=url.render_as_string(hide_password=False))["deliveries"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "there is no template 'nonsense'; there are: placed, replied, shipped"),
        (["--since", "week"], "'week' is not a time such as 30m, 12h or 7d"),
        (["--since", "0d"], "'0d' is not a time"),
        (["--limit", "-1"], "Invalid value for '--limit'"),
    ],
)
def test_wrong_usage_says_what_to_write(shop: Shop, arguments: list[str], words: str) -> None:
    done = shop.backtest(*arguments)

    assert done.returncode == 2
    assert words in done.stderr


# reading the past


def test_batches_hold_no_more_than_asked_for_and_miss_nothing(shop: Shop) -> None:
    for number in range(7):
        shop.tell("orders_create", ago=timedelta(hours=7 - number), id=number, name=f"#{number}")

    now = datetime.now(UTC)
    for hours in range(8):
        batches = list(history.since(shop.database, now - timedelta(hours=hours, minutes=30), batch=3))
        assert all(len(batch) <= 3 for batch in batches)
        assert [past.delivery.id for batch in batches for past in batch] == list(range(8 - hours, 8))
    everything = [past for batch in history.since(shop.database, now - timedelta(days=9), batch=3) for past in batch]
    assert [len(past.messages) for past in everything] == [1] * 7


def test_commits_that_overtook_each_other_lose_nothing(shop: Shop) -> None:
    for minutes in (90, 58, 62, 59, 1):
        shop.tell("orders_create", ago=timedelta(minutes=minutes), id=minutes, name=f"#{minutes}")

    since = datetime.now(UTC) - timedelta(hours=1)
    assert [past.delivery.id for batch in history.since(shop.database, since, batch=2) for past in batch] == [2, 4, 5]


def test_an_empty_database_has_no_past(shop: Shop) -> None:
    done = shop.backtest()

    assert done.returncode == 0
    assert "No message was made in this time, and none would be." in done.stdout


@pytest.mark.parametrize(("state", "reason"), [("held", "unverified"), ("sent", None)])
def test_an_unverified_webhook_would_come_to_what_it_came_to(shop: Shop, state: str, reason: str | None) -> None:
    shop.tell("orders_create")
    # Kept in report mode; a person has left it, or has let it go.
    with shop.database.write() as connection:
        connection.execute(update(tables.deliveries).values(unverified="other_secret"))
    shop.change(state=state, reason=reason)

    assert shop.backtest().returncode == 0
