"""LOOK: whether a message's picture can go with it, before it is sent, and what becomes of the text if it cannot."""

import functools
import hashlib
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge import media
from bridge.messages import MediaCheck, Message, Next, Picture
from bridge.reasons import Reason

if TYPE_CHECKING:
    from bridge.attentive.fetching import Fetcher

_GOOD_FOR = timedelta(minutes=10)
# A picture that cannot be reached is tried again after so many seconds each; with the time the tries take that makes
# two minutes.
_AGAIN_AFTER = (5, 15, 30, 30)
# What is larger is not even fetched for shrinking.
_LARGEST = 10_000_000
# A picture that a thousand texts share is fetched once a minute; what is wrong with one may soon be mended.
_GOOD_SECONDS = 60.0
_BAD_SECONDS = 3.0
_KNOWN_PICTURES = 32


@dataclass(frozen=True, kw_only=True)
class Good:
    """A picture that can go with a text: where it is, and what is there where we serve it ourselves."""

    url: str
    picture: Picture | None = None


def is_to_be_looked_at(message: Message, now: datetime) -> bool:
    """Whether nobody has looked at the picture, or not for a while. A repeat must be what may have left already."""
    if message.media_url is None or message.unknown_since is not None:
        return False
    return message.media_checked_at is None or now - message.media_checked_at > _GOOD_FOR


def decide(message: Message, found: Good | Reason, now: datetime) -> Next:
    """What becomes of a message whose picture has been looked at: it is sent at its next claim, as it is then."""
    if isinstance(found, Good):
        check = MediaCheck(checked_at=now, url=found.url, picture=found.picture)
        return Next(state="queued", due=now, tried=False, media=check)
    if found.code == "media_unreachable" and message.media_tries < len(_AGAIN_AFTER):
        due = now + timedelta(seconds=_AGAIN_AFTER[message.media_tries])
        # A text without its picture is worth more than one that comes too late.
        if due < message.expires_at:
            check = MediaCheck(checked_at=None, url=message.media_url, reason=found, tries=message.media_tries + 1)
            return Next(state="queued", due=due, waiting_for="picture", tried=False, media=check)
    if message.if_media_fails == "hold":
        # Whoever lets it go has it looked at once more.
        check = MediaCheck(checked_at=None, url=message.media_url)
        return Next(state="held", reason=found, tried=False, media=check)
    return Next(state="queued", due=now, tried=False, media=MediaCheck(checked_at=now, url=None, reason=found))


class Pictures:
    """Looks at the pictures of messages, from any thread; at `at_once` of them at the same time.

    `public_url` is where the web process serves what has been made smaller; `is_live` as of the settings.
    """

    def __init__(self, *, is_live: bool, public_url: str | None, at_once: int) -> None:
        self._is_live = is_live
        self._served_at = f"{public_url.rstrip('/')}/media/" if public_url else None
        self._room = threading.BoundedSemaphore(at_once)
        # Decoding a large one takes much memory for a moment.
        self._shrinking = threading.Lock()
        self._known = _Known()

    def look(self, message: Message, now: Callable[[], datetime]) -> Next | None:
        """What becomes of the message by what its picture is now; None if it can be sent as it is."""
        if not is_to_be_looked_at(message, now()) or self._is_ours(message):
            return None
        if not self._room.acquire(blocking=False):
            due = now() + timedelta(seconds=random.uniform(2, 6))  # noqa: S311 - no secret
            return Next(state="queued", due=due, waiting_for="picture", tried=False)
        url, shrinks = message.media_url or "", message.shrink_media
        try:
            found = self._known.get((url, shrinks), lambda: self._find(url, shrinks=shrinks))
        finally:
            self._room.release()
        return decide(message, found, now())

    def _is_ours(self, message: Message) -> bool:
        """Whether we made it, and so know what it is. A webhook may name such an address too."""
        made = message.shrink_media and message.media_checked_at is not None
        return bool(made and self._served_at and (message.media_url or "").startswith(self._served_at))

    def _find(self, url: str, *, shrinks: bool) -> Good | Reason:
        can_serve = shrinks and self._served_at is not None
        content = self._fetcher.fetch(url, at_most=_LARGEST if can_serve else media.LIMIT - 1)
        problem = content if isinstance(content, Reason) else media.problem_of(content)
        if problem is None:
            return Good(url=url)
        if problem.code != "media_too_large" or not shrinks:
            return problem
        if self._served_at is None:
            return Reason(code="media_too_large", detail="Set PUBLIC_URL, so that a smaller one can be served.")
        if isinstance(content, Reason):
            most = f"It is over {_LARGEST // 1_000_000} MB, which is more than can be made smaller."
            return Reason(code="media_too_large", detail=most)
        return self._make_smaller(content, self._served_at)

    def _make_smaller(self, content: bytes, served_at: str) -> Good | Reason:
        if not media.is_picture(content):
            return Reason(code="media_not_a_picture")
        with self._shrinking:
            small = media.shrink(content)
        if small is None:
            return Reason(code="media_too_large", detail="It is of a kind that cannot be shrunk, such as an animation.")
        # Nobody can guess it who has not got the picture, and the same picture is kept once.
        name = hashlib.sha256(small).hexdigest()
        return Good(url=f"{served_at}{name}.jpg", picture=Picture(name=name, content=small))

    @functools.cached_property
    def _fetcher(self) -> "Fetcher":
        # Not at the top: most workers never fetch a picture, and need neither urllib3.
        from bridge.attentive.fetching import Fetcher

        return Fetcher(is_live=self._is_live)


@dataclass
class _Known:
    """What was found lately, by address. Threads that want the same at the same time share one look."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: OrderedDict[tuple[str, bool], tuple[Future[Good | Reason], float]] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, bool], find: Callable[[], Good | Reason]) -> Good | Reason:
        with self._lock:
            found, since = self._found.get(key, (None, 0.0))
            is_mine = found is None or (found.done() and time.monotonic() - since > _lasts(found))
            if is_mine:
                found = Future()
            assert found is not None  # noqa: S101 - for the type checker
            self._found[key] = found, time.monotonic() if is_mine else since
            self._found.move_to_end(key)
            while len(self._found) > _KNOWN_PICTURES:
                self._found.popitem(last=False)
        if is_mine:
            try:
                found.set_result(find())
            except BaseException as error:
                found.set_exception(error)
                raise
        return found.result()


def _lasts(found: "Future[Good | Reason]") -> float:
    """For how many seconds what a look has found is taken for true."""
    if found.exception() is not None:
        return 0.0
    return _GOOD_SECONDS if isinstance(found.result(), Good) else _BAD_SECONDS
