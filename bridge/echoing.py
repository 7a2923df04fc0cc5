"""ECHO: a helpdesk tells of what the bridge itself put on a ticket. Such a webhook makes no text.

Otherwise a customer would be texted their own words, or that a ticket was opened with them. The row of a posting is
there before it leaves, so no webhook about it can be faster. Most are known by who wrote the comment, as their source
sees it; this is for the others, and for those that other texts are made of than of an agent's reply.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bridge.answered import Trace, essence
from bridge.compose.matching import Matched
from bridge.events import Event
from bridge.platforms import discover
from bridge.reasons import Reason
from bridge.route import Route
from bridge.store import traces_of_postings
from bridge.store.database import Database

# The platform's clock and ours.
_SKEW = timedelta(minutes=5)
# After that the same words are somebody else's.
_TOLD_WITHIN = timedelta(hours=1)


def recognising(routes: Mapping[str, Route], database: Database) -> dict[str, Route]:
    """The routes; those to platforms that the bridge writes to can tell what it wrote."""
    platforms = discover()
    find = traces_of_postings.finder(database)

    def is_written_to(route: Route) -> bool:
        platform = platforms.get(route.source.name)
        return platform is not None and platform.desk is not None

    return {name: replace(route, find_traces=find) if is_written_to(route) else route for name, route in routes.items()}


def own(event: Event, route: Route) -> Matched | None:
    """That no template answers an event which tells of what the bridge itself put there. Raises StoreUnavailable."""
    if not is_own(event, route):
        return None
    return Matched(templates=(), passed_over=(), reason=Reason(code="own_update", detail=event.kind))


def is_own(event: Event, route: Route) -> bool:
    """Whether an event tells of what the bridge itself put on a ticket. Raises StoreUnavailable."""
    if route.find_traces is None or not event.ticket.id:
        return False
    comment = event.ticket.comment or ""
    ids = _ids(event)
    words = {essence(comment), essence(comment, is_html=True)} if comment.strip() else set()
    if not (ids or words):
        return False
    return any(_is_about(event, one, ids) for one in route.find_traces(event.connection, ids, words))


def _ids(event: Event) -> set[str]:
    """What may be the comment's id: identities end with it. A trigger's may be the ticket's own, which says nothing."""
    last = (event.identity or "").rpartition(":")[2]
    return {last} - {"", event.ticket.id or ""}


def _is_about(event: Event, trace: Trace, ids: set[str]) -> bool:
    # Until it is known where it is, it may be on a new ticket, or on one that continues or has swallowed the other.
    if trace.posted_on and event.ticket.id not in (trace.posted_on, trace.ticket):
        return False
    if trace.remote_id and trace.remote_id in ids:
        return True
    if not trace.by_words:
        return False
    if trace.kind == "note":
        return True
    # An agent may write what the customer wrote, and solve a ticket of which those are the last words.
    if event.by_agent or event.kind == "ticket.solved":
        return False
    return trace.since - _SKEW <= event.occurred_at and (
        trace.until is None or event.occurred_at <= trace.until + _TOLD_WITHIN
    )
