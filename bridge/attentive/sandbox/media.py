"""What a mediaUrl holds: a gif, png or jpg under 500 KB, told by its content and not by its name."""

import queue
import threading
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import requests

from bridge import media
from bridge.media import LIMIT

EXTENSIONS = frozenset({".gif", ".png", ".jpg", ".jpeg"})
_PROBLEMS = {
    "media_too_large": "mediaUrl: Media size must be under 500KB.",
    "media_not_a_picture": "mediaUrl: Must be a gif, png or jpg; the content is not.",
}

_TIMEOUT = 2.0
_REDIRECTS = 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`problem` is why the media is refused, None when it is good; `note` is what could not be checked."""

    problem: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class NotFetched:
    """Why the media could not be had, in a word or two."""

    why: str


def inspect(url: str) -> Verdict:
    """Whether Attentive would take this media; answers within about two seconds.

    Media that cannot be fetched from here (a laptop without a network, a shop not yet live) is judged by its name.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        return Verdict(problem="mediaUrl: Must be an http or https URL.")
    got = _fetch_in_time(url)
    if isinstance(got, NotFetched):
        note = f"mediaUrl was not fetched ({got.why}); judged by its file name."
        if PurePosixPath(parts.path).suffix.lower() not in EXTENSIONS:
            return Verdict(problem="mediaUrl: Must be a gif, png or jpg.", note=note)
        return Verdict(note=note)
    return Verdict(problem=problem_of(got))


def problem_of(content: bytes) -> str | None:
    """Why Attentive would refuse these bytes, in its words; None if it would not."""
    reason = media.problem_of(content)
    return _PROBLEMS[reason.code] if reason else None


def _fetch_in_time(url: str) -> bytes | NotFetched:
    # requests' time-out does not cover the name look-up nor a server that drips; a thread left behind does no harm.
    answers: queue.SimpleQueue[bytes | NotFetched] = queue.SimpleQueue()
    deadline = time.monotonic() + _TIMEOUT
    threading.Thread(target=lambda: answers.put(_fetch(url, deadline)), daemon=True).start()
    try:
        return answers.get(timeout=_TIMEOUT)
    except queue.Empty:
        return NotFetched("it took too long")


def _fetch(url: str, deadline: float) -> bytes | NotFetched:
    with requests.Session() as session:
        session.trust_env = False
        session.max_redirects = _REDIRECTS
        try:
            with session.get(url, timeout=_TIMEOUT, stream=True) as response:
                if response.status_code != requests.codes.ok:
                    return NotFetched(f"HTTP {response.status_code}")
                return _read(response, deadline)
        # UnicodeError and ValueError: host names and ports that get past urlsplit and break further down.
        except (requests.RequestException, OSError, ValueError):
            return NotFetched("no answer")


def _read(response: requests.Response, deadline: float) -> bytes | NotFetched:
    content = b""
    while len(content) <= LIMIT:
        chunk = response.raw.read1(LIMIT + 1 - len(content), decode_content=True)
        if not chunk:
            return content
        content += chunk
        if time.monotonic() > deadline:
            return NotFetched("it took too long")
    return content
