"""Report mode from end to end: what nobody vouches for is kept, held, and in nobody's way. And what `bridge
connections` tells."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import senders
from conftest import Process, Stack, wait_until
from forked import ForkedStack
from office import Office, Peer
from sqlalchemy import update

from bridge import pipeline, rotation
from bridge.events import Delivery
from bridge.route import routes
from bridge.sources.samples import load
from bridge.store import ledger, processing, tables
from bridge.store.database import Database
from bridge.store.inbox import Inbox

ORDER = (
    "---\nevent: order.created\nthread: order {{ order.id }}\nsupersedes: true\n---\nThank you for {{ order.name }}!"
)
DAY = timedelta(days=1)


@pytest.fixture
def shop(office: Office) -> Office:
    office.write_template("placed", ORDER)
    return office


def forge(office: Office, sample: str = "orders_create", *, connection: str = "shopify", **values: object) -> int:
    """Keep a sample that is signed with a secret that is not ours; the delivery's id."""
    route = routes(office.settings)[connection]
    now = datetime.now(UTC)
    found = load(route.source.name)[sample].with_values(values)
    unsigned = Delivery(connection=connection, headers=found.headers, body=found.body, received_at=now)
    headers = {**found.headers, **route.source.sign(unsigned, "not ours", now=now)}
    accepted = pipeline.accept(
        replace(unsigned, headers=headers), route, Inbox(office.database), keeps=lambda _delivery: True
    )
    assert accepted.secret is None
    assert accepted.unverified is not None
    return max(row["id"] for row in office.deliveries())


def release(office: Office, *ids: int) -> int:
    with office.database.write() as connection:
        return ledger.release(connection, ids, office.database.now(connection))


def replay(office: Office, delivery: int, *, again: bool = False) -> None:
    with office.database.write() as connection:
        assert processing.replay(connection, delivery, office.database.now(connection), again=again)
    wait_until(lambda: office.deliveries()[delivery - 1]["state"] == "processed", "it is processed again")


def test_the_text_of_an_unverified_webhook_is_held_and_says_why(shop: Office, attentive: Peer) -> None:
    shop.start()
    delivery = forge(shop)
    row = shop.wait_for_delivery(state="processed")

    assert (row["unverified"], row["key"][:11]) == ("other_secret", "unverified:")
    (message,) = shop.messages()
    assert (message["state"], message["reason"], message["once"]) == ("held", "unverified", None)
    assert message["detail"] == "Cause: other_secret."
    assert [line["outcome"] for line in row["events"] if line["template"] == "placed"] == ["unverified"]
    assert message["delivery_id"] == delivery
    assert attentive.taken == []


def test_the_switch_to_on_lets_nothing_go_that_nobody_vouches_for(shop: Office, attentive: Peer) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.start()
    forge(shop)
    shop.receive("shopify", "orders_create", id=77)
    shop.wait_for_states("held", "held")
    shop.restart(BRIDGE_SENDING="on")

    # By delivery: which of the two is processed first is left to chance.
    def told() -> list[tuple[int, str, str | None]]:
        return sorted((row["delivery_id"], row["state"], row["reason"]) for row in shop.messages())

    wait_until(lambda: told() == [(1, "held", "unverified"), (2, "sent", None)], "the genuine one alone is sent")
    assert len(attentive.taken) == 1


def test_a_genuine_webhook_after_a_forged_twin_is_stored_and_texted(shop: Office, attentive: Peer) -> None:
    shop.start()
    forge(shop)
    shop.wait_for_states("held")
    shop.receive("shopify", "orders_create")
    shop.wait_for_states("held", "sent")

    # The forged one is released all the same: the same has been told.
    assert release(shop, 1) == 0
    assert shop.outcomes() == [("placed", "skipped", "already_texted"), ("placed", "sent", None)]
    assert shop.messages()[0]["detail"] == "By message 2."
    assert len(attentive.taken) == 1


def test_a_released_text_is_sent_and_its_genuine_twin_makes_none(shop: Office, attentive: Peer) -> None:
    shop.start()
    forge(shop)
    shop.wait_for_states("held")
    assert release(shop, 1) == 1
    shop.wait_for_states("sent")
    shop.receive("shopify", "orders_create")

    shop.wait_for_delivery(state="processed", reason="already_texted")
    assert len(attentive.taken) == 1


def test_a_retry_of_a_forged_text_whose_genuine_twin_was_sent_is_refused(shop: Office, attentive: Peer) -> None:
    shop.start()
    forge(shop)
    shop.wait_for_states("held")
    shop.receive("shopify", "orders_create")
    shop.wait_for_states("held", "sent")
    with shop.database.write() as connection:
        found = ledger.find_message(connection, 1)
        assert found
        assert not ledger.retry(connection, found, shop.database.now(connection))
        assert ledger.replacement(connection, found) == 2


def test_of_two_forged_twins_that_are_released_together_one_is_sent(shop: Office, attentive: Peer) -> None:
    shop.start()
    forge(shop)
    forge(shop, note="another body")
    shop.wait_for_states("held", "held")
    assert release(shop, 1, 2) == 1

    shop.wait_for_states("sent", "skipped")
    assert len(attentive.taken) == 1


def test_a_replay_makes_no_second_text_and_one_that_is_asked_for_is_held_too(shop: Office) -> None:
    shop.start()
    delivery = forge(shop)
    shop.wait_for_states("held")
    replay(shop, delivery)
    assert shop.states() == ["held"]
    replay(shop, delivery, again=True)
    assert shop.outcomes() == [("placed", "held", "unverified")] * 2
    assert release(shop, 1) == 1
    replay(shop, delivery)
    assert len(shop.messages()) == 2


def test_a_forged_text_replaces_none_and_counts_towards_no_cap(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="1", BRIDGE_SENDING="hold")
    shop.start()
    genuine = shop.receive("shopify", "orders_create")
    shop.wait_for_states("held")
    # Newer, of the same thread: a genuine one would take the place of the one before.
    shop.write_template("paid", ORDER.replace("order.created", "order.paid"))
    forge(shop, "orders_paid", id=json.loads(shop.deliveries()[genuine - 1]["body"])["id"])
    shop.wait_for_states("held", "held")
    assert shop.outcomes() == [("placed", "held", "sending_off"), ("paid", "held", "unverified")]

    shop.restart(BRIDGE_SENDING="on")
    shop.wait_for_states("sent", "held")


def test_a_genuine_text_does_not_count_a_forged_one_towards_the_cap(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="1")
    shop.start()
    for number in range(3):
        forge(shop, id=100 + number)
    shop.wait_for_states("held", "held", "held")
    shop.receive("shopify", "orders_create")

    shop.wait_for_states("held", "held", "held", "sent")


def test_an_expired_forgery_does_not_use_the_event_up(shop: Office, attentive: Peer) -> None:
    shop.write_template("placed", ORDER.replace("supersedes: true", "expires: 1h"))
    delivery = forge(shop)
    with shop.database.write() as connection:
        long_ago = shop.database.now(connection) - DAY
        connection.execute(update(tables.deliveries).values(received_at=long_ago))
    shop.start()
    shop.wait_for_states("expired")
    assert shop.messages()[0]["once"] is None
    assert shop.messages()[0]["delivery_id"] == delivery
    shop.receive("shopify", "orders_create")
    shop.wait_for_states("expired", "sent")


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database)


def test_no_forged_delivery_makes_a_genuine_one_known(inbox: Inbox) -> None:
    genuine = Delivery(connection="shop", headers={}, body=b"{}", received_at=datetime.now(UTC))
    forged = genuine
    assert inbox.add_unverified(forged, cause="other_secret", headers={})
    assert not inbox.add_unverified(forged, cause="other_secret", headers={})
    key = next(_keys(inbox))

    assert inbox.add(genuine, key=None, signed_bytes=None, headers={})
    assert inbox.add(genuine, key="event-1", signed_bytes=b"{}", headers={})
    # Nor by an id that is chosen to be the same.
    assert inbox.add(genuine, key=key, signed_bytes=None, headers={})
    # And the other way round: a genuine one does not hide that somebody forges.
    other = replace(forged, body=b"[]")
    assert inbox.add(replace(genuine, body=b"[]"), key=None, signed_bytes=None, headers={})
    assert inbox.add_unverified(other, cause="other_secret", headers={})


def test_the_same_forgery_a_day_later_is_kept_again(inbox: Inbox) -> None:
    now = datetime.now(UTC)
    for days in (0, 2):
        forged = Delivery(connection="shop", headers={}, body=b"{}", received_at=now + days * DAY)
        assert inbox.add_unverified(forged, cause="other_secret", headers={})


def _keys(inbox: Inbox) -> Iterator[str]:
    with inbox.database.read() as connection:
        for row in ledger.list_deliveries(connection, limit=10):
            yield row["key"]


# --- through the real server -------------------------------------------------------------------------------------


class Door(ForkedStack):
    """Web that receives with two secrets for the shop, and no worker unless it is started."""

    web: Process

    def json(self, *arguments: str, **settings: str) -> Any:
        done = self.run(*arguments, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def shop(self, **settings: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("connections", "show", "shopify", **settings)
        return found

    def write(self, statement: Any) -> None:
        database = self.open_database()
        with database.write() as connection:
            connection.execute(statement)
        database.dispose()


@pytest.fixture
def door(tmp_path: Path, database_url: str) -> Iterator[Door]:
    door = Door(tmp_path, database_url)
    door.settings |= {"SHOPIFY_SECRETS": "the-newer-secret,shopify-secret", "BRIDGE_SENDING": "on"}
    door.migrate()
    yield door
    door.close()


def _forged(**values: object) -> senders.Webhook:
    return senders.shopify("orders/create", senders.order(**values).body, secret="not ours")


def test_a_refused_webhook_and_the_secret_in_use_are_told(door: Door) -> None:
    door.start_web()
    assert senders.order().post(door.web_url).status_code == 200
    for number in range(20):
        answer = _forged(note=f"canary {number}").post(door.web_url)
        assert answer.status_code == 401
        assert answer.json() == {"error": "bad signature: the signature does not match"}
    wait_until(lambda: sum(row["count"] for row in door.shop()["refused"]) == 20, "they are written down", 20)

    told = door.shop()
    assert {row["cause"] for row in told["refused"]} == {"other_secret"}
    assert "x-shopify-hmac-sha256" in told["refused"][0]["seen"]["headers"]
    assert [secret["last_used_at"] is not None for secret in told["secrets"]] == [False, True]
    assert told["verification"] == "enforce"
    listed = {row["name"]: row for row in door.json("connections", "list")}
    assert (listed["shopify"]["refused_24h"], listed["zendesk"]["refused_24h"]) == (20, 0)
    assert listed["shopify"]["path"] == "/hooks/shopify"
    assert listed["shopify"]["last_webhook"]
    assert listed["zendesk"]["last_webhook"] is None

    words = door.run("connections", "show", "shopify").stdout
    assert "secret 1 of 2 (newest): never used" in words
    assert "secret 2 of 2: last used less than a minute ago" in words
    assert "other_secret: None of the configured secrets made this signature" in words
    assert "canary" not in words


def test_report_keeps_what_would_be_refused_until_its_day_is_over_or_renewed(door: Door) -> None:
    report = {"SHOPIFY_VERIFICATION": "report"}
    door.settings |= report
    door.start_sandbox()
    web = door.start_web()
    wait_until(lambda: door.shop()["verification"] == "report", "it reports")
    forged = _forged()
    wait_until(lambda: forged.post(door.web_url).status_code == 200, "it is kept")
    assert forged.post(door.web_url).json() == {"status": "known"}
    assert senders.zendesk(b"{}", secret="not ours").post(door.web_url).status_code == 401
    assert requests.post(f"{door.web_url}/hooks/kustomer-2", timeout=10).status_code == 404

    door.start_worker()
    wait_until(lambda: door.json("messages", "list"), "a text is made")
    (message,) = door.json("messages", "list")
    assert (message["state"], message["reason"]) == ("held", "unverified")
    shown = door.run("deliveries", "show", "1").stdout
    assert "unverified: other_secret" in shown
    assert "unverified: Nothing proves" in door.run("messages", "show", str(message["id"])).stdout
    for everything in (["--all"], [], ["--template", message["template"]]):
        done = door.run("messages", "release", *everything)
        assert done.stdout.startswith("0 released.")
        assert "1 message of an unverified webhook stays held" in done.stderr

    ended = datetime.now(UTC) - timedelta(minutes=5)
    door.write(update(tables.reporting).values(since=ended - DAY, until=ended))
    wait_until(lambda: "connection.report_ended" in web.log, "the running process notices", 20)
    assert _forged(note="late").post(door.web_url).status_code == 401
    assert "report ended 5 minutes ago" in door.run("connections", "show", "shopify").stdout
    assert {row["name"]: row["verification"] for row in door.json("connections", "list")}["shopify"] == "enforce"

    web.terminate()
    web = door.start_web()
    wait_until(lambda: "connection.report_ended" in web.log, "the new process has looked")
    assert _forged(note="after the restart").post(door.web_url).status_code == 401
    assert door.run("connections", "renew", "shopify").returncode == 0
    wait_until(lambda: "connection.reports" in web.log, "the renewal is noticed", 20)
    assert _forged(note="renewed").post(door.web_url).status_code == 200
    wait_until(lambda: len(door.json("messages", "list")) == 2, "a text is made")

    assert door.run("messages", "release", "--reason", "unverified").stdout.startswith("2 released.")
    wait_until(lambda: len(door.texts()) == 2, "a person let them go")

    web.terminate()
    door.start_web(SHOPIFY_VERIFICATION="enforce")
    assert _forged(note="enforced").post(door.web_url).status_code == 401
    wait_until(lambda: door.shop()["until"] is None, "it can begin anew")


def test_only_a_connection_that_is_set_to_report_is_renewed(door: Door) -> None:
    done = door.run("connections", "renew", "shopify")
    assert (done.returncode, "SHOPIFY_VERIFICATION=report" in done.stderr) == (1, True)
    done = door.run("connections", "renew", "nobody")
    assert (done.returncode, "configured: " in done.stderr) == (2, True)


def test_a_flood_of_bad_requests_slows_no_genuine_one_and_writes_few_rows(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web()
    session = requests.Session()
    forged = _forged()
    slowest = 0.0
    for number in range(2000):
        answer = session.post(
            f"{stack.web_url}/hooks/shopify", data=forged.body, headers=dict(forged.headers), timeout=10
        )
        assert answer.status_code == 401
        if number % 100 == 0:
            answer = senders.order().post(stack.web_url)
            assert answer.status_code == 200
            slowest = max(slowest, answer.elapsed.total_seconds())
    assert slowest < 2

    def counts() -> list[int]:
        told = json.loads(stack.run("connections", "show", "shopify", "--json").stdout)
        return [row["count"] for row in told["refused"]]

    wait_until(lambda: sum(counts()) == 2000, "all are counted", 20)
    assert len(counts()) <= 3
    assert web.log.count("hook.refused") < 40


# --- rotation ----------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
TWO_HOURS_AGO, FIVE_DAYS_AGO, LAST_WEEK = NOW - timedelta(hours=2), NOW - 5 * DAY, NOW - 7 * DAY
NEVER = (None, None)


@pytest.mark.parametrize(
    ("uses", "removable"),
    [
        ([], []),
        ([NEVER], [False]),
        # Alone, or the newest of all: never, however long it was not used.
        ([(LAST_WEEK, FIVE_DAYS_AGO)], [False]),
        ([NEVER, (LAST_WEEK, TWO_HOURS_AGO)], [False, False]),
        ([(LAST_WEEK, TWO_HOURS_AGO), (LAST_WEEK, FIVE_DAYS_AGO)], [False, True]),
        ([(LAST_WEEK, TWO_HOURS_AGO), NEVER], [False, True]),
        # Still used; replaced only just now; nothing came at all.
        ([(LAST_WEEK, TWO_HOURS_AGO), (LAST_WEEK, NOW - 2 * DAY)], [False, False]),
        ([(TWO_HOURS_AGO, NOW), (LAST_WEEK, FIVE_DAYS_AGO)], [False, False]),
        ([(LAST_WEEK, FIVE_DAYS_AGO), (LAST_WEEK, FIVE_DAYS_AGO)], [False, False]),
        # The middle one is in use: the oldest may go, the newest waits for its platform.
        ([NEVER, (LAST_WEEK, TWO_HOURS_AGO), (LAST_WEEK, FIVE_DAYS_AGO)], [False, False, True]),
    ],
)
def test_a_secret_may_go_when_a_newer_one_has_done_its_work_for_days(uses: Any, removable: list[bool]) -> None:
    assert [secret.removable for secret in rotation.judge(uses, NOW)] == removable


def test_a_fingerprint_tells_secrets_apart_and_little_else() -> None:
    prints = {rotation.fingerprint("shop", secret) for secret in ("new", "old", "ä", "\udcff")}
    assert len(prints) == 4
    assert {len(one) for one in prints} == {4}
    # The same secret looks different elsewhere.
    assert rotation.fingerprint("shop", "new") != rotation.fingerprint("desk", "new")


def test_the_words_about_a_rotation(door: Door) -> None:
    now = datetime.now(UTC)
    for secret, first, last in (
        ("the-newer-secret", 6 * DAY, timedelta(minutes=3)),
        ("shopify-secret", 9 * DAY, 5 * DAY),
    ):
        door.write(
            tables.secrets.insert().values(
                connection="shopify",
                fingerprint=rotation.fingerprint("shopify", secret),
                first_used_at=now - first,
                last_used_at=now - last - timedelta(seconds=1),
            )
        )
    words = door.run("connections", "show", "shopify").stdout
    assert "secret 1 of 2 (newest): last used 3 minutes ago\n" in words
    day = f"{now - 5 * DAY - timedelta(seconds=1):%Y-%m-%d}"
    assert f"secret 2 of 2: last used on {day}; can be removed: not used for 5 days\n" in words


@pytest.mark.parametrize(("count", "rest"), [(1, None), (10, None), (13, "and 3 more: --json has them all")])
def test_the_last_refusals_are_shown_and_the_others_counted(door: Door, count: int, rest: str | None) -> None:
    now = datetime.now(UTC)
    row = {"connection": "shopify", "at": now, "cause": "other_secret", "detail": "", "seen": {}, "was_stored": False}
    door.write(tables.refusals.insert().values([{**row, "count": 1} for _ in range(count)]))

    words = door.run("connections", "show", "shopify").stdout

    assert words.count("other_secret") == min(count, 10)
    assert [line.strip() for line in words.splitlines() if "more" in line] == ([rest] if rest else [])
