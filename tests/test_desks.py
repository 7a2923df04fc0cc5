"""What is put on tickets and orders, against servers that behave as the platforms' documentation says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.errors import LookupFailed, LookupRefused, NotThere, PostingDoubtful, PostingRefused
from bridge.platforms import discover
from bridge.platforms.client import PlatformClient, Timeouts
from bridge.postings import Kind, Posted, Posting
from tests.helpdesks import Fault, Helpdesk, Zendesk, zendesk

PHONE = "+12125550123"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def posting(kind: Kind, **values: object) -> Posting:
    given = Posting(
        id=7,
        kind=kind,
        connection="zendesk",
        account="default",
        mark="bridge-0f3a9c",
        text="sms-sent" if kind == "tag" else "It is still not here.",
        ticket="35436",
        order_id=None,
        phone=PHONE,
        subject=None,
        media=(),
        message_id=1,
        delivery_id=2,
        occurred_at=NOW,
        expires_at=NOW + timedelta(days=1),
        attempts=1,
        may_be_there=False,
    )
    return replace(given, **values)


def client(server: Helpdesk) -> PlatformClient:
    timeouts = Timeouts(connect=1, read=0.4, whole=2)
    return PlatformClient(discover()[server.name], server.credentials, timeouts=timeouts)


def post(server: Helpdesk, what: Posting) -> Posted:
    desk = discover()[server.name].desk
    assert desk
    return desk.post(client(server).ask, what)


@pytest.fixture
def server() -> object:
    with zendesk() as served:
        served.add_ticket("35436", phone="(212) 555-0123", tags=["vip"])
        served.add_user(name="Jane's second account", phone=PHONE)
        yield served


def test_a_note_is_private_and_ours(server: Zendesk) -> None:
    posted = post(server, posting("note"))
    (comment,) = server.tickets["35436"]["comments"]
    assert comment["public"] is False
    assert comment["author_id"] == int(server.agent)
    assert comment["body"] == "It is still not here."
    assert posted == Posted(remote_id=str(comment["id"]), ticket="35436")
    assert server.tickets["35436"]["status"] == "open"


def test_a_tag_keeps_the_others(server: Zendesk) -> None:
    post(server, posting("tag"))
    post(server, posting("tag", may_be_there=True))
    assert server.tickets["35436"]["tags"] == ["vip", "sms-sent"]


@pytest.mark.parametrize(
    ("before", "after"), [("new", "new"), ("pending", "open"), ("hold", "open"), ("solved", "open")]
)
def test_an_answer_is_the_persons_and_reopens(server: Zendesk, before: str, after: str) -> None:
    ticket = server.tickets["35436"]
    ticket["status"] = before
    post(server, posting("answer", media=("https://media.example.com/1.jpg",)))
    (comment,) = ticket["comments"]
    assert comment["public"] is True
    assert comment["author_id"] == ticket["requester_id"]
    assert comment["body"] == "It is still not here.\nhttps://media.example.com/1.jpg"
    assert ticket["status"] == after


def test_an_answer_of_somebody_else_is_theirs(server: Zendesk) -> None:
    known = server.add_user(name="Sam", phone="+12125550124")
    post(server, posting("answer", phone="+12125550124"))
    post(server, posting("answer", phone="+12125550125"))
    first, second = server.tickets["35436"]["comments"]
    assert first["author_id"] == int(known)
    assert server.users[str(second["author_id"])]["phone"] == "+12125550125"


def test_an_agents_number_makes_nobodys_words_an_agents(server: Zendesk) -> None:
    agent = server.add_user(name="Ben", phone="+12125550126", role="agent")
    post(server, posting("answer", phone="+12125550126"))
    (comment,) = server.tickets["35436"]["comments"]
    assert comment["author_id"] != int(agent)


def test_a_ticket_that_is_closed_or_deleted_meanwhile(server: Zendesk) -> None:
    asking = client(server).ask
    meanwhile = [lambda: server.close("35436"), lambda: server.delete("35436")]

    def ask(method: str, path: str, **request: Any) -> Mapping[str, Any]:
        if method == "PUT":
            meanwhile.pop(0)()
        return asking(method, path, **request)

    desk = discover()["zendesk"].desk
    assert desk
    follow_up = desk.post(ask, posting("answer")).ticket
    server.tickets["35436"]["status"] = "open"
    new = desk.post(ask, posting("answer", mark="bridge-2")).ticket
    assert list(server.tickets) == [follow_up, new]


@pytest.mark.parametrize("kind", ["note", "answer"])
@pytest.mark.parametrize("fault", [Fault(hang_after_accept=1), Fault(answers_after=502), Fault(answers_after=500)])
def test_what_may_be_there_is_looked_for(server: Zendesk, kind: Kind, fault: Fault) -> None:
    server.faults.append(fault)
    with pytest.raises(PostingDoubtful):
        post(server, posting(kind))
    posted = post(server, posting(kind, may_be_there=True))
    (comment,) = server.tickets["35436"]["comments"]
    assert posted == Posted(remote_id=str(comment["id"]), ticket="35436")


def test_it_is_found_behind_many_audits(server: Zendesk) -> None:
    post(server, posting("note"))
    for number in range(110):
        post(server, posting("note", mark=f"other-{number}"))
    server.merge("35436", server.add_ticket("99"))
    assert post(server, posting("note", may_be_there=True)).ticket == "35436"
    assert len(server.tickets["99"]["comments"]) == 1


def test_what_is_not_there_is_put_there(server: Zendesk) -> None:
    server.faults.append(Fault(drop=True))
    with pytest.raises(PostingDoubtful):
        post(server, posting("answer"))
    post(server, posting("answer", may_be_there=True))
    assert len(server.tickets["35436"]["comments"]) == 1


def test_a_closed_ticket_gets_a_follow_up_once(server: Zendesk) -> None:
    server.tickets["35436"]["status"] = "closed"
    server.faults.append(Fault(hang_after_accept=1))
    with pytest.raises(PostingDoubtful):
        post(server, posting("answer"))
    posted = post(server, posting("answer", may_be_there=True))
    assert posted.ticket
    assert posted.ticket != "35436"
    assert len(server.tickets) == 2
    follow_up = server.tickets[posted.ticket]
    assert follow_up["via"]["source"]["from"]["ticket_id"] == 35436
    assert follow_up["tags"] == ["vip", "sms-reply"]
    assert follow_up["requester_id"] == server.tickets["35436"]["requester_id"]
    assert posted.remote_id == str(follow_up["comments"][0]["id"])


@pytest.mark.parametrize("kind", ["note", "tag"])
def test_a_closed_ticket_takes_nothing_else(server: Zendesk, kind: Kind) -> None:
    server.tickets["35436"]["status"] = "closed"
    with pytest.raises(PostingRefused, match="closed"):
        post(server, posting(kind))


@pytest.mark.parametrize("kind", ["note", "tag", "answer"])
def test_a_merged_ticket_is_the_one_it_was_merged_into(server: Zendesk, kind: Kind) -> None:
    server.add_ticket("40000", phone=PHONE)
    server.add_ticket("40001", phone=PHONE)
    server.merge("35436", "40000")
    server.merge("40000", "40001")
    assert post(server, posting(kind)).ticket == "40001"
    assert len(server.tickets) == 3


def test_words_of_a_customer_that_look_like_a_merge_lead_nowhere(server: Zendesk) -> None:
    server.add_ticket("40000", phone=PHONE)
    post(
        server,
        replace(posting("answer"), text="This request was closed and merged into request #40000", phone="+12125550177"),
    )
    server.tickets["35436"]["tags"].append("closed_by_merge")
    server.close("35436")
    assert post(server, replace(posting("answer"), mark="another")).ticket not in ("35436", "40000")


def test_a_deleted_ticket(server: Zendesk) -> None:
    server.delete("35436")
    with pytest.raises(NotThere):
        post(server, posting("note"))
    posted = post(server, posting("answer", may_be_there=True))
    assert posted.ticket in server.tickets


def test_a_new_ticket_is_made_once(server: Zendesk) -> None:
    server.faults = [Fault(status=503, retry_after="7"), Fault(hang_after_accept=1)]
    asked = posting("answer", ticket=None, subject="Order #1001")
    with pytest.raises(LookupFailed) as refused:
        post(server, asked)
    assert refused.value.after == 7
    with pytest.raises(PostingDoubtful):
        post(server, asked)
    posted = post(server, replace(asked, may_be_there=True))
    assert posted.ticket
    assert server.tickets[posted.ticket]["subject"] == "Order #1001"
    assert server.tickets[posted.ticket]["tags"] == ["sms-reply"]
    assert len(server.tickets) == 2


def test_a_new_ticket_is_found_when_zendesk_has_forgotten_the_key(server: Zendesk) -> None:
    server.faults.append(Fault(hang_after_accept=1))
    asked = posting("answer", ticket=None)
    # The person is known, so that what hangs is the ticket itself.
    with pytest.raises(PostingDoubtful):
        post(server, asked)
    server.forget_keys()
    posted = post(server, replace(asked, may_be_there=True))
    assert list(server.tickets) == ["35436", posted.ticket]


def test_a_conflict_is_tried_again(server: Zendesk) -> None:
    server.faults.append(Fault(status=409, body={"error": "Conflict"}))
    with pytest.raises(LookupFailed):
        post(server, posting("note"))


def test_refused_words_name_nobody(server: Zendesk) -> None:
    said = {"error": "RecordInvalid", "description": "Phone: +1 (212) 555-0123 of jane@example.com is not valid"}
    server.faults.append(Fault(status=422, body=said))
    with pytest.raises(PostingRefused) as refused:
        post(server, posting("note"))
    assert str(refused.value) == "Zendesk answered 422: Phone: … of … is not valid; RecordInvalid"


def test_what_the_token_is_not_allowed_holds_up_nothing_else(server: Zendesk) -> None:
    server.may_write = False
    asking = client(server)
    desk = discover()["zendesk"].desk
    assert desk
    with pytest.raises(LookupRefused, match="API_TOKEN"):
        desk.post(asking.ask, posting("note"))
    assert asking.ask("GET", "/api/v2/tickets/35436.json")


def test_refused_credentials_hold_up_everything(server: Zendesk) -> None:
    asking = PlatformClient(discover()["zendesk"], {**server.credentials, "API_TOKEN": "other"})
    for _ in range(2):
        with pytest.raises(LookupRefused):
            asking.ask("GET", "/api/v2/tickets/35436.json")
    assert len(server.asked) == 1


def test_a_platform_that_asks_to_wait_is_asked_nothing(server: Zendesk) -> None:
    server.faults.append(Fault(status=429, retry_after="33", reads=True))
    asking = client(server)
    for _ in range(2):
        with pytest.raises(LookupFailed) as told:
            asking.ask("PUT", "/api/v2/tickets/35436.json", json={})
        assert told.value.after == pytest.approx(33, abs=1)
    assert len(server.asked) == 1


def test_one_that_cannot_be_reached_has_taken_nothing() -> None:
    with zendesk() as gone:
        pass
    with pytest.raises(LookupFailed):
        client(gone).ask("PUT", "/api/v2/tickets/35436.json", json={})
