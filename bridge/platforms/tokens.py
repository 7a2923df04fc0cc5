"""Access tokens that last for a while, where a platform gives them for a client's id and secret."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bridge.errors import LookupFailed, Misconfigured
from bridge.platforms import Grant

Post = Callable[[str, Mapping[str, str]], Mapping[str, object]]

_LASTS_SECONDS = 3600.0
# A token that ends while the request is under way would be refused.
_SPARE_SECONDS = 60.0


@dataclass
class Tokens:
    """The token of one connection, safe to share between threads. `client` is the setting API_TOKEN: `id:secret`."""

    grant: Grant
    client: str
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _token: str | None = field(default=None, init=False, repr=False)
    _until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if ":" not in self.client:
            raise Misconfigured(["the connection's setting API_TOKEN must be the app's id and secret, as id:secret"])

    def current(self, post: Post) -> str:
        """A token that is good, asked for by `post` (of a path and a form) where there is none. Raises LookupFailed."""
        with self._lock:
            if self._token is None or self.clock() >= self._until:
                self._token, self._until = self._new(post)
            return self._token

    def forget(self, token: str) -> None:
        """Ask for another one next time: the platform refused `token`."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _new(self, post: Post) -> tuple[str, float]:
        name, _, secret = self.client.partition(":")
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
        answer = post(self.grant.path, form)
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise LookupFailed("The platform gave no access token.")
        seconds = float(lasts) if isinstance(lasts, int | float) and lasts > 0 else _LASTS_SECONDS
        return token, self.clock() + max(seconds - _SPARE_SECONDS, 1.0)
