"""The same cases for every helpdesk that things are put on: one table of what must hold for all of them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bridge.errors import LookupFailed, LookupRefused, NotThere, PostingDoubtful, PostingRefused
from bridge.postings import Kind, Posted
from tests.helpdesks import Fault, Helpdesk, Line, Zendesk, serving
from tests.more_helpdesks import Freshdesk, Gorgias, Kustomer, Shopify
from tests.test_desks import PHONE, client, post, posting

OTHER = "+12125550124"


@pytest.fixture(params=[Zendesk, Gorgias, Freshdesk, Kustomer], ids=lambda kind: kind.name)
def server(request: pytest.FixtureRequest) -> Iterator[Helpdesk]:
    with serving(request.param()) as served:
        yield served


def only_line(server: Helpdesk, ticket: str | None) -> Line:
    assert ticket
    (line,) = server.lines(ticket)
    return line


def test_a_note_is_private(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    posted = post(server, posting("note", ticket=ticket))
    line = only_line(server, ticket)
    assert line.private
    assert line.phone is None
    assert line.text.startswith("It is still not here.")
    assert posted == Posted(remote_id=line.id, ticket=ticket)


def test_an_answer_is_the_persons_and_seen_by_all(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.open_ticket(OTHER)
    posted = post(server, posting("answer", ticket=ticket, media=("https://media.example.com/1.jpg",)))
    line = only_line(server, ticket)
    assert not line.private
    assert line.phone == PHONE
    assert "https://media.example.com/1.jpg" in line.text
    assert posted == Posted(remote_id=line.id, ticket=ticket)


def test_a_tag_keeps_the_others(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE, "vip")
    for may_be_there in (False, True):
        post(server, posting("tag", ticket=ticket, may_be_there=may_be_there))
    assert server.tags_of(ticket) == ["vip", "sms-sent"]


@pytest.mark.parametrize("kind", ["note", "answer"])
@pytest.mark.parametrize("fault", [Fault(hang_after_accept=1), Fault(answers_after=502), Fault(drop=True)])
def test_it_is_there_once_after_no_answer(server: Helpdesk, kind: Kind, fault: Fault) -> None:
    ticket = server.open_ticket(PHONE)
    server.faults.append(fault)
    with pytest.raises(PostingDoubtful):
        post(server, posting(kind, ticket=ticket))
    posted = post(server, posting(kind, ticket=ticket, may_be_there=True))
    line = only_line(server, ticket)
    assert posted == Posted(remote_id=line.id, ticket=ticket)


def test_another_posting_with_the_same_words_is_another(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    post(server, posting("answer", ticket=ticket))
    post(server, posting("answer", ticket=ticket, mark="bridge-0f3a9d", may_be_there=True))
    assert len(server.lines(ticket)) == 2


def test_an_answer_on_a_closed_ticket_lands_on_an_open_one(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.close(ticket)
    posted = post(server, posting("answer", ticket=ticket))
    assert posted.ticket
    assert server.is_open(posted.ticket)
    assert only_line(server, posted.ticket).phone == PHONE


def test_a_merged_ticket_is_the_one_it_was_merged_into(server: Helpdesk) -> None:
    if not server.can_merge:
        # Freshdesk and Kustomer tell nobody where a ticket went; it stays where it can be answered.
        ticket = server.open_ticket(PHONE)
        assert post(server, posting("note", ticket=ticket)).ticket == ticket
        return
    ticket, target = server.open_ticket(PHONE), server.open_ticket(PHONE)
    post(server, posting("answer", ticket=ticket, mark="before"))
    server.merge(ticket, target)
    before = len(server.lines(target))
    assert post(server, posting("answer", ticket=ticket)).ticket == target
    assert post(server, posting("answer", ticket=ticket, may_be_there=True)).ticket == target
    assert len(server.lines(target)) == before + 1


def test_a_deleted_ticket(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.delete(ticket)
    for kind in ("note", "tag"):
        with pytest.raises(NotThere):
            post(server, posting(kind, ticket=ticket))
    posted = post(server, posting("answer", ticket=ticket, may_be_there=True))
    assert server.ticket_ids() == [posted.ticket]
    assert only_line(server, posted.ticket).phone == PHONE


@pytest.mark.parametrize("phone", [PHONE, "+12125550199"])
@pytest.mark.parametrize("fault", [Fault(hang_after_accept=1), Fault(drop=True)])
def test_a_new_ticket_is_made_once_for_whoever_it_is(server: Helpdesk, phone: str, fault: Fault) -> None:
    """Whichever of its requests gets no answer."""
    known = server.open_ticket(PHONE)
    asked = posting("answer", ticket=None, phone=phone, subject="Order #1001")
    for _ in range(3):
        server.faults.append(fault)
        try:
            post(server, asked)
        except PostingDoubtful:
            asked = replace(asked, may_be_there=True)
    server.faults.clear()
    posted = post(server, replace(asked, may_be_there=True))
    assert [ticket for ticket in server.ticket_ids() if ticket != known] == [posted.ticket]
    assert only_line(server, posted.ticket).phone == phone
    assert server.tags_of(str(posted.ticket)) == ["sms-reply"]


def test_nothing_is_tried_again_in_one_try(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.faults = [Fault(status=503, retry_after="7"), Fault(status=503)]
    with pytest.raises(LookupFailed) as told:
        post(server, posting("note", ticket=ticket))
    assert told.value.after == 7
    with pytest.raises(PostingDoubtful):
        post(server, posting("note", ticket=ticket))
    assert len(server.written) == 2


def test_one_that_asks_to_wait(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.faults.append(Fault(status=429, retry_after="33"))
    with pytest.raises(LookupFailed) as told:
        post(server, posting("note", ticket=ticket))
    assert told.value.after == 33


def test_refused_words_name_nobody(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    said = {"description": f"No note for {PHONE} or jane@example.com, says {'s3cr3t' * 5}"}
    server.faults.append(Fault(status=422, body=said))
    with pytest.raises(PostingRefused, match=r"422: No note for … or … says …$"):
        post(server, posting("note", ticket=ticket))


def test_a_token_that_may_only_read(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.may_write = False
    with pytest.raises(LookupRefused, match="API_TOKEN"):
        post(server, posting("note", ticket=ticket))


def test_a_wrong_token(server: Helpdesk) -> None:
    ticket = server.open_ticket(PHONE)
    server.token = "changed"  # type: ignore[misc]
    wrong = client(server)
    server.token = "token-0123456789"  # type: ignore[misc]
    with pytest.raises(LookupRefused):
        wrong.ask("POST", "/anything", json={"query": ""})
    with pytest.raises(LookupRefused):
        wrong.ask("GET", f"/{ticket}")
    assert len(server.asked) == 1


@pytest.mark.parametrize("ticket", ["../users/1", "1?x=2", ""])
def test_an_id_that_is_none_goes_nowhere(server: Helpdesk, ticket: str) -> None:
    with pytest.raises(PostingRefused):
        post(server, posting("note", ticket=ticket))
    assert not server.asked


@pytest.fixture
def shop() -> Iterator[Shopify]:
    with serving(Shopify()) as served:
        served.add_order("450789469", "Gift, no invoice.", "vip")
        yield served


def order_posting(kind: Kind, **values: object) -> object:
    return posting(kind, ticket=None, order_id="450789469", **values)


@pytest.mark.parametrize("fault", [Fault(hang_after_accept=1), Fault(drop=True)])
def test_an_orders_note_is_added_to_once(shop: Shopify, fault: Fault) -> None:
    shop.faults.append(fault)
    with pytest.raises(PostingDoubtful):
        post(shop, order_posting("note"))
    for _ in range(2):
        assert post(shop, order_posting("note", may_be_there=True)) == Posted()
    assert shop.orders["450789469"]["note"] == "Gift, no invoice.\nIt is still not here. [bridge-0f3a9c]"


def test_an_orders_tags_are_kept(shop: Shopify) -> None:
    post(shop, order_posting("tag"))
    post(shop, order_posting("tag"))
    assert shop.orders["450789469"]["tags"] == ["vip", "sms-sent"]


@pytest.mark.parametrize("kind", ["note", "tag"])
def test_an_order_that_is_gone(shop: Shopify, kind: Kind) -> None:
    shop.orders.clear()
    with pytest.raises(NotThere):
        post(shop, order_posting(kind))


def test_a_full_note_is_left_as_it_is(shop: Shopify) -> None:
    shop.orders["450789469"]["note"] = "x" * 4990
    with pytest.raises(PostingRefused, match="full"):
        post(shop, order_posting("note"))
    assert shop.orders["450789469"]["note"] == "x" * 4990


def test_a_shop_that_is_busy_or_refuses(shop: Shopify) -> None:
    shop.throttles = 1
    with pytest.raises(LookupFailed) as told:
        post(shop, order_posting("tag"))
    assert told.value.after == 2
    shop.may_write = False
    with pytest.raises(LookupRefused, match="write_orders"):
        post(shop, order_posting("note"))
