"""REPORT BACK: one posting is put on its platform, with its connection's credentials, or it is said why not."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime

from bridge.errors import BridgeError
from bridge.policy import posting as policy
from bridge.postings import Ended, Posting
from bridge.reasons import Reason
from bridge.route import Route


def put(posting: Posting, routes: Mapping[str, Route], now: Callable[[], datetime]) -> Ended:
    """What came of one try. It takes as long as the platform does."""
    route = routes.get(posting.connection)
    if route is None:
        return Ended(state="skipped", reason=Reason(code="unknown_connection", detail=posting.connection))
    why_not = policy.before_posting(posting, can=can(route), missing=route.missing_settings, now=now())
    desk = route.desk
    if why_not or desk is None or route.ask is None:
        return why_not or Ended(state="skipped", reason=Reason(code="posting_not_configured"))
    began = now()
    try:
        came_of_it = desk.post(route.ask, posting)
    except BridgeError as error:
        return policy.decide(posting, error, began=began, now=now(), jitter=random.random())  # noqa: S311 - no secret
    return policy.decide(posting, came_of_it, began=began, now=now(), jitter=0.0)


def can(route: Route) -> policy.Can:
    """What can be put on the tickets and orders of a connection."""
    if route.desk is None:
        return policy.Can(title=route.source.title)
    return policy.Can(title=route.platform_title, kinds=route.desk.kinds, order_kinds=route.desk.order_kinds)


def crashed(place: str, at: datetime) -> Ended:
    """What becomes of a posting that an error has broken off at a place in the code: nobody knows how far it came."""
    return Ended(state="failed", reason=Reason(code="crashed", detail=place), doubtful_since=at)
