"""What an answer to a desk's request means for the posting. Pure; the words of errors are safe to keep and to show."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from bridge.errors import BridgeError, LookupFailed, LookupRefused, NotThere, PostingDoubtful, PostingRefused
from bridge.platforms.answers import Answer
from bridge.platforms.pauses import read_retry_after

_LONGEST_WORDS = 200
# Numbers of people, addresses, and what may be a key: a platform that refuses something likes to repeat it.
_PRIVATE = re.compile(r"\S+@\S+|https?://\S+|\+?\d[\d\s().-]{5,}\d|\S{24,}")
# Where platforms put their words, the most telling first.
_WORDS = ("description", "message", "msg", "error_description", "detail", "title", "error", "errors", "details", "code")


def judge(title: str, required: Iterable[str], answer: Answer, *, writes: bool) -> Mapping[str, Any]:
    """What the answer says. Raises what `Ask` promises."""
    status = answer.status
    if 200 <= status < 300:
        return _said(title, answer, writes=writes)
    if status in {404, 410}:
        raise NotThere(f"{title} has no such ticket, order or person ({status}).")
    if status in {401, 403}:
        raise refused(title, required, status)
    if status in {408, 429} or status >= 500:
        _raise_for_now(title, answer, writes=writes)
    words = _words(answer)
    moved_to = answer.location if status in {301, 302, 307, 308} else None
    raise PostingRefused(f"{title} answered {status}{f': {words}' if words else ''}", status=status, moved_to=moved_to)


def judge_silence(title: str, error: requests.RequestException) -> BridgeError:
    """What it means that there is no complete answer to a request that writes."""
    if _was_never_sent(error):
        return LookupFailed(f"{title} could not be reached: {type(error).__name__}.")
    return PostingDoubtful(f"{title} did not answer: {type(error).__name__}.")


def refused(title: str, required: Iterable[str], status: int) -> LookupRefused:
    """The credentials do not do. 403: they may do for other requests."""
    return LookupRefused(
        f"{title} refused the API credentials ({status}): check the connection's {', '.join(required)}"
        + (" and what the token is allowed." if status == 403 else ".")
    )


def _raise_for_now(title: str, answer: Answer, *, writes: bool) -> NoReturn:
    """Raise for an answer that another try may better. Only "come back later" says that nothing was done."""
    said_when = answer.retry_after is not None
    after = read_retry_after(answer.retry_after) if said_when else None
    if not writes or answer.status == 429 or (answer.status == 503 and said_when):
        raise LookupFailed(f"{title} answered {answer.status}.", after=after)
    raise PostingDoubtful(f"{title} answered {answer.status}: it may have taken it.")


def _said(title: str, answer: Answer, *, writes: bool) -> Mapping[str, Any]:
    try:
        return answer.said()
    except ValueError as error:
        # A page of somebody who stands between us and the platform.
        text = f"{title}'s answer {error}."
        raise (PostingDoubtful(text) if writes else LookupFailed(text)) from error


def _was_never_sent(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)


def _words(answer: Answer) -> str:
    """The platform's own words, shortened, without what may be personal or secret."""
    try:
        said = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ""
    words = list(dict.fromkeys(_PRIVATE.sub("…", " ".join(text.split())) for text in _texts(said)))
    text = "; ".join(words)
    return text if len(text) <= _LONGEST_WORDS else text[: _LONGEST_WORDS - 1] + "…"


def _texts(said: object, depth: int = 0) -> Iterator[str]:
    if depth > 5:
        return
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for one in said:
            yield from _texts(one, depth + 1)
    elif isinstance(said, dict):
        known = [name for name in _WORDS if name in said]
        for name in known or said:
            yield from _texts(said[name], depth + 1)
