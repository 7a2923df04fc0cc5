"""Under which name Attentive's newer API counts a text: at most twenty different ones in 24 hours for each account."""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

#: The page: "Restricted to 20 messages in a 24 hour window". One of them is the name that all others share.
OWN_NAMES = 19
SHARED_NAME = "other"

_DAY = timedelta(hours=24)
_LONGEST = 100


def with_own_names(templates: Collection[str]) -> frozenset[str]:
    """The templates whose texts are counted under their own names: the first by name, the same for every worker."""
    return frozenset(sorted(templates)[:OWN_NAMES])


class MessageNames:
    """Names each text after its template, for many threads. `templates` are the names of those there are."""

    def __init__(self, templates: Callable[[], Collection[str]] = tuple) -> None:
        self._templates = templates
        self._lock = threading.Lock()
        self._used: defaultdict[str, dict[str, datetime]] = defaultdict(dict)

    def name_of(self, account: str, template: str, now: datetime) -> str:
        """The template's name; the shared one where it would be one too many of this account's day."""
        if template not in with_own_names({*self._templates(), template}):
            return SHARED_NAME
        name = template[:_LONGEST] or SHARED_NAME
        # Templates may be renamed and added during a day.
        with self._lock:
            used = self._used[account]
            for old in [old for old, at in used.items() if at <= now - _DAY]:
                del used[old]
            if name not in used and len(used) >= OWN_NAMES:
                return SHARED_NAME
            used[name] = now
        return name
