"""What is old, and what people want erased, is gone: from the rows, from the file, and from what would be sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import wait_until
from office import Office, Peer
from raw_rows import raw_bytes
from sqlalchemy import select, update

from bridge.events import Delivery
from bridge.housekeeping import Housekeeper
from bridge.privacy import erasing, exporting
from bridge.privacy.about import About, is_told_by
from bridge.sources.samples import load
from bridge.store import erasing as erasing_rows
from bridge.store import ledger, people, processing, requests, retaining, sightings, tables
from bridge.store.clock import Clock
from bridge.store.database import Database
from bridge.store.inbox import Inbox

MAYA, OTHER = "+12125550123", "+12125550188"
DAY = timedelta(days=1)
ORDER = str(json.loads(load("shopify")["orders_create"].body)["id"])


# --- whose a webhook is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"phone": "+12125550123"}, {"phone": MAYA}),
        ({"a": [{"b": "(212) 555-0123"}]}, {"phone": MAYA}),
        ({"comment": "Call me at 212.555.0123, please"}, {"phone": MAYA}),
        ({"number": 2125550123}, {"phone": MAYA}),
        ({"payload": '{"phone": "001 212 555 0123"}'}, {"phone": MAYA}),
        ({"phone": "07400 123456"}, {"phone": "+447400123456"}),
        ({"email": "Maya@Example.com"}, {"email": "maya@example.com"}),
        ({"text": "Write to maya@example.com."}, {"email": "maya@example.com"}),
        ({"order_id": 1001}, {"orders": ("1001",)}),
        ({"order": {"name": "#1001"}}, {"orders": ("1001",)}),
        ({"customer": {"id": 77}}, {"customer": "77"}),
    ],
)
def test_a_body_that_tells_of_them_is_found(body: object, about: dict[str, Any]) -> None:
    assert is_told_by(json.dumps(body).encode(), About(**about))


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"phone": "+12125550124", "id": 12125550123999}, {"phone": MAYA}),
        ({"phone": "+442125550123"}, {"phone": MAYA}),
        (["amaya@example.com", "maya@example.com.au", "x.maya@example.com"], {"email": "maya@example.com"}),
        ({"quantity": 1001, "product": {"id": 1001}, "order_id": 10011}, {"orders": ("1001",)}),
        ({"id": 77, "product": {"id": 77}}, {"customer": "77"}),
        ([], {"phone": MAYA, "email": "maya@example.com", "orders": ("1001",)}),
        ({"phone": "+12125550123"}, {}),
    ],
)  # fmt: skip
def test_a_body_that_tells_of_others_is_not(body: object, about: dict[str, Any]) -> None:
    assert not is_told_by(json.dumps(body).encode(), About(**about))


@pytest.mark.parametrize("body", [b"phone=%2B12125550123", b"\xff\xfe +1 212 555 0123", b"[" * 100_000 + b"2125550123"])
def test_a_body_that_is_no_json_is_looked_through_too(body: bytes) -> None:
    assert is_told_by(body, About(phone=MAYA))


# --- a person ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Two customers' orders and texts, and one that waits."""
    monkeypatch.setattr("bridge.housekeeping._PACE_SECONDS", 0.1)
    office.start()
    office.receive("shopify", "orders_create", id=int(ORDER), phone=MAYA)
    office.wait_for_states("sent")
    office.receive(
        "shopify", "orders_create", id=7, name="#7", order_number=7, phone=OTHER, email="other@example.org",
        **{"customer.id": 7, "customer.email": "other@example.org", "customer.phone": OTHER,
           "shipping_address.phone": OTHER, "billing_address.phone": OTHER, "contact_email": "other@example.org",
           "customer.default_address.phone": OTHER, "customer.default_address.customer_id": 7},
    )  # fmt: skip
    office.wait_for_states("sent", "sent")
    office.stop()
    office.set(BRIDGE_SENDING="hold")
    office.start()
    office.tell("ticket.created", "09:00", to=MAYA)
    office.wait_for_states("held", "sent", "sent")
    office.stop()
    return office


def _erase(office: Office, about: About, connection: str | None = None) -> erasing.Erased:
    return erasing.erase(office.database, office.settings, about, connection, now=datetime.now(UTC), who="terminal")


def _of_maya(office: Office) -> list[bytes]:
    raw = raw_bytes(office.database)
    return [word for word in (MAYA.encode(), b"maya.thompson@example.com", b"2125550123") if word in raw]


def test_a_person_is_erased_by_phone_and_nobody_else(shop: Office, attentive: Peer) -> None:
    with shop.database.write() as connection:
        people.refused(connection, [("attentive", MAYA), ("attentive", OTHER)], datetime.now(UTC))
    assert _of_maya(shop)
    planned = erasing.plan(shop.database, shop.settings, About(phone=MAYA), None)
    assert (planned.deliveries, planned.messages) == (2, 2)
    assert _of_maya(shop)

    done = _erase(shop, About(phone=MAYA))
    assert (done.deliveries, done.messages, done.withdrawn, done.people, done.busy) == (2, 2, 1, 1, 0)
    assert done.sightings > 0
    assert _of_maya(shop) == []
    states = [(row["state"], row["reason"], row["to"], row["body"]) for row in shop.messages()]
    assert states[0] == ("sent", None, None, None)
    assert states[2] == ("skipped", "erased", None, None)
    assert states[1][2] == OTHER
    assert [row["words"] for row in shop.attempts()] == [None, "Taken."]
    with shop.database.read() as connection:
        assert not sightings.find(connection, "attentive", [f"order:{ORDER}"])
        assert sightings.find(connection, "attentive", ["order:7"])
        (noted,) = connection.execute(select(tables.audit)).all()
    assert (noted.who, noted.action, noted.subject) == ("terminal", "erase", "a phone number")
    assert noted.detail.startswith("2 webhooks, 2 texts (1 not sent)")
    # Once more is nothing more.
    again = _erase(shop, About(phone=MAYA))
    assert (again.deliveries, again.messages, again.sightings, again.people) == (0, 0, 0, 0)
    # What was withdrawn never leaves.
    shop.restart(BRIDGE_SENDING="on")
    shop.receive("shopify", "orders_create", id=int(ORDER), phone=MAYA, note="told again")
    wait_until(lambda: shop.deliveries()[-1]["reason"] == "already_texted", "it is known all the same")
    assert len(attentive.taken) == 2


@pytest.mark.parametrize(
    "about", [About(email="Maya.Thompson@example.com"), About(orders=(ORDER,)), About(orders=("#1001",))]
)
def test_an_address_or_an_order_is_erased(shop: Office, about: About) -> None:
    name = json.loads(load("shopify")["orders_create"].body)["name"]
    about = About(orders=(name,)) if about.orders == ("#1001",) else about
    done = _erase(shop, about)
    assert done.deliveries >= 1
    assert done.messages >= 1
    assert shop.messages()[0]["body"] is None
    assert shop.deliveries()[0]["body"] == b""
    assert shop.messages()[1]["to"] == OTHER
    with shop.database.read() as connection:
        assert not sightings.find(connection, "attentive", [f"order:{ORDER}"])


def test_only_one_connections_data_is_erased(shop: Office) -> None:
    done = _erase(shop, About(phone=MAYA), "zendesk")
    assert (done.deliveries, done.messages) == (1, 1)
    assert shop.messages()[0]["to"] == MAYA


def test_what_is_under_way_is_told_and_left(shop: Office) -> None:
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).where(tables.messages.c.id == 3).values(state="sending", owner="me"))
    done = _erase(shop, About(phone=MAYA))
    assert done.busy == 1
    assert shop.messages()[2]["to"] == MAYA


def test_nothing_can_be_made_of_what_was_erased(shop: Office) -> None:
    _erase(shop, About(phone=MAYA))
    with shop.database.write() as connection:
        assert not processing.replay(connection, 1, datetime.now(UTC), again=True)
        message = ledger.find_message(connection, 3)
        assert message
        assert not ledger.retry(connection, message, datetime.now(UTC))


def test_what_was_erased_since_somebody_looked_is_not_sent_on(shop: Office) -> None:
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).where(tables.messages.c.id == 1).values(state="refused"))
        seen = ledger.find_message(connection, 1)
        erasing_rows.messages_of(connection, [1], datetime.now(UTC))
        assert seen
        assert not ledger.retry(connection, seen, datetime.now(UTC))
    assert shop.messages()[0]["state"] == "refused"


def test_all_that_is_kept_of_a_person_is_told(shop: Office) -> None:
    told = exporting.export(shop.database, shop.settings, About(phone=MAYA), None)
    assert [row["id"] for row in told["deliveries"]] == [1, 3]
    assert told["deliveries"][0]["body"]["email"] == "maya.thompson@example.com"
    assert {row["to"] for row in told["messages"]} == {MAYA}
    assert len(told["attempts"]) == 1
    assert told["orders_and_parcels"]
    assert OTHER not in json.dumps(told, default=str)


# --- what shops ask for ------------------------------------------------------------------------------------------


def test_a_shop_that_asks_has_its_customer_erased(shop: Office) -> None:
    shop.start()
    shop.receive("shopify", "customers_redact")
    wait_until(lambda: any(one["done_at"] for one in _requests(shop)), "it is done", 20)
    (done,) = _requests(shop)
    assert (done["kind"], done["connection"], done["about"]) == ("erase", "shopify", None)
    assert done["outcome"].startswith("Erased: 2 webhooks, 1 text")
    # Of this connection only; the webhook that asked for it says nothing any more, too.
    assert [row["erased_at"] is None for row in shop.deliveries()] == [False, True, True, False]
    assert [row["to"] for row in shop.messages()] == [None, OTHER, MAYA]
    assert shop.deliveries()[-1]["reason"] == "privacy_request"


def test_a_question_what_is_kept_waits_for_a_person(shop: Office) -> None:
    shop.start()
    shop.receive("shopify", "customers_data_request")
    shop.wait_for_delivery(state="processed", reason="privacy_request")
    (asked,) = _requests(shop)
    assert (asked["kind"], asked["done_at"]) == ("export", None)
    assert json.loads(asked["about"])["email"] == "maya.thompson@example.com"
    assert shop.messages()[0]["to"] == MAYA
    with shop.database.write() as connection:
        assert requests.finish(connection, asked["id"], outcome="Done by hand.", now=datetime.now(UTC))
        assert not requests.finish(connection, asked["id"], outcome="Done by hand.", now=datetime.now(UTC))


def test_a_shop_that_leaves_is_erased_and_another_one_of_the_connection_is_not(shop: Office) -> None:
    shop.start()
    shop.receive("shopify", "shop_redact")
    wait_until(lambda: any(one["done_at"] for one in _requests(shop)), "it is done", 20)
    assert [row["to"] for row in shop.messages()] == [MAYA, OTHER, MAYA]
    domain = "juniper-and-pine.myshopify.com"
    done = erasing.erase(
        shop.database, shop.settings, About(shop=domain), "shopify", now=datetime.now(UTC), who="request 2"
    )
    assert (done.deliveries, done.messages) == (2, 2)
    assert [row["to"] for row in shop.messages()] == [None, None, MAYA]


def test_a_webhook_that_nothing_proves_has_nobody_erased(shop: Office) -> None:
    shop.receive("shopify", "customers_redact")
    with shop.database.write() as connection:
        connection.execute(update(tables.deliveries).where(tables.deliveries.c.id == 4).values(unverified="no_secret"))
    shop.start()
    shop.wait_for_delivery(state="processed", reason="privacy_request")
    assert _requests(shop) == []
    assert "Nothing proves" in shop.deliveries()[-1]["detail"]


def _requests(office: Office) -> list[dict[str, Any]]:
    with office.database.read() as connection:
        return [dict(row) for row in requests.list_newest(connection, limit=10)]


# --- what is old -------------------------------------------------------------------------------------------------


def _age(office: Office, days: int) -> None:
    """Everything is older than it was."""
    by = timedelta(days=days)
    with office.database.write() as connection:
        for table, column in ((tables.deliveries, "received_at"), (tables.messages, "created_at")):
            for row in connection.execute(select(table.c.id, table.c[column])).all():
                connection.execute(update(table).where(table.c.id == row.id).values({column: row[1] - by}))


def _tidy(database: Database, *, payloads: int, texts: int) -> None:
    now = datetime.now(UTC)
    for walk in retaining.walks(payloads=payloads, texts=texts):
        while walk.step(database, now)[1]:
            pass


def test_old_payloads_go_and_their_rows_and_texts_stay(shop: Office) -> None:
    _age(shop, 29)
    _tidy(shop.database, payloads=30, texts=90)
    assert all(row["body"] for row in shop.deliveries())
    _age(shop, 2)
    _tidy(shop.database, payloads=30, texts=90)
    # The third one's text waits for a person.
    assert [row["body"] == b"" for row in shop.deliveries()] == [True, True, False]
    assert [row["erased_at"] is None for row in shop.deliveries()] == [False, False, True]
    assert all(row["body"] for row in shop.messages())
    shop.start()
    before = len(shop.deliveries())
    assert not _is_new(shop)
    assert len(shop.deliveries()) == before


def _is_new(office: Office) -> bool:
    """Whether the first delivery, sent once more by the platform, is taken for a new one."""
    first = office.deliveries()[0]
    again = Delivery(connection="shopify", headers={}, body=b"{}", received_at=datetime.now(UTC))
    return Inbox(office.database).add(again, key=first["key"], signed_bytes=None, headers={})


def test_old_texts_lose_their_person_and_then_go(shop: Office) -> None:
    _age(shop, 91)
    _tidy(shop.database, payloads=30, texts=90)
    assert [(row["to"], row["body"], row["recipient"]) for row in shop.messages()[:2]] == [(None, None, None)] * 2
    assert [row["words"] for row in shop.attempts()] == [None, None]
    assert shop.messages()[2]["to"] == MAYA
    assert [row["state"] for row in shop.messages()] == ["sent", "sent", "held"]
    _age(shop, 90)
    _tidy(shop.database, payloads=30, texts=90)
    assert [row["id"] for row in shop.messages()] == [3]
    assert shop.attempts() == []
    assert [row["id"] for row in shop.deliveries()] == [3]


def test_no_number_is_given_twice_however_quiet_it_is(shop: Office) -> None:
    with shop.database.write() as connection:
        ledger.drop(connection, [3])
    for _ in range(3):
        _age(shop, 200)
        _tidy(shop.database, payloads=30, texts=90)
    assert [(row["id"], row["body"]) for row in shop.messages()] == [(3, None)]
    assert [(row["id"], row["body"]) for row in shop.deliveries()] == [(3, b"")]
    assert shop.receive("shopify", "customers_data_request") == 4


def test_nothing_is_erased_where_it_is_kept_for_ever(shop: Office) -> None:
    _age(shop, 3000)
    _tidy(shop.database, payloads=0, texts=0)
    assert all(row["body"] for row in (*shop.deliveries(), *shop.messages()))


def test_a_worker_erases_what_is_old_beside_its_work(shop: Office) -> None:
    _age(shop, 40)
    with shop.database.write() as connection:
        for number in range(250):
            values = {"id": 1000 + number, "key": f"old {number}", "body": b"old canary"}
            row = connection.execute(select(tables.deliveries).where(tables.deliveries.c.id == 1)).one()._asdict()
            received = datetime.now(UTC) - 40 * DAY
            connection.execute(tables.deliveries.insert().values(
                {**row, **values, "signed_hash": None, "received_at": received}
            ))  # fmt: skip
    shop.restart(BRIDGE_SENDING="on")
    wait_until(lambda: all(row["body"] == b"" for row in shop.deliveries() if row["id"] >= 1000), "they are erased")
    shop.receive("shopify", "orders_create", id=8, name="#8")
    assert [bool(row["body"]) for row in shop.deliveries() if row["id"] < 1000 or row["id"] > 1249][2] is True
    assert sum(bool(row["body"]) for row in shop.deliveries()) == 2


def test_a_fault_in_it_is_logged_without_its_words_and_it_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turns: list[int] = []

    def fail(_self: Housekeeper) -> bool:
        turns.append(1)
        if len(turns) == 1:
            raise ValueError(MAYA)
        return False

    monkeypatch.setattr(Housekeeper, "_turn", fail)
    monkeypatch.setattr("bridge.housekeeping._AFTER_FAILURE_SECONDS", 0.01)
    keeper = Housekeeper(settings=office.settings, database=office.database, clock=Clock(office.database))
    keeper.start()
    wait_until(lambda: len(turns) > 1, "it goes on")
    keeper.stop()
    keeper.wait(5)
    said = capsys.readouterr().out
    assert "housekeeping.failed" in said
    assert MAYA not in said
