"""What is put on Freshdesk's tickets. https://developers.freshdesk.com/api/#tickets

Freshdesk has no field for others' ids on tickets and notes, so our mark stands in the last line of what is put down.
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.errors import NotThere, PostingRefused
from bridge.platforms.desk import ANSWER_TAG, Ask, Desk, is_number, parts, plain, text_id, title, words
from bridge.postings import Posted, Posting

_OPEN = 2
# "Phone", of Freshdesk's numbers of sources.
_BY_PHONE = 3
_PRIORITY_LOW = 1
_A_PAGE = 100
_MOST_PAGES = 30


def post(ask: Ask, posting: Posting) -> Posted:
    """Put it there, once."""
    try:
        ticket = _ticket(ask, plain(posting.ticket)) if posting.ticket else None
    except NotThere:
        if posting.kind != "answer":
            raise
        ticket = None
    if posting.kind == "answer":
        return _answer(ask, posting, ticket)
    if ticket is None:
        raise PostingRefused("Nobody knows which ticket it belongs to.")
    if posting.kind == "tag":
        return _tag(ask, posting, ticket)
    found = _marked(ask, posting, _id(ticket)) if posting.may_be_there else None
    return found or _note(ask, posting, _id(ticket), {"private": True})


def _tag(ask: Ask, posting: Posting, ticket: Mapping[str, Any]) -> Posted:
    """Freshdesk takes all tags or none, so those that are there are written again."""
    tags = [str(tag) for tag in ticket.get("tags") or ()]
    if posting.text not in tags:
        ask("PUT", f"/api/v2/tickets/{_id(ticket)}", json={"tags": [*tags, posting.text]})
    return Posted(ticket=_id(ticket))


def _answer(ask: Ask, posting: Posting, ticket: Mapping[str, Any] | None) -> Posted:
    """On its ticket, opened again where it is not, or on a new one."""
    person = _person(ask, posting)
    if posting.may_be_there:
        found = _marked(ask, posting, _id(ticket)) if ticket else None
        if found := found or _marked_ticket(ask, posting, person):
            return found
    if ticket is not None:
        if ticket.get("status") != _OPEN:
            ask("PUT", f"/api/v2/tickets/{_id(ticket)}", json={"status": _OPEN})
        return _note(ask, posting, _id(ticket), {"private": False, "incoming": True, "user_id": person})
    new = {
        "requester_id": person,
        "subject": title(posting),
        "description": _html(posting),
        "status": _OPEN,
        "priority": _PRIORITY_LOW,
        "source": _BY_PHONE,
        "tags": [ANSWER_TAG],
    }
    return Posted(ticket=_id(ask("POST", "/api/v2/tickets", json=new)))


def _note(ask: Ask, posting: Posting, ticket: str, note: Mapping[str, Any]) -> Posted:
    made = ask("POST", f"/api/v2/tickets/{ticket}/notes", json={"body": _html(posting), **note})
    return Posted(remote_id=text_id(made.get("id")), ticket=ticket)


def _html(posting: Posting) -> str:
    lines = [*words(posting).splitlines(), f"Ref. {posting.mark}"]
    return "<br>".join(html.escape(line) for line in lines)


def _person(ask: Ask, posting: Posting) -> object:
    """The id of who answered: the contact with the number, or a new one."""
    if posting.phone is None:
        raise PostingRefused("Nobody knows whose answer it is.")
    for field in ("mobile", "phone"):
        for one in parts(ask("GET", "/api/v2/contacts", query={field: posting.phone}), "items"):
            if is_number(one.get(field), posting.phone):
                return one.get("id")
    return ask("POST", "/api/v2/contacts", json={"name": posting.phone, "mobile": posting.phone}).get("id")


def _marked(ask: Ask, posting: Posting, ticket: str) -> Posted | None:
    for note in _pages(ask, f"/api/v2/tickets/{ticket}/conversations", {}):
        if _ends_with_mark(note.get("body_text"), posting.mark):
            return Posted(remote_id=text_id(note.get("id")), ticket=ticket)
    return None


def _marked_ticket(ask: Ask, posting: Posting, person: object) -> Posted | None:
    query = {"requester_id": str(person), "include": "description"}
    for ticket in _pages(ask, "/api/v2/tickets", query):
        if _ends_with_mark(ticket.get("description_text"), posting.mark):
            return Posted(ticket=_id(ticket))
    return None


def _ends_with_mark(text: object, mark: str) -> bool:
    return isinstance(text, str) and text.rstrip().endswith(f"Ref. {mark}")


def _pages(ask: Ask, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for page in range(1, _MOST_PAGES + 1):
        found = parts(ask("GET", path, query={**query, "per_page": str(_A_PAGE), "page": str(page)}), "items")
        yield from found
        if len(found) < _A_PAGE:
            return


def _ticket(ask: Ask, ticket: str) -> Mapping[str, Any]:
    """The ticket. Raises NotThere, also for one in the bin or taken for spam, where nobody looks."""
    found = ask("GET", f"/api/v2/tickets/{ticket}")
    if found.get("deleted") or found.get("spam"):
        raise NotThere("Freshdesk has this ticket in the bin or among spam.")
    return found


def _id(ticket: Mapping[str, Any]) -> str:
    return plain(text_id(ticket.get("id")))


DESK = Desk(post=post, kinds=frozenset({"note", "tag", "answer"}))
