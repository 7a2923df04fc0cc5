"""Why webhooks were refused, found out in a small share of a web process's time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from bridge.errors import kind_and_place
from bridge.events import Delivery
from bridge.route import Route
from bridge.signature_doctor import Diagnosis, diagnose

log = structlog.get_logger()

# So much processor time at once, and this share of all time. A stranger can write a body of a few KB that costs a
# second, and genuine webhooks get on more slowly while it is looked at.
_SECONDS = 1.0
_SHARE = 0.05


@dataclass(kw_only=True)
class FindingOut:
    """The doctor for the connections of one process, for one thread."""

    routes: Mapping[str, Route]
    _left: float = _SECONDS
    _at: float = field(default_factory=time.monotonic)

    def ask(self, delivery: Delivery) -> Diagnosis | None:
        """Why it was refused; None where that is not found out, or there is no time for it now."""
        now = time.monotonic()
        self._left = min(_SECONDS, self._left + (now - self._at) * _SHARE)
        self._at = now
        if self._left <= 0:
            return None
        began = time.thread_time()
        try:
            found = self._diagnosed(delivery)
        except Exception as error:  # noqa: BLE001 - a stranger wrote it; that it was refused is told all the same
            log.error("door.not_diagnosed", connection=delivery.connection, error=kind_and_place(error))
            return None
        finally:
            self._left -= time.thread_time() - began
        # What verifies now was refused all the same: for an address or a key that was another then.
        return found if found.cause != "verifies" else None

    def _diagnosed(self, delivery: Delivery) -> Diagnosis:
        route = self.routes[delivery.connection]
        return diagnose(
            delivery,
            route.source.scheme,
            route.secrets,
            header=route.signature_header,
            others={name: other.secrets for name, other in self.routes.items() if name != delivery.connection},
        )
