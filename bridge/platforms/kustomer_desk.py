"""What is put on Kustomer's conversations. https://developer.kustomer.com/docs/concepts/conversations-and-messages

Notes, messages and conversations carry our mark as their `externalId`, by which Kustomer finds them.
"""

from collections.abc import Mapping
from typing import Any

from bridge.errors import NotThere, PostingRefused
from bridge.platforms.desk import ANSWER_TAG, Ask, Desk, part, parts, plain, text_id, title, words
from bridge.postings import Posted, Posting

_APP = "helpdesk-bridge"


def post(ask: Ask, posting: Posting) -> Posted:
    """Put it there, once."""
    if posting.kind == "answer":
        return _answer(ask, posting)
    ticket = plain(posting.ticket)
    if posting.kind == "tag":
        # It adds to the others, and makes the tag where it is new.
        ask("POST", f"/v1/conversations/{ticket}/tags", json={"tags": [posting.text]})
        return Posted(ticket=ticket)
    if posting.may_be_there and (found := _marked_note(ask, posting, ticket)) is not None:
        return found
    note = {"body": words(posting), "externalId": posting.mark}
    return Posted(remote_id=_id(ask("POST", f"/v1/conversations/{ticket}/notes", json=note)), ticket=ticket)


def _answer(ask: Ask, posting: Posting) -> Posted:
    """On its conversation, or on a new one where there is none (any more)."""
    if posting.may_be_there and (found := _by_mark(ask, "messages", posting)) is not None:
        conversation = part(part(part(found, "relationships"), "conversation"), "data")
        return Posted(remote_id=text_id(found.get("id")), ticket=text_id(conversation.get("id")) or posting.ticket)
    ticket = _open_conversation(ask, posting) or _new_conversation(ask, posting)
    message = {
        "app": _APP,
        "channel": "sms",
        "direction": "in",
        "preview": words(posting),
        "externalId": posting.mark,
        "meta": {"from": posting.phone},
    }
    return Posted(remote_id=_id(ask("POST", f"/v1/conversations/{ticket}/messages", json=message)), ticket=ticket)


def _open_conversation(ask: Ask, posting: Posting) -> str | None:
    """Its conversation, opened again where it is done; None where it is gone, or ended for good."""
    if posting.ticket is None:
        return None
    try:
        attributes = part(part(ask("GET", f"/v1/conversations/{plain(posting.ticket)}"), "data"), "attributes")
    except NotThere:
        return None
    if attributes.get("deleted") or attributes.get("ended"):
        return None
    if attributes.get("status") in {"done", "snoozed"}:
        ask("PUT", f"/v1/conversations/{posting.ticket}", json={"status": "open"})
    return posting.ticket


def _new_conversation(ask: Ask, posting: Posting) -> str:
    if (found := _by_mark(ask, "conversations", posting)) is not None:
        return plain(text_id(found.get("id")))
    new = {
        "customer": _person(ask, posting),
        "name": title(posting),
        "direction": "in",
        "externalId": posting.mark,
        "tags": [ANSWER_TAG],
    }
    return plain(_id(ask("POST", "/v1/conversations", json=new)))


def _person(ask: Ask, posting: Posting) -> str:
    """The id of who answered: Kustomer keeps a number with one customer only."""
    if posting.phone is None:
        raise PostingRefused("Nobody knows whose answer it is.")
    try:
        found = ask("GET", f"/v1/customers/phone={posting.phone.replace('+', '%2B')}")
    except NotThere:
        new = {"name": posting.phone, "phones": [{"phone": posting.phone, "type": "mobile"}]}
        found = ask("POST", "/v1/customers", json=new)
    return plain(_id(found))


def _by_mark(ask: Ask, what: str, posting: Posting) -> Mapping[str, Any] | None:
    try:
        found = part(ask("GET", f"/v1/{what}/externalId={plain(posting.mark)}"), "data")
    except NotThere:
        return None
    return found if part(found, "attributes").get("externalId") == posting.mark else None


def _marked_note(ask: Ask, posting: Posting, ticket: str) -> Posted | None:
    for note in parts(ask("GET", f"/v1/conversations/{ticket}/notes", query={"pageSize": "500"}), "data"):
        if part(note, "attributes").get("externalId") == posting.mark:
            return Posted(remote_id=text_id(note.get("id")), ticket=ticket)
    return None


def _id(answer: Mapping[str, Any]) -> str | None:
    return text_id(part(answer, "data").get("id"))


DESK = Desk(post=post, kinds=frozenset({"note", "tag", "answer"}))
