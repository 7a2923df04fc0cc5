"""What is put on Zendesk's tickets. https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/

A comment carries our mark in the metadata of its audit, which agents do not see, and a new ticket in its external id.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.errors import LookupFailed, NotThere, PostingRefused
from bridge.platforms.desk import ANSWER_TAG, Ask, Desk, is_number, part, parts, plain, text_id, title, words
from bridge.postings import Posted, Posting

_MARK = "helpdesk_bridge"
_MERGED_TAG = "closed_by_merge"
_MOST_MERGES = 5
_MOST_PAGES = 50
_CONFLICT_SECONDS = 5.0
# What Zendesk writes on the ticket that it closes, in the account's language: only the other ticket's number is sure.
_NUMBER = re.compile(r"#(\d{1,20})\b")
_MERGED_WORDS = re.compile(r"This request was closed and merged into request #(\d{1,20})\b")


def post(ask: Ask, posting: Posting) -> Posted:
    """Put it there, once."""
    if posting.kind == "tag":
        return _tag(ask, posting)
    if posting.may_be_there and (found := _find(ask, posting)) is not None:
        return found
    return _note(ask, posting) if posting.kind == "note" else _answer(ask, posting)


def _tag(ask: Ask, posting: Posting) -> Posted:
    ticket = _id(_current(ask, plain(posting.ticket)))
    # It adds to the others, and a second time changes nothing.
    _write(ask, "PUT", f"/api/v2/tickets/{ticket}/tags.json", {"tags": [posting.text]})
    return Posted(ticket=ticket)


def _note(ask: Ask, posting: Posting) -> Posted:
    ticket = _current(ask, plain(posting.ticket))
    if ticket.get("status") == "closed":
        raise PostingRefused("The ticket is closed: Zendesk takes no more notes on it.")
    return _comment(ask, posting, ticket, {"body": words(posting), "public": False}, {})


def _answer(ask: Ask, posting: Posting) -> Posted:
    """On its ticket, on the one that it was merged into, on a follow-up of a closed one, or on a new one."""
    ticket = _current_or_none(ask, posting.ticket)
    author = _author(ask, posting, ticket)
    if ticket is not None and ticket.get("status") != "closed":
        # An agent's API does not reopen by itself, as a customer's e-mail would.
        change = {} if ticket.get("status") == "new" else {"status": "open"}
        comment = {"body": words(posting), "public": True, "author_id": author}
        try:
            return _comment(ask, posting, ticket, comment, change)
        except (PostingRefused, NotThere):
            # It may have been closed or deleted since.
            ticket = _current_or_none(ask, posting.ticket)
            if ticket is not None and ticket.get("status") != "closed":
                raise
    return _new(ask, posting, author, ticket)


def _comment(
    ask: Ask, posting: Posting, ticket: Mapping[str, Any], comment: Mapping[str, Any], change: Mapping[str, Any]
) -> Posted:
    changed = {"comment": comment, "metadata": {"custom": {_MARK: posting.mark}}, **change}
    answer = _write(ask, "PUT", f"/api/v2/tickets/{_id(ticket)}.json", {"ticket": changed})
    return Posted(remote_id=_comment_id(part(answer, "audit")), ticket=_id(ticket))


def _new(ask: Ask, posting: Posting, author: object, closed: Mapping[str, Any] | None) -> Posted:
    """A new ticket of the person, or a follow-up that agents can reach the closed one from."""
    ticket: dict[str, Any] = {
        "subject": title(posting),
        "requester_id": author,
        "comment": {"body": words(posting), "author_id": author},
        "external_id": posting.mark,
        "tags": [ANSWER_TAG],
        "metadata": {"custom": {_MARK: posting.mark}},
    }
    if closed is not None:
        # Tags in a request replace those that a follow-up inherits.
        inherited = [tag for tag in closed.get("tags") or () if tag not in {_MERGED_TAG, ANSWER_TAG}]
        ticket |= {"via_followup_source_id": closed["id"], "tags": [*inherited, ANSWER_TAG]}
    # https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency
    answer = _write(ask, "POST", "/api/v2/tickets.json", {"ticket": ticket}, {"Idempotency-Key": posting.mark})
    return Posted(remote_id=_comment_id(part(answer, "audit")), ticket=_id(part(answer, "ticket")))


def _author(ask: Ask, posting: Posting, ticket: Mapping[str, Any] | None) -> object:
    """The id of who answered: the requester, another person with the number, or a new one."""
    if posting.phone is None:
        raise PostingRefused("Nobody knows whose answer it is.")
    if ticket is not None and (requester := text_id(ticket.get("requester_id"))):
        user = part(ask("GET", f"/api/v2/users/{plain(requester)}.json"), "user")
        if is_number(user.get("phone"), posting.phone):
            return user.get("id")
    found = ask("GET", "/api/v2/users/search.json", query={"query": posting.phone})
    for user in parts(found, "users"):
        # Words of an agent would be taken for the shop's own.
        if user.get("role") == "end-user" and is_number(user.get("phone"), posting.phone):
            return user["id"]
    # Zendesk finds the person by the external id, so a second time makes no second one:
    # https://developer.zendesk.com/api-reference/ticketing/users/users/#create-or-update-user
    user = {"name": posting.phone, "phone": posting.phone, "external_id": f"sms {posting.phone}", "role": "end-user"}
    made = _write(ask, "POST", "/api/v2/users/create_or_update.json", {"user": {**user, "skip_verify_email": True}})
    return part(made, "user").get("id")


def _find(ask: Ask, posting: Posting) -> Posted | None:
    """What an earlier try has put there."""
    if posting.kind == "answer":
        for ticket in parts(ask("GET", "/api/v2/tickets.json", query={"external_id": posting.mark}), "tickets"):
            if ticket.get("external_id") == posting.mark:
                return _marked(ask, _id(ticket), posting.mark) or Posted(ticket=_id(ticket))
    if posting.ticket is None:
        return None
    try:
        found = _marked(ask, plain(posting.ticket), posting.mark)
        current = None if found else _id(_current(ask, plain(posting.ticket)))
    except NotThere:
        return None
    return _marked(ask, current, posting.mark) if current and current != posting.ticket else found


def _marked(ask: Ask, ticket: str, mark: str) -> Posted | None:
    for audit in _audits(ask, ticket):
        if part(part(audit, "metadata"), "custom").get(_MARK) == mark:
            return Posted(remote_id=_comment_id(audit), ticket=ticket)
    return None


def _current_or_none(ask: Ask, ticket: str | None) -> Mapping[str, Any] | None:
    try:
        return _current(ask, plain(ticket)) if ticket else None
    except NotThere:
        return None


def _current(ask: Ask, ticket: str) -> Mapping[str, Any]:
    """The ticket, or the one it was merged into. Raises NotThere, also for a deleted one."""
    for _ in range(_MOST_MERGES):
        found = part(ask("GET", f"/api/v2/tickets/{ticket}.json"), "ticket")
        if found.get("status") != "closed" or _MERGED_TAG not in (found.get("tags") or ()):
            return found
        target = _merged_into(ask, found)
        if target is None:
            return found
        ticket = target
    return found


def _merged_into(ask: Ask, ticket: Mapping[str, Any]) -> str | None:
    """The number of the ticket that goes on, from the last audit that tells of a merge."""
    for audit in reversed(list(_audits(ask, _id(ticket)))):
        # What a customer wrote, in their own name or through us, may look like Zendesk's words for a merge.
        is_ours = _MARK in part(part(audit, "metadata"), "custom")
        if is_ours or audit.get("author_id") == ticket.get("requester_id"):
            continue
        source = part(part(audit, "via"), "source")
        is_merge = source.get("rel") == "merge"
        told = text_id(part(source, "to").get("ticket_id")) if is_merge else None
        bodies = [str(event.get("body")) for event in parts(audit, "events") if event.get("type") == "Comment"]
        numbers = [
            found[1] for body in bodies if (found := (_NUMBER.search if is_merge else _MERGED_WORDS.match)(body))
        ]
        for number in (told, *numbers):
            if number and number != _id(ticket):
                return number
    return None


def _audits(ask: Ask, ticket: str) -> Iterator[Mapping[str, Any]]:
    """https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/"""
    query = {"page[size]": "100"}
    for _ in range(_MOST_PAGES):
        answer = ask("GET", f"/api/v2/tickets/{ticket}/audits.json", query=query)
        yield from parts(answer, "audits")
        after = part(answer, "meta").get("after_cursor")
        if not part(answer, "meta").get("has_more") or not after:
            return
        query = {"page[size]": "100", "page[after]": str(after)}


def _write(
    ask: Ask, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    try:
        return ask(method, path, json=body, headers=headers)
    except PostingRefused as error:
        if error.status != 409:
            raise
        # Two changes met, and ours was left undone: https://developer.zendesk.com/api-reference/ticketing/introduction/
        raise LookupFailed("Zendesk met another change of the ticket (409).", after=_CONFLICT_SECONDS) from error


def _comment_id(audit: Mapping[str, Any]) -> str | None:
    return next((text_id(event.get("id")) for event in parts(audit, "events") if event.get("type") == "Comment"), None)


def _id(ticket: Mapping[str, Any]) -> str:
    return plain(text_id(ticket.get("id")))


DESK = Desk(post=post, kinds=frozenset({"note", "tag", "answer"}))
