"""HOLD BACK, what is old news: of the texts about one thing to one person, those that a newer one replaces. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

#: States of a text that stands for what the person knows, or will.
LIVE = frozenset({"queued", "sending", "sent", "unknown", "held"})
#: Events whose texts are somebody's own words: no newer text takes their place.
WORDS = frozenset({"ticket.replied"})
_UNSENT = frozenset({"queued", "held"})


@dataclass(frozen=True, kw_only=True)
class Text:
    """A message of a thread whose template says `supersedes`.

    `delivery_id` grows with receipt. `is_kept` says that no newer text may take its place: an agent's own words, what
    a person has asked for by hand, or what may have left already.
    """

    id: int
    state: str
    occurred_at: datetime
    delivery_id: int
    is_kept: bool = False

    @property
    def age(self) -> tuple[datetime, int]:
        """Sorts by when it happened, then by when it was received."""
        return self.occurred_at, self.delivery_id


def superseded(thread: Iterable[Text]) -> dict[int, int]:
    """The unsent texts of one thread to one person that are old news: their ids, each with that of the newest text.

    It does not matter which of them came first: a late webhook's text is old news as soon as it is made.
    """
    live = [text for text in thread if text.state in LIVE]
    newest = max(live, key=lambda text: text.age, default=None)
    if newest is None:
        return {}
    return {text.id: newest.id for text in live if text.state in _UNSENT and text.age < newest.age and not text.is_kept}
