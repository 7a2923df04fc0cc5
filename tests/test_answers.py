"""Which ticket a customer's answer belongs on, and what the bridge itself wrote there."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import wait_until
from helpdesks import Fault, Zendesk, serving, zendesk
from more_helpdesks import Shopify
from office import Office
from sqlalchemy import select, update

from bridge import answering, echoing, sources
from bridge.answered import About, Trace, essence
from bridge.answering import Places
from bridge.errors import Misconfigured
from bridge.events import Delivery, Event, Notice, Order, Ticket
from bridge.postings import Ended, NewPosting, Posted
from bridge.reasons import Reason
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.sighting import Sighting
from bridge.sources.attentive import parse
from bridge.sources.samples import load
from bridge.store import answers, deeds, sightings, tables
from bridge.store import postings as store
from bridge.store.database import Database
from bridge.store.traces_of_postings import finder

MAYA, BEN = "+12125550123", "+14165550142"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


# --- what Attentive tells ------------------------------------------------------------------------------------------


def told(**message: object) -> Notice | None:
    body = json.loads(load("attentive")["sms_inbound_message"].body)
    body["message"] = {"type": "INBOUND", "to_phone": "+18335550142", **message}
    parsed = parse(Delivery(connection="attentive", headers={}, body=json.dumps(body).encode(), received_at=NOW))
    assert isinstance(parsed, tuple)
    return parsed[0].notice


PICTURE, SECOND = "https://media.example.com/1.jpg", "https://media.example.com/2.png"


@pytest.mark.parametrize(
    ("message", "text", "media"),
    [
        ({"text": "Thanks!"}, "Thanks!", ()),
        ({"text": "See", "mediaUrl": PICTURE}, "See", (PICTURE,)),
        ({"text": None, "media_url": PICTURE}, "", (PICTURE,)),
        ({"media": [{"url": PICTURE}, {"mediaUrl": SECOND}]}, "", (PICTURE, SECOND)),
        ({"text": "", "mediaUrls": [PICTURE, SECOND, PICTURE, 7, {}]}, "", (PICTURE, SECOND)),
        ({"text": "Hi", "media": "javascript:alert(1)"}, "Hi", ()),
    ],
)
def test_an_answer_is_its_text_and_its_pictures(message: dict[str, object], text: str, media: tuple[str, ...]) -> None:
    notice = told(**message)
    assert notice is not None
    assert (notice.what, notice.phone, notice.text, notice.media) == ("answered", MAYA, text, media)


@pytest.mark.parametrize("message", [{}, {"text": " "}, {"text": None, "media": [{}]}])
def test_what_says_nothing_is_no_answer(message: dict[str, object]) -> None:
    assert told(**message) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((word, True) for word in ("STOP", "stop", " Stop. ", "STOPALL", "stop all", "Unsubscribe", "QUIT!", "END")),
        *((word, True) for word in ("START", "unstop", "HELP", "help?", "INFO", "\uff33\uff34\uff2f\uff30")),
        *((word, False) for word in ("Stop it, please", "help me", "Yes", "Y", "no", "", "\u2764", "Start tomorrow?")),
    ],
)
def test_which_words_are_left_to_attentive(text: str, is_one: bool) -> None:
    assert answering.is_keyword(text) is is_one


# --- where it belongs ----------------------------------------------------------------------------------------------


def about(at: float, **values: Any) -> About:
    return About(**{"connection": "zendesk", "at": minutes(at), **values})


@pytest.mark.parametrize(
    ("moments", "chosen"),
    [
        ([], None),
        ([-5], -5),
        ([-9, -5, -20], -5),
        # A webhook that comes late is about what was there when it was written.
        ([-5, 3], -5),
        # The clocks differ a little.
        ([-5, 0.5], 0.5),
        ([3, 9], 3),
    ],
)
def test_an_answer_is_about_the_last_text_before_it(moments: list[float], chosen: float | None) -> None:
    found = answering.newest([about(at) for at in moments], NOW)
    assert (found.at if found else None) == (minutes(chosen) if chosen is not None else None)


ONE = Places(tickets={"zendesk": "a"})
TWO = Places(tickets={"zendesk": "a", "gorgias": "a"}, orders=frozenset({"shopify"}))
CHOSEN = replace(TWO, chosen="gorgias")
BRANDS = Places(tickets={"zendesk": "a", "gorgias": "b"})
SHOP = Places(tickets={}, orders=frozenset({"shopify"}), lacking="Set ZENDESK_URL.")
ORDER = {"connection": "shopify", "order_id": "4182007", "order_name": "#1001"}
NEW = "Answer by text message"
OF_ORDER = "Answer to our text about order #1001"


@pytest.mark.parametrize(
    ("text", "places", "expected", "detail"),
    [
        # On the ticket that the text was about, wherever that is.
        ({"ticket": "7"}, ONE, [("answer", "zendesk", "7", None)], "Ticket 7 of zendesk."),
        ({"ticket": "7"}, CHOSEN, [("answer", "zendesk", "7", None)], "Ticket 7 of zendesk."),
        ({"ticket": "7", **ORDER, "connection": "zendesk"}, TWO, [("answer", "zendesk", "7", None)], None),
        # A new ticket that is not there yet takes the next answer, too.
        ({"is_answer": True}, TWO, [("answer", "zendesk", None, None)], "A new ticket at zendesk."),
        # Nothing is known: a new ticket.
        (None, ONE, [("answer", "zendesk", None, NEW)], "A new ticket at zendesk."),
        ({}, CHOSEN, [("answer", "gorgias", None, NEW)], "A new ticket at gorgias."),
        (None, BRANDS, [("answer", "zendesk", None, NEW)], None),
        # The ticket's helpdesk takes no answers.
        (
            {"connection": "front", "ticket": "7"},
            ONE,
            [("answer", "zendesk", None, "Answer to our text about ticket 7")],
            None,
        ),
        # About an order: on it, and a ticket.
        (ORDER, CHOSEN, [("note", "shopify", "4182007", None), ("answer", "gorgias", None, OF_ORDER)], None),
        (ORDER, ONE, [("answer", "zendesk", None, OF_ORDER)], None),
        (
            {**ORDER, "connection": "aftership", "orders_at": "shopify"},
            CHOSEN,
            [("note", "shopify", "4182007", None), ("answer", "gorgias", None, OF_ORDER)],
            "Order 4182007 of shopify. A new ticket at gorgias.",
        ),
        (ORDER, SHOP, [("note", "shopify", "4182007", None)], "Order 4182007 of shopify. Set ZENDESK_URL."),
        # No place.
        (None, TWO, [], "Set REPLIES_TO to one of gorgias, zendesk."),
        ({"connection": "shopify"}, SHOP, [], "Set ZENDESK_URL."),
        (None, replace(ONE, chosen="shopify", lacking="Connect."), [], "Connect."),
    ],
)
def test_where_an_answer_is_put(
    text: dict[str, Any] | None, places: Places, expected: list[tuple[str | None, ...]], detail: str | None
) -> None:
    notice = Notice(what="answered", phone=MAYA, at=NOW, text="Blue, please", media=(PICTURE,))
    known = about(-5, **text) if text is not None else None
    made, reason = answering.passed_on(notice, "a", 3, known, places, NOW)
    assert [(one.kind, one.connection, one.ticket or one.order_id) for one in made] == [row[:3] for row in expected]
    titles = [one.subject for one in made if one.kind == "answer" and not one.ticket]
    assert titles == [row[3] or NEW for row in expected if row[0] == "answer" and not row[2]]
    assert reason.code == ("answer_passed_on" if expected else "answer_has_no_place")
    assert detail is None or reason.detail == detail
    for one in made:
        assert (one.account, one.phone, one.delivery_id, one.occurred_at) == ("a", MAYA, 3, NOW)
        assert ("Blue, please" in one.text, MAYA in one.text) == (True, False)
        assert PICTURE in (one.media if one.kind == "answer" else one.text)
    assert len({one.once for one in made}) == len(made)


def settings_of(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings.from_env(sources.names())


ACCESS = {"URL": "http://127.0.0.1:9", "EMAIL": "a@example.com", "API_TOKEN": "t"}


def access(name: str) -> dict[str, str]:
    return {f"{name}_{last}": value for last, value in ACCESS.items()} | {f"{name}_SECRETS": "s"}


def test_what_is_configured_says_where_answers_can_go(monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.platforms import discover

    nowhere = answering.places(settings_of(monkeypatch), discover())
    assert (nowhere.new_ticket_at("attentive"), "docs/answers.md" in nowhere.what_to_set) == (None, True)
    lacking = answering.places(settings_of(monkeypatch, ZENDESK_SECRETS="s"), discover())
    assert lacking.what_to_set == "Set ZENDESK_URL, ZENDESK_EMAIL, ZENDESK_API_TOKEN."
    one = answering.places(settings_of(monkeypatch, **access("ZENDESK")), discover())
    assert one.new_ticket_at("attentive") == "zendesk"
    two = answering.places(
        settings_of(monkeypatch, CONNECTIONS="zendesk=zendesk,zd-b=zendesk", **access("ZD_B")), discover()
    )
    assert (two.new_ticket_at("attentive"), two.what_to_set) == (None, "Set REPLIES_TO to one of zd-b, zendesk.")
    chosen = answering.places(settings_of(monkeypatch, REPLIES_TO="zd-b"), discover())
    assert chosen.new_ticket_at("attentive") == "zd-b"


def test_a_setting_that_names_no_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match=r"REPLIES_TO.*'zendesk' is no configured connection: shopify"):
        settings_of(monkeypatch, REPLIES_TO="zendesk", SHOPIFY_SECRETS="s")


# --- with a helpdesk -----------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Iterator[Zendesk]:
    with zendesk() as served:
        for number, phone in (("100", MAYA), ("200", MAYA), ("300", BEN)):
            served.add_ticket(number, phone=phone)
        yield served


@pytest.fixture
def shop(office: Office, desk: Zendesk) -> Office:
    """An office whose customers' answers go to Zendesk; an agent's replies are texted."""
    office.set(ATTENTIVE_SECRETS="a", TEMPLATES_DIR=None, **desk.settings)
    office.write_template("replied", "---\nevent: ticket.replied\n---\n{{ ticket.comment | plain }}")
    return office


_moments = itertools.count()


def answer(shop: Office, text: str, *, to: str = MAYA, connection: str = "attentive", **values: object) -> int:
    at = datetime.now(UTC) + timedelta(milliseconds=next(_moments))
    given = {"message.text": text, "subscriber.phone": to, "timestamp": int(at.timestamp() * 1000)} | values
    return shop.receive(connection, "sms_inbound_message", **given)


def texted(shop: Office, ticket: str, *, times: int = 1, **values: str) -> None:
    """A text about this ticket leaves; `times` so many have then."""
    shop.tell("ticket.replied", f"09:{times:02}", ticket=ticket, comment=f"About {ticket}", **values)
    shop.wait_for_states(*["sent"] * times)


def postings(shop: Office) -> list[dict[str, Any]]:
    with shop.database.read() as connection:
        table = tables.postings
        return [row._asdict() for row in connection.execute(select(table).order_by(table.c.id))]


def reason_of(shop: Office, delivery: int) -> tuple[str | None, str | None]:
    def found() -> dict[str, Any]:
        return next(row for row in shop.deliveries() if row["id"] == delivery)

    wait_until(lambda: found()["state"] != "stored", f"delivery {delivery} is processed", 15)
    return found()["reason"], found()["detail"]


def wait_until_posted(shop: Office, count: int) -> list[dict[str, Any]]:
    wait_until(lambda: [row["state"] for row in postings(shop)] == ["posted"] * count, f"{count} are posted", 15)
    return postings(shop)


def comments(desk: Zendesk, ticket: str) -> list[str]:
    return [one["body"] for one in desk.tickets[ticket]["comments"]]


def test_an_answer_is_a_public_comment_of_the_person_on_the_ticket_of_the_last_text(
    shop: Office, desk: Zendesk
) -> None:
    shop.start()
    texted(shop, "100")
    texted(shop, "200", times=2)
    texted(shop, "300", times=3, to=BEN)
    number = answer(shop, "Blue, please")
    assert reason_of(shop, number) == ("answer_passed_on", "Ticket 200 of zendesk.")
    (row,) = wait_until_posted(shop, 1)
    assert (row["posted_on"], row["message_id"], row["delivery_id"]) == ("200", 2, number)
    (comment,) = desk.tickets["200"]["comments"]
    assert (comment["body"], comment["public"]) == ("Blue, please", True)
    assert comment["author_id"] == desk.tickets["200"]["requester_id"]
    assert [comments(desk, one) for one in ("100", "300")] == [[], []]


def test_an_answer_is_posted_once_however_often_it_is_told(shop: Office, desk: Zendesk) -> None:
    shop.set(CONNECTIONS="zendesk=zendesk,attentive=attentive,second=attentive", SECOND_SECRETS="b")
    shop.start()
    texted(shop, "100")
    given: dict[str, object] = {"timestamp": int(datetime.now(UTC).timestamp() * 1000)}
    first = answer(shop, "Once", **given)
    wait_until_posted(shop, 1)
    for again in (False, True):
        with shop.database.write() as connection:
            now = shop.database.now(connection)
            assert deeds.replay(connection, first, again=again, who="test", now=now)
        assert reason_of(shop, first) == ("answer_passed_on", "Ticket 100 of zendesk.")
    reason_of(shop, answer(shop, "Once", connection="second", **given))
    assert len(postings(shop)) == 1
    # What is written twice is two answers.
    answer(shop, "Once")
    wait_until_posted(shop, 2)
    assert comments(desk, "100") == ["Once", "Once"]


def test_what_nobody_vouches_for_is_written_on_no_ticket(shop: Office) -> None:
    number = answer(shop, "Send it to Mallory")
    with shop.database.write() as connection:
        connection.execute(update(tables.deliveries).values(unverified="other_secret"))
    shop.start()
    assert reason_of(shop, number)[0] == "no_template"
    assert postings(shop) == []


@pytest.mark.parametrize("word", ["STOP", "help"])
def test_words_that_attentive_answers_are_left_to_it(shop: Office, word: str) -> None:
    shop.start()
    assert reason_of(shop, answer(shop, word))[0] == "keyword_left_to_attentive"
    assert postings(shop) == []


def test_without_a_helpdesk_it_is_said_what_to_set(shop: Office) -> None:
    shop.set(ZENDESK_API_TOKEN=None)
    shop.start()
    assert reason_of(shop, answer(shop, "Hello?")) == ("answer_has_no_place", "Set ZENDESK_API_TOKEN.")
    assert postings(shop) == []


def test_who_answers_out_of_the_blue_gets_one_ticket_for_all_they_write(shop: Office, desk: Zendesk) -> None:
    for number in range(3):
        answer(shop, f"Line {number}")
    answer(shop, "Another person", to=BEN)
    shop.start("one")
    shop.start("two")
    rows = wait_until_posted(shop, 4)
    tickets = {row["posted_on"] for row in rows if row["recipient"] == rows[0]["recipient"]}
    assert len({row["posted_on"] for row in rows}) == 2
    (ticket,) = tickets & set(desk.tickets)
    assert comments(desk, ticket) == ["Line 0", "Line 1", "Line 2"]
    # The next goes there, too, without a text in between.
    assert reason_of(shop, answer(shop, "Later")) == ("answer_passed_on", f"Ticket {ticket} of zendesk.")


def test_workers_take_turns_with_one_persons_answers(database: Database) -> None:
    is_its_turn = threading.Event()

    def wait() -> None:
        with database.write() as connection:
            answers.take_turns(connection, [MAYA])
            is_its_turn.set()

    second = threading.Thread(target=wait)
    with database.write() as connection:
        answers.take_turns(connection, [BEN, MAYA])
        second.start()
        assert not is_its_turn.wait(0.5)
    second.join(10)
    assert is_its_turn.is_set()


def test_an_answer_goes_on_where_the_last_one_went(shop: Office, desk: Zendesk) -> None:
    shop.start()
    texted(shop, "100")
    desk.tickets["100"]["status"] = "closed"
    answer(shop, "Not yet!")
    answer(shop, "Hello?")
    first, second = wait_until_posted(shop, 2)
    assert first["posted_on"] == second["posted_on"] != "100"
    assert comments(desk, first["posted_on"]) == ["Not yet!", "Hello?"]
    number = answer(shop, "Anybody?")
    assert reason_of(shop, number)[1] == f"Ticket {first['posted_on']} of zendesk."


def test_old_texts_and_texts_that_did_not_leave_are_not_answered(shop: Office) -> None:
    shop.start()
    texted(shop, "100")
    texted(shop, "200", times=2)
    with shop.database.write() as connection:
        old = datetime.now(UTC) - timedelta(days=31)
        this = tables.messages.c.id
        connection.execute(update(tables.messages).where(this == 1).values(sent_at=old, claimed_at=old))
        connection.execute(update(tables.messages).where(this == 2).values(state="refused"))
    assert reason_of(shop, answer(shop, "Who?"))[1] == "A new ticket at zendesk."


def test_an_answer_about_an_order_is_noted_on_it_and_opens_a_ticket_that_names_it(shop: Office, desk: Zendesk) -> None:
    with serving(Shopify()) as platform:
        shop.set(**platform.settings)
        shop.start()
        shop.receive("shopify", "orders_create")
        shop.wait_for_states("sent")
        (message,) = shop.messages()
        platform.add_order(message["order_id"], "Ring twice")
        known = Sighting(
            account="attentive",
            key=f"order:{message['order_id']}",
            connection="shopify",
            order=Order(id=message["order_id"], name="#4182"),
        )
        with shop.database.write() as connection:
            sightings.write(connection, [known], datetime.now(UTC))
        number = answer(shop, "Can I change it?", to=message["to"])
        where = f"Order {message['order_id']} of shopify. A new ticket at zendesk."
        assert reason_of(shop, number) == ("answer_passed_on", where)
        (ticket,) = (row["posted_on"] for row in wait_until_posted(shop, 2) if row["kind"] == "answer")
        assert desk.tickets[ticket]["subject"] == "Answer to our text about order #4182"
        assert comments(desk, ticket) == ["Can I change it?"]
        note = platform.orders[message["order_id"]]["note"]
        assert note.startswith("Ring twice\n")
        assert f"(number ending {message['to'][-4:]}): \u201cCan I change it?\u201d" in note
        # From here on it is a conversation on the ticket.
        number = answer(shop, "To blue", to=message["to"])
        assert reason_of(shop, number)[1] == f"Ticket {ticket} of zendesk."
        wait_until_posted(shop, 3)
    assert platform.orders[message["order_id"]]["note"] == note


def test_an_answer_about_one_brand_does_not_look_at_the_texts_of_the_other(shop: Office) -> None:
    shop.set(ZENDESK_ATTENTIVE_API_TOKEN="token-z")
    shop.start()
    texted(shop, "100")
    assert reason_of(shop, answer(shop, "Hi"))[1] == "A new ticket at zendesk."


# --- what the bridge itself wrote ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "is_same"),
    [
        ("Blue, please", True),
        ("  blue,\n please  ", True),
        ('<div class="zd-comment"><p dir="auto">Blue,&nbsp;please</p></div>', True),
        (f"Blue, please\n{PICTURE}", True),
        ("Blue, please\nRef. 0123456789abcdef\n", True),
        ("<div>Blue, please</div><div>Ref. 0123456789abcdef</div>", True),
        ("Blue, please\nRef. 0123456789abcdef\nYes!", False),
        ("Blue, please!! Thanks", False),
        ("> Blue, please\nWe have only red.", False),
        ("<blockquote>Blue, please</blockquote><p>Red?</p>", False),
        ("", False),
    ],
)
def test_what_is_the_same_as_platforms_tell_it(comment: str, is_same: bool) -> None:
    assert (essence("Blue, please") in {essence(comment), essence(comment, is_html=True)}) is is_same


def test_a_picture_alone_is_known_by_its_address_and_is_no_other() -> None:
    assert essence(PICTURE) == essence(f"<p>{PICTURE}</p><p>Ref. 0123456789abcdef</p>", is_html=True) != ""
    assert essence(PICTURE) != essence("https://shop.example.com/track/1Z999")
    assert essence("") == ""


TRACE = Trace(kind="answer", since=minutes(-2), until=minutes(-1), ticket="7", posted_on="7", remote_id="900")
WORDS = replace(TRACE, by_words=True)
COMMENT = {"kind": "ticket.replied", "identity": "ticket.replied:zendesk:55"}


@pytest.mark.parametrize(
    ("event", "trace", "is_own"),
    [
        # by the comment's id
        ({"identity": "ticket.replied:comment:900"}, TRACE, True),
        ({"identity": "ticket.replied:comment:900", "by_agent": True}, TRACE, True),
        ({"identity": "ticket.replied:comment:901"}, TRACE, False),
        ({"identity": "ticket.replied:comment:900", "ticket": "8"}, TRACE, False),
        ({"identity": "ticket.solved:zendesk:7"}, replace(TRACE, remote_id="7"), False),
        # by its words
        ({}, WORDS, True),
        ({"kind": "ticket.created"}, WORDS, True),
        ({"ticket": "8"}, WORDS, False),
        ({"ticket": "8"}, replace(WORDS, posted_on="8"), True),
        ({"ticket": "8"}, replace(WORDS, posted_on=None, until=None), True),
        # An agent may say the same, and later somebody else.
        ({"by_agent": True}, WORDS, False),
        ({"kind": "ticket.solved"}, WORDS, False),
        ({"at": 120}, WORDS, False),
        ({"at": 120}, replace(WORDS, until=None), True),
        ({"at": -30}, WORDS, False),
        # A note has words that nobody else writes.
        ({"by_agent": True, "at": 1000}, replace(WORDS, kind="note"), True),
    ],
)
def test_what_is_known_as_the_bridges_own(
    monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], trace: Trace, is_own: bool
) -> None:
    route = replace(routes(settings_of(monkeypatch, ZENDESK_SECRETS="s"))["zendesk"], find_traces=lambda *_: [trace])
    told = Event(
        kind=event.get("kind", "ticket.replied"),
        source="zendesk",
        connection="zendesk",
        occurred_at=minutes(event.get("at", 0)),
        identity=event.get("identity"),
        ticket=Ticket(id=event.get("ticket", "7"), comment="Blue, please"),
        by_agent=event.get("by_agent", False),
    )
    assert echoing.is_own(told, route) is is_own
    assert not echoing.is_own(told, replace(route, find_traces=None))
    assert not echoing.is_own(replace(told, ticket=Ticket(comment="Blue, please")), route)


def test_only_platforms_that_are_written_to_are_looked_at(monkeypatch: pytest.MonkeyPatch, database: Any) -> None:
    made = echoing.recognising(routes(settings_of(monkeypatch, ZENDESK_SECRETS="s", HELPSCOUT_SECRETS="s")), database)
    looked: Callable[[Route], bool] = lambda route: route.find_traces is not None  # noqa: E731
    assert {name: looked(route) for name, route in made.items()} == {"zendesk": True, "helpscout": False}


def test_the_helpdesks_webhooks_about_an_answer_make_no_text(shop: Office, desk: Zendesk) -> None:
    """Templates for whatever happens on a ticket, and a trigger without conditions: nothing of ours comes back."""
    everything = "event: [ticket.created, ticket.replied, ticket.updated, zendesk.ticket.comment_added]"
    shop.write_template("replied", f"---\n{everything}\n---\n{{{{ ticket.comment | plain }}}}")
    shop.start()
    texted(shop, "100")
    answer(shop, "Where is it?")
    answer(shop, "New one", to=BEN)
    rows = wait_until_posted(shop, 2)
    new = rows[1]["posted_on"]
    (comment,) = desk.tickets["100"]["comments"]
    now = datetime.now(UTC).isoformat()
    by_customer = {
        "detail.id": "100",
        "event.comment.id": str(comment["id"]),
        "event.comment.body": "Where is it?",
        "time": now,
    }
    html = '<div class="zd-comment" dir="auto"><p dir="auto">Where is it?</p></div>'
    by_trigger = {"ticket.id": "100", "ticket.comment": html, "occurred_at": now, "customer.phone": MAYA}
    told = [
        shop.receive("zendesk", "comment_added_by_customer", id="e1", **by_customer),
        shop.receive("zendesk", "comment_added_by_customer", id="e2", **by_customer),
        shop.receive("zendesk", "trigger_replied", id="t1", **by_trigger),
        shop.receive(
            "zendesk", "ticket_created_event", **{"detail.id": new, "detail.description": "New one", "time": now}
        ),
    ]
    assert [reason_of(shop, one)[0] for one in told] == ["own_update"] * 4
    # An agent's reply goes out: with the customer's words in it, and even with the same words.
    quoting = {**by_trigger, "ticket.comment": "<blockquote>Where is it?</blockquote><p>At the depot.</p>"}
    assert reason_of(shop, shop.receive("zendesk", "trigger_replied", id="t2", **quoting))[0] is None
    same = {**by_customer, "event.comment.id": "77", "detail.requester_id": "5", "event.comment.author.id": "6"}
    reason_of(shop, shop.receive("zendesk", "comment_added_event", id="e3", **same))
    shown = [row["body"] for row in shop.messages()]
    assert len(shown) == 3, shown
    assert "At the depot." in shown[1]
    assert len(postings(shop)) == 2


def test_the_words_of_an_answer_that_is_not_there_are_free_for_agents(database: Database) -> None:
    """What the helpdesk has refused, or not taken yet, must not swallow each agent's "Thanks!" from then on."""
    posting = NewPosting(
        kind="answer", connection="zendesk", account="attentive", once="1", text="Thanks!", phone=MAYA,
        occurred_at=NOW, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    find = finder(database)

    def known() -> list[datetime | None]:
        return [one.until for one in find("zendesk", [], [essence("Thanks!")])]

    def after(then: Ended) -> list[datetime | None]:
        with database.write() as connection:
            store.finish(connection, {claimed.id: then}, NOW)
        return known()

    with database.write() as connection:
        store.add(connection, [posting], NOW)
        (claimed,) = store.claim(connection, "worker-1", 1, NOW)
    assert known() == [None]
    assert after(Ended(state="queued", due=NOW, waiting_for="retry")) == []
    assert after(Ended(state="failed", reason=Reason(code="posting_refused"))) == []
    assert after(Ended(state="queued", due=NOW, waiting_for="retry", doubtful_since=NOW)) == [None]
    assert after(Ended(state="failed", reason=Reason(code="posting_gave_up"))) == [NOW]
    assert after(Ended(state="posted", posted=Posted(ticket="7"))) == [NOW]


def test_a_webhook_that_is_faster_than_zendesks_answer_to_us_is_known(shop: Office, desk: Zendesk) -> None:
    shop.start()
    texted(shop, "100")
    desk.faults.append(Fault(hang_after_accept=3))
    answer(shop, "Quick")
    wait_until(lambda: desk.tickets["100"]["comments"], "the comment is there", 15)
    told = shop.receive(
        "zendesk",
        "trigger_replied",
        **{"ticket.id": "100", "ticket.comment": "Quick", "occurred_at": datetime.now(UTC).isoformat()},
    )
    assert reason_of(shop, told)[0] == "own_update"
    assert [row["state"] for row in postings(shop)] == ["posting"]
    wait_until_posted(shop, 1)
    assert comments(desk, "100") == ["Quick"]
