"""What is put on Shopify's orders. https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderUpdate

An order has one note for all, which is read, added to and written; our mark stands at the end of our line.
"""

from collections.abc import Mapping
from typing import Any

from bridge.errors import LookupFailed, LookupRefused, NotThere, PostingRefused
from bridge.platforms.desk import Ask, Desk, part, parts, plain, words
from bridge.postings import Posted, Posting

#: A version lives for a year at least, then Shopify answers with the oldest it still has:
#: https://shopify.dev/docs/api/usage/versioning
API_VERSION = "2026-07"

_LONGEST_NOTE = 5000
_THROTTLED_SECONDS = 2.0
_NOTE = "query Note($id: ID!) { order(id: $id) { id note } }"
_WRITE = (
    "mutation Note($input: OrderInput!) "
    "{ orderUpdate(input: $input) { order { id note } userErrors { field message } } }"
)
_TAG = "mutation Tag($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }"


def post(ask: Ask, posting: Posting) -> Posted:
    """Put it there, once."""
    order = f"gid://shopify/Order/{plain(posting.order_id)}"
    if posting.kind == "tag":
        # It adds to the others, and a second time changes nothing.
        _mutate(ask, _TAG, {"id": order, "tags": [posting.text]}, "tagsAdd")
        return Posted()
    note = str(_read(ask, order).get("note") or "")
    line = f"{words(posting)} [{posting.mark}]"
    # Looked for at each try, as the note is read anyway.
    if f"[{posting.mark}]" in note:
        return Posted()
    longer = f"{note}\n{line}" if note else line
    if len(longer) > _LONGEST_NOTE:
        raise PostingRefused("The order's note is full.")
    _mutate(ask, _WRITE, {"input": {"id": order, "note": longer}}, "orderUpdate")
    return Posted()


def _read(ask: Ask, order: str) -> Mapping[str, Any]:
    found = part(_graphql(ask, _NOTE, {"id": order}), "order")
    if not found:
        raise NotThere("Shopify has no such order.")
    return found


def _mutate(ask: Ask, query: str, variables: Mapping[str, Any], name: str) -> None:
    errors = parts(part(_graphql(ask, query, variables), name), "userErrors")
    if any("does not exist" in str(error.get("message")) for error in errors):
        raise NotThere("Shopify has no such order.")
    if errors:
        raise PostingRefused("Shopify refused it: " + "; ".join(str(error.get("message")) for error in errors)[:200])


def _graphql(ask: Ask, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its data. Errors stand in an answer that says 200:
    https://shopify.dev/docs/api/admin-graphql#status_and_error_codes"""
    body = {"query": query, "variables": variables}
    answer = ask("POST", f"/admin/api/{API_VERSION}/graphql.json", json=body)
    codes = {part(error, "extensions").get("code") for error in parts(answer, "errors")}
    if "THROTTLED" in codes:
        raise LookupFailed("Shopify asks to wait.", after=_THROTTLED_SECONDS)
    if "ACCESS_DENIED" in codes:
        raise LookupRefused("Shopify's token may not do this: the app needs the scope write_orders.")
    if "INTERNAL_SERVER_ERROR" in codes:
        # A note is looked for at the next try, and a tag is there once.
        raise LookupFailed("Shopify met an error of its own.")
    if codes:
        raise PostingRefused(f"Shopify refused it ({', '.join(sorted(str(code) for code in codes))}).")
    return part(answer, "data")


DESK = Desk(post=post, order_kinds=frozenset({"note", "tag"}))
