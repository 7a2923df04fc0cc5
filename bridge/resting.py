"""How long a worker rests between two turns: for those who share its lock, and to have more to do in each turn."""

import time
from dataclasses import dataclass

# SQLite has one lock for all who write: while webhooks want it, the worker leaves it to them for most of the time. Else
# a rest is only for what finishes meanwhile to share the next transaction.
_SHARE_OF_A_WANTED_LOCK = 0.25
_SHARE = 0.6
# Who waits for the lock longer than this is not the only one who wants it.
_WANTED_SECONDS = 0.002
# So much credit it has after a rest, so that a single webhook's text does not wait.
_CREDIT_SECONDS = 0.1
#: The longest rest.
BREATH_SECONDS = 0.05


@dataclass
class Rest:
    """A worker's account of work and rest, by the steady clock."""

    _paid_until: float = 0.0

    def owed(self) -> float:
        """For how many seconds to rest before the next turn."""
        return min(max(0.0, self._paid_until - time.monotonic() - _CREDIT_SECONDS), BREATH_SECONDS)

    def after_turn(self, began: float, *, waited: float) -> None:
        """Note a turn that `began` then and has just ended, after having `waited` for a lock that others want too."""
        share = _SHARE_OF_A_WANTED_LOCK if waited > _WANTED_SECONDS else _SHARE
        self._paid_until = max(self._paid_until, began) + (time.monotonic() - began) / share
