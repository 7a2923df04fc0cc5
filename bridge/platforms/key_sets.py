"""The public keys that a platform publishes at an address, fetched when they are first needed and then kept."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from bridge.schemes.public_keys import read_keys
from bridge.signing import is_key_address

log = structlog.get_logger()

_KEPT_SECONDS = 3600.0
# Whoever sends us the name of a key that is not there must not make us ask for it all the time.
_REST_SECONDS = 60.0
# Nor have all threads of a process wait while the address does not answer: others' webhooks need them.
_MOST_WAITING = 3
_LARGEST_DOCUMENT = 64 * 1024
_TIMEOUTS = (3.05, 5.0)
_WHOLE_SECONDS = 10.0


@dataclass
class KeySet:
    """The document at one address, safe to share between threads. `fetch` gets its text, or raises OSError."""

    url: str
    fetch: Callable[[str], str]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _room: threading.Semaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_MOST_WAITING), init=False, repr=False
    )
    _text: str = field(default="", init=False, repr=False)
    _fetched_at: float | None = field(default=None, init=False)
    _tried_at: float | None = field(default=None, init=False)

    def fresh(self) -> str:
        """The document, or "" where there is none yet or it has grown old. Asks nobody."""
        is_fresh = self._fetched_at is not None and self.clock() - self._fetched_at < _KEPT_SECONDS
        return self._text if is_fresh else ""

    def renewed(self) -> str:
        """The document after asking for it, at most once a minute; the old one, or "", where it cannot be had."""
        if self._has_the_lock():
            try:
                self._renew()
            finally:
                self._lock.release()
        return self._text

    def _has_the_lock(self) -> bool:
        """Whether it is this thread's turn to ask. Who has keys does not wait for others who ask; nor do more than a
        few who have none."""
        if self._lock.acquire(blocking=False):
            return True
        if self._text or not self._room.acquire(blocking=False):
            return False
        try:
            return self._lock.acquire()
        finally:
            self._room.release()

    def _renew(self) -> None:
        if self._tried_at is not None and self.clock() - self._tried_at < _REST_SECONDS:
            return
        self._tried_at = self.clock()
        try:
            self._text = self.fetch(self.url)
        except OSError as error:
            log.warning("keys.not_fetched", url=self.url, error=type(error).__name__)
            return
        self._fetched_at = self.clock()


class KeySets:
    """The secrets of a connection with the documents in place of their addresses, in the order of the setting.

    A document that is not there is an empty secret, which proves nothing.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        fetch: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._all = [
            KeySet(secret, fetch or fetch_document, clock) if is_key_address(secret) else secret for secret in secrets
        ]

    def fresh(self) -> tuple[str, ...]:
        """The secrets with the documents that are there. Asks nobody."""
        return tuple(one.fresh() if isinstance(one, KeySet) else one for one in self._all)

    def renewed(self) -> tuple[str, ...]:
        """The secrets with documents as new as can be had."""
        return tuple(one.renewed() if isinstance(one, KeySet) else one for one in self._all)


def fetch_document(url: str) -> str:
    """The JWKS document at an address. Raises OSError for anything else: no redirects, ten seconds for it all."""
    # Not at the top: in the web process nothing else needs it.
    import requests

    from bridge.platforms.answers import pieces

    deadline = time.monotonic() + _WHOLE_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        with session.get(
            url, headers={"Accept": "application/json"}, timeout=_TIMEOUTS, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != 200:
                raise OSError(f"answered {response.status_code}")
            content = b""
            for chunk in pieces(response):
                content += chunk
                if len(content) > _LARGEST_DOCUMENT or time.monotonic() > deadline:
                    raise OSError("too large or too slow")
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise OSError("no text") from error
    # An error page, say, must not take the place of good keys.
    if not read_keys(text):
        raise OSError("no keys that can be used")
    return text
