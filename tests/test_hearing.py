"""What Attentive's own webhooks change: texts are confirmed, and nobody who opted out is texted."""

import itertools
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import wait_until
from office import Office, Peer
from sqlalchemy import update

from bridge.cli.messages import messages
from bridge.cli.people import people
from bridge.events import Notice
from bridge.store import browsing, confirming, deeds, erasing, ledger, opt_outs, status, tables
from bridge.store.browsing import Chosen
from bridge.store.confirming import Share
from bridge.store.hashing import hashes
from bridge.web.console import timeline

MAYA, BEN = "+12125550123", "+14165550142"
SAYS = "---\nevent: ticket.replied\n---\n{{ ticket.comment }}"


@pytest.fixture
def shop(office: Office) -> Office:
    """An office whose texts Attentive confirms; an agent's replies are texted."""
    office.set(ATTENTIVE_SECRETS="a", ATTENTIVE_BRAND="Juniper & Pine", TEMPLATES_DIR=None)
    office.write_template("replied", SAYS)
    return office


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def hear(shop: Office, what: str, *, to: str = MAYA, ago: float = 0, **values: object) -> dict[str, Any]:
    """Receive one of Attentive's webhooks and wait until it is worked in."""
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    given = {"subscriber.phone": to, "timestamp": milliseconds(moment)}
    number = shop.receive("attentive", what, **given, **{name.replace("__", "."): one for name, one in values.items()})

    def found() -> dict[str, Any]:
        return next(row for row in shop.deliveries() if row["id"] == number)

    wait_until(lambda: found()["state"] != "stored", f"{what} is heard", 15)
    return found()


def sent(shop: Office, text: str, **values: Any) -> dict[str, Any]:
    return hear(shop, "sms_sent", message__text=text, **values)


def confirmed(shop: Office) -> list[bool]:
    return [row["confirmed_at"] is not None for row in shop.messages()]


# --- confirmed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        "Juniper & Pine: See https://example.com/orders/4182 – it’s Friday!",
        "See https://example.com/orders/4182 – it's Friday!",
        "Juniper & Pine:  see https://jnpr.attn.tv/l/x9/aB3 \u2013 it's   Friday!",
        "Juniper & Pine: See jnpr.attn.tv/l/x9 - it's Friday!",
    ],
)
def test_a_text_is_confirmed_by_its_words_whatever_becomes_of_its_links(shop: Office, told: str) -> None:
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="See https://example.com/orders/4182 - it's Friday!")
    shop.wait_for_states("sent")
    heard = sent(shop, told)
    (message,) = shop.messages()
    assert (message["state"], heard["reason"], heard["detail"]) == ("sent", "confirms", "Message 1.")
    assert abs(message["confirmed_at"] - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ("Juniper & Pine: See you on Monday!", {}),
        ("Juniper & Pine: See you on Friday!", {"to": BEN}),
        ("Juniper & Pine: See you on Friday!", {"ago": 3600}),
        ("Other Shop: See you on Friday!", {}),
        ("", {}),
    ],
)
def test_what_is_none_of_ours_confirms_nothing(shop: Office, told: str, values: dict[str, Any]) -> None:
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="See you on Friday!")
    shop.wait_for_states("sent")
    assert sent(shop, told, **values)["reason"] == ("confirms_nothing" if told else "no_template")
    assert confirmed(shop) == [False]


def test_each_text_is_confirmed_once_the_oldest_first_and_a_replay_confirms_no_second(shop: Office) -> None:
    shop.start()
    for _ in range(2):
        shop.tell("ticket.replied", f"09:0{_}", comment="Done!")
        shop.wait_for_states(*["sent"] * (_ + 1))
    first = sent(shop, "Juniper & Pine: Done!", ago=0.5)
    assert confirmed(shop) == [True, False]
    with shop.database.write() as connection:
        now = shop.database.now(connection)
        assert deeds.replay(connection, first["id"], again=False, who="test", now=now)
    shop.wait_for_delivery(id=first["id"], state="processed", reason="confirms_nothing")
    assert confirmed(shop) == [True, False]
    sent(shop, "Juniper & Pine: Done!")
    assert confirmed(shop) == [True, True]
    assert sent(shop, "Juniper & Pine: Done!")["reason"] == "confirms_nothing"


def test_a_confirmation_that_comes_before_our_200_is_kept(shop: Office, attentive: Peer) -> None:
    goes_on = threading.Event()
    attentive.answers = lambda *_: (goes_on.wait(20), (200, {}))[1]
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="Soon!")
    shop.wait_for_states("sending")
    wait_until(lambda: attentive.taken, "it is under way")
    assert sent(shop, "Juniper & Pine: Soon!")["reason"] == "confirms"
    assert [(row["state"], row["confirmed_at"] is not None) for row in shop.messages()] == [("sending", True)]
    goes_on.set()
    shop.wait_for_states("sent")
    assert confirmed(shop) == [True]
    assert len(attentive.taken) == 1


def test_what_was_in_doubt_is_sent_once_it_is_confirmed_and_never_repeated(shop: Office, attentive: Peer) -> None:
    attentive.answers = lambda *_: (attentive.is_closing.wait(20), (200, {}))[1]
    shop.set(ATTENTIVE_READ_TIMEOUT="0.5", ATTENTIVE_DUPLICATE_WINDOW="1")
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="Maybe!")
    shop.wait_for_states("unknown")
    tried = len(attentive.taken)
    assert sent(shop, "Juniper & Pine: Maybe!")["reason"] == "confirms"
    (message,) = shop.messages()
    assert (message["state"], message["reason"], len(attentive.taken)) == ("sent", None, tried)
    assert message["sent_at"] == message["confirmed_at"]


def test_what_nobody_vouches_for_confirms_nothing_and_stops_nobody(shop: Office) -> None:
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="Hello!")
    shop.wait_for_states("sent")
    with shop.database.write() as connection:
        connection.execute(update(tables.deliveries).values(unverified="other_secret"))
    shop.stop()
    for what, values in (("sms_sent", {"message.text": "Juniper & Pine: Hello!"}), ("sms_unsubscribed", {})):
        shop.receive("attentive", what, **values, timestamp=milliseconds(datetime.now(UTC)))
    with shop.database.write() as connection:
        connection.execute(update(tables.deliveries).values(unverified="other_secret"))
    shop.start()
    wait_until(lambda: {row["state"] for row in shop.deliveries()} == {"processed"}, "all are processed")
    assert confirmed(shop) == [False]
    with shop.database.read() as connection:
        assert opt_outs.list_out(connection) == []


def test_the_terminal_lists_what_is_not_confirmed(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start()
    for number in range(3):
        shop.tell("ticket.replied", f"09:0{number}", comment=f"Number {number}")
    shop.wait_for_states("sent", "sent", "sent")
    sent(shop, "Juniper & Pine: Number 1")
    with shop.database.write() as connection:
        old = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(tables.messages).where(tables.messages.c.id != 3).values(sent_at=old))
        now = shop.database.now(connection)
        listed = ledger.list_messages(connection, limit=10, unconfirmed_at=now)
    unconfirmed = {row["id"] for row in shop.messages() if not row["confirmed_at"] and row["sent_at"] == old}
    assert {row["id"] for row in listed} == unconfirmed
    # A command's own database is closed with its process.
    monkeypatch.setattr("bridge.cli.setup.open_database", lambda _settings: shop.database)
    shown = CliRunner().invoke(messages, ["list", "--unconfirmed", "--json"])
    assert {row["id"] for row in json.loads(shown.stdout)} == unconfirmed
    (one,) = (row["id"] for row in shop.messages() if row["confirmed_at"])
    assert "confirmed by Attentive" in CliRunner().invoke(messages, ["show", str(one)]).stdout


# --- the share that is confirmed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "is_falling"),
    [
        (Share(sent=100, confirmed=20, usually_sent=1000, usually_confirmed=900), True),
        (Share(sent=100, confirmed=0, usually_sent=1000, usually_confirmed=100), True),
        (Share(sent=100, confirmed=80, usually_sent=1000, usually_confirmed=900), False),
        # nothing was ever confirmed, or too few texts
        (Share(sent=100, confirmed=0, usually_sent=1000, usually_confirmed=0), False),
        (Share(sent=9, confirmed=0, usually_sent=1000, usually_confirmed=900), False),
        (Share(sent=0, confirmed=0, usually_sent=0, usually_confirmed=0), False),
    ],
)
def test_when_too_few_are_confirmed(share: Share, is_falling: bool) -> None:
    assert share.is_falling is is_falling


def test_texts_are_counted_by_the_hour_and_a_falling_share_is_told(shop: Office) -> None:
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="One")
    shop.wait_for_states("sent")
    sent(shop, "Juniper & Pine: One")
    with shop.database.write() as connection:
        now = shop.database.now(connection)
        assert confirming.shares(connection, now + timedelta(hours=2)) == {
            "attentive": Share(sent=1, confirmed=1, usually_sent=0, usually_confirmed=0)
        }
        for hours, times in ((50, 40), (30, 40)):
            confirming.count(connection, "attentive", now - timedelta(hours=hours), sent=times, confirmed=times)
        confirming.count(connection, "attentive", now - timedelta(hours=3), sent=20, confirmed=2)
        share = status.read(connection, now).shares["attentive"]
    assert share == Share(sent=20, confirmed=2, usually_sent=80, usually_confirmed=80)
    assert (share.is_falling, share.unconfirmed) == (True, 18)


def test_without_attentives_webhooks_nothing_is_counted(office: Office) -> None:
    office.start()
    office.tell("ticket.created", "09:00")
    office.wait_for_states("sent")
    with office.database.read() as connection:
        assert confirming.shares(connection, datetime.now(UTC) + timedelta(hours=2)) == {}


# --- opted out ---------------------------------------------------------------------------------------------------


def test_nobody_who_opted_out_is_texted_until_they_come_back(shop: Office, attentive: Peer) -> None:
    shop.start()
    assert hear(shop, "sms_unsubscribed")["reason"] == "opt_out_noted"
    shop.tell("ticket.replied", "09:00", comment="No")
    shop.tell("ticket.replied", "09:01", comment="Yes", to=BEN)
    shop.wait_for_states("skipped", "sent")
    assert {row["reason"] for row in shop.messages()} == {"opted_out", None}
    assert hear(shop, "sms_subscribed", subscription__type="TRANSACTIONAL")["reason"] == "opt_in_noted"
    shop.tell("ticket.replied", "09:02", comment="Welcome back")
    shop.wait_for_states("skipped", "sent", "sent")
    assert sorted(said["body"] for _, said in attentive.taken) == ["Welcome back", "Yes"]


@pytest.mark.parametrize("kind", ["MARKETING", "CHECKOUT_ABANDONED"])
def test_who_leaves_marketing_is_still_texted_and_who_joins_it_has_not_come_back(shop: Office, kind: str) -> None:
    shop.start()
    assert hear(shop, "sms_unsubscribed", subscription__type=kind)["reason"] == "no_template"
    shop.tell("ticket.replied", "09:00", comment="Yes")
    shop.wait_for_states("sent")
    hear(shop, "sms_unsubscribed", subscription__type=None)
    hear(shop, "sms_subscribed", subscription__type=kind)
    shop.tell("ticket.replied", "09:01", comment="No")
    shop.wait_for_states("sent", "skipped")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_last_by_attentives_clock_counts_in_whatever_order_they_come(shop: Office, order: tuple[int, ...]) -> None:
    now = datetime.now(UTC)
    told = [
        Notice(what=what, phone=MAYA, at=now + timedelta(seconds=second))
        for what, second in (("left", 1), ("joined", 2), ("left", 3))
    ]
    with shop.database.write() as connection:
        for number in order:
            opt_outs.note(connection, "attentive", told[number])
            opt_outs.note(connection, "attentive", told[number])
        (row,) = opt_outs.list_out(connection)
        assert (row["to"], row["at"]) == (MAYA, told[2].at)
        assert not opt_outs.note(connection, "attentive", Notice(what="joined", phone=MAYA, at=told[2].at))
        assert opt_outs.note(connection, "attentive", Notice(what="joined", phone=MAYA, at=now + timedelta(days=1)))
        assert opt_outs.list_out(connection) == []


def test_what_waits_for_somebody_who_opts_out_is_skipped_even_if_a_person_let_it_go(
    shop: Office, attentive: Peer
) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.start()
    for number, to in enumerate((MAYA, MAYA, BEN)):
        shop.tell("ticket.replied", f"09:0{number}", comment=f"Number {number}", to=to)
    shop.wait_for_states("held", "held", "held")
    with shop.database.write() as connection:
        values = {"state": "queued", "due": datetime.now(UTC) + timedelta(hours=1), "released": True, "reason": None}
        connection.execute(update(tables.messages).where(tables.messages.c.id == 1).values(values))
    heard = hear(shop, "sms_unsubscribed")
    assert heard["reason"] == "opt_out_noted"
    assert [(row["state"], row["reason"]) for row in shop.messages() if row["to"] == MAYA] == [
        ("skipped", "opted_out")
    ] * 2
    assert [row["state"] for row in shop.messages() if row["to"] == BEN] == ["held"]
    assert attentive.taken == []


def test_who_opts_out_while_a_text_waits_for_its_next_attempt_is_not_tried_again(shop: Office, attentive: Peer) -> None:
    is_heard = threading.Event()
    attentive.answers = lambda *_: (is_heard.wait(20), (503, {}))[1]
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="Late")
    wait_until(lambda: attentive.taken, "it is under way")
    hear(shop, "sms_unsubscribed")
    is_heard.set()
    wait_until(lambda: shop.states()[0] not in ("queued", "sending"), "it is over")
    (message,) = shop.messages()
    # 503 may have been taken.
    assert (message["state"], len(attentive.taken)) in {("skipped", 1), ("unknown", 1)}


def test_a_retry_by_hand_does_not_reach_who_opted_out(shop: Office, attentive: Peer) -> None:
    attentive.answers = lambda *_: (400, {})
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="Hello")
    shop.wait_for_states("refused")
    hear(shop, "sms_unsubscribed")
    with shop.database.write() as connection:
        message = ledger.find_message(connection, 1)
        assert message is not None
        assert ledger.retry(connection, message, shop.database.now(connection))
    shop.wait_for_states("skipped")
    assert (shop.messages()[0]["reason"], len(attentive.taken)) == ("opted_out", 1)


def test_opt_outs_are_told_cleared_and_outlive_the_persons_erasure_without_the_number(
    shop: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start()
    hear(shop, "sms_unsubscribed")
    hear(shop, "sms_unsubscribed", to=BEN)
    # A command's own database is closed with its process.
    monkeypatch.setattr("bridge.cli.setup.open_database", lambda _settings: shop.database)
    listed = json.loads(CliRunner().invoke(people, ["opted-out", "--json"]).stdout)
    assert {row["to"] for row in listed} == {MAYA, BEN}
    assert CliRunner().invoke(people, ["clear", BEN]).exit_code == 0
    with shop.database.write() as connection:
        maya = hashes(connection).of(MAYA)
        erasing.people_of(connection, [maya], None)
        (row,) = opt_outs.list_out(connection)
        assert (row["to"], opt_outs.out(connection, {("attentive", maya)})) == (None, {("attentive", maya)})


def test_who_left_one_brand_is_texted_by_the_other(shop: Office) -> None:
    shop.set(ZENDESK_ATTENTIVE_API_TOKEN="token-z")
    shop.start()
    hear(shop, "sms_unsubscribed")
    shop.tell("ticket.replied", "09:00", comment="Another brand")
    shop.wait_for_states("sent")


def test_the_console_tells_and_lists_what_is_confirmed(shop: Office) -> None:
    shop.start()
    for number in range(2):
        shop.tell("ticket.replied", f"09:0{number}", comment=f"Number {number}")
        shop.wait_for_states(*["sent"] * (number + 1))
    sent(shop, "Juniper & Pine: Number 1")
    with shop.database.read() as connection:
        listed = [
            [row["id"] for row in browsing.list_messages(connection, limit=9, chosen=Chosen(filters=chosen)).rows]
            for chosen in ({"confirmed": True}, {"confirmed": False}, {})
        ]
    assert listed == [[2], [1], [2, 1]]
    titles = [step.title for step in timeline.of_message(shop.messages()[1], shop.attempts()[1:], None)]
    assert titles[-1] == "Attentive says that it sent it"
