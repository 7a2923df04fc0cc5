"""What is put on Gorgias' tickets. https://developers.gorgias.com/reference/ticket-messages

Messages and tickets carry our mark as their `external_id`, which Gorgias leaves to others.
"""

import re
from collections.abc import Mapping
from typing import Any

from bridge.errors import NotThere, PostingRefused
from bridge.platforms.desk import ANSWER_TAG, Ask, Desk, is_number, part, parts, plain, text_id, title, words
from bridge.postings import Posted, Posting

_MOST_MERGES = 5
# https://developers.gorgias.com/changelog/301-redirect-when-fetching-merged-ticket
_TICKET = re.compile(r"/api/tickets/(\d{1,20})(?:/|$)")


def post(ask: Ask, posting: Posting) -> Posted:
    """Put it there, once."""
    try:
        ticket = _ticket(ask, plain(posting.ticket)) if posting.ticket else None
    except NotThere:
        if posting.kind != "answer":
            raise
        ticket = None
    if posting.may_be_there and posting.kind != "tag" and (found := _find(ask, posting, ticket)) is not None:
        return found
    if posting.kind == "answer":
        return _answer(ask, posting, ticket)
    if ticket is None:
        raise PostingRefused("Nobody knows which ticket it belongs to.")
    if posting.kind == "tag":
        # It adds to the others, and a second time changes nothing.
        ask("POST", f"/api/tickets/{_id(ticket)}/tags", json={"names": [posting.text]})
        return Posted(ticket=_id(ticket))
    note = {"channel": "internal-note", "source": {"type": "internal-note"}, "from_agent": True, "public": False}
    return _message(ask, posting, _id(ticket), note)


def _answer(ask: Ask, posting: Posting, ticket: Mapping[str, Any] | None) -> Posted:
    """On its ticket, opened again where it is closed, or on a new one; nobody looks into the bin."""
    person = _person(ask, posting, ticket)
    said = {"channel": "api", "from_agent": False, "public": True, "sender": {"id": person}}
    said["source"] = {"type": "api", "from": {"address": posting.phone}}
    if ticket is not None and not ticket.get("trashed_datetime"):
        if ticket.get("status") == "closed":
            ask("PUT", f"/api/tickets/{_id(ticket)}", json={"status": "open"})
        return _message(ask, posting, _id(ticket), said)
    new = {
        "channel": "api",
        "via": "api",
        "from_agent": False,
        "customer": {"id": person},
        "external_id": posting.mark,
        "subject": title(posting),
        "tags": [{"name": ANSWER_TAG}],
        "messages": [{**said, "via": "api", "body_text": words(posting), "external_id": posting.mark}],
    }
    made = ask("POST", "/api/tickets", json=new)
    return Posted(remote_id=next((text_id(one.get("id")) for one in parts(made, "messages")), None), ticket=_id(made))


def _message(ask: Ask, posting: Posting, ticket: str, message: Mapping[str, Any]) -> Posted:
    body = {**message, "via": "api", "body_text": words(posting), "external_id": posting.mark}
    made = ask("POST", f"/api/tickets/{ticket}/messages", json=body)
    return Posted(remote_id=text_id(made.get("id")), ticket=ticket)


def _person(ask: Ask, posting: Posting, ticket: Mapping[str, Any] | None) -> object:
    """The id of who answered: the ticket's customer, another with the number, or a new one."""
    if posting.phone is None:
        raise PostingRefused("Nobody knows whose answer it is.")
    customer = text_id(part(ticket or {}, "customer").get("id"))
    if customer and _has_number(_customer(ask, customer), posting.phone):
        return int(customer) if customer.isdigit() else customer
    known = ask("GET", "/api/customers", query={"channel_type": "phone", "channel_address": posting.phone})
    for one in parts(known, "data"):
        # Whatever the list is narrowed by, the record itself must have the number.
        if (number := text_id(one.get("id"))) and _has_number(_customer(ask, number), posting.phone):
            return one["id"]
    channels = [{"type": "phone", "address": posting.phone, "preferred": True}]
    return ask("POST", "/api/customers", json={"name": posting.phone, "channels": channels}).get("id")


def _customer(ask: Ask, number: str) -> Mapping[str, Any]:
    """A customer's record; empty if there is none (any more)."""
    try:
        return ask("GET", f"/api/customers/{plain(number)}")
    except NotThere:
        return {}


def _has_number(customer: Mapping[str, Any], phone: str) -> bool:
    channels = [one for one in parts(customer, "channels") if one.get("type") in {"phone", "sms"}]
    return any(is_number(one.get("address"), phone) for one in channels)


def _find(ask: Ask, posting: Posting, ticket: Mapping[str, Any] | None) -> Posted | None:
    """What an earlier try has put there."""
    for one in parts(ask("GET", "/api/tickets", query={"external_id": posting.mark}), "data"):
        if one.get("external_id") == posting.mark:
            return _marked(ask, posting, _id(one)) or Posted(ticket=_id(one))
    return _marked(ask, posting, _id(ticket)) if ticket is not None else None


def _marked(ask: Ask, posting: Posting, ticket: str) -> Posted | None:
    query = {"ticket_id": ticket, "order_by": "created_datetime:desc", "limit": "100"}
    for message in parts(ask("GET", "/api/messages", query=query), "data"):
        if message.get("external_id") == posting.mark:
            return Posted(remote_id=text_id(message.get("id")), ticket=ticket)
    return None


def _ticket(ask: Ask, ticket: str) -> Mapping[str, Any]:
    """The ticket, or the one it was merged into. Raises NotThere."""
    for _ in range(_MOST_MERGES):
        try:
            return ask("GET", f"/api/tickets/{ticket}")
        except PostingRefused as error:
            moved = _TICKET.search(error.moved_to or "")
            if moved is None:
                raise
            ticket = moved[1]
    raise PostingRefused("The ticket was merged too many times.")


def _id(ticket: Mapping[str, Any]) -> str:
    return plain(text_id(ticket.get("id")))


DESK = Desk(post=post, kinds=frozenset({"note", "tag", "answer"}))
