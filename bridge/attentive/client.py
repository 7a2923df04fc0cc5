"""DELIVER: one POST of one message to Attentive, and an exact account of what came back."""

import contextlib
import http.client
import json
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlsplit

from bridge import tracing
from bridge.attentive.apis import MESSAGES, Api, Question
from bridge.attentive.outcomes import read_rate_limit, read_wait
from bridge.attentive.wire import Answer, Server, Wire
from bridge.messages import Attempt, Message, Outcome

# Attentive's answers are short; anything longer is not read.
_LONGEST_ANSWER = 16 * 1024
_LONGEST_WORDS = 300

#: What ends a header, or what no server takes in one.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Client:
    """Sends messages to an API at `base_url`, from any thread; each has a connection of its own.

    Time-outs in seconds: one for being connected, from the name's look-up to TLS, and one for the whole exchange of
    request and answer.
    """

    def __init__(self, base_url: str, *, connect_timeout: float, read_timeout: float, api: Api = MESSAGES) -> None:
        self._api = api
        self._url = urlsplit(base_url)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._server = Server(self._url)
        self._mine = threading.local()
        self._heads: dict[tuple[str, str], bytes] = {}

    def send(self, message: Message, token: str, now: Callable[[], datetime]) -> Attempt:
        """POST `message` once. Never raises for what the network or Attentive does; the outcome says it."""
        with tracing.span("attempt", message=message.id, attempt=message.attempts) as told:
            attempt = self._ask(self._api.sending(message, now()), token, now)
            told |= {"outcome": str(attempt.outcome), "status": attempt.status}
            return attempt

    def check(self, token: str, now: Callable[[], datetime]) -> Attempt:
        """Make the request that sends nothing and shows whether the token is right."""
        return self._ask(self._api.check, token, now)

    def _ask(self, question: Question, token: str, now: Callable[[], datetime]) -> Attempt:
        started_at, start = now(), time.monotonic()
        answer, failure = None, ""
        # What fails before the first byte may have left was not sent; after it, nobody knows.
        outcome = Outcome.NOT_SENT
        try:
            request = self._request(question, token)
            wire = self._wire(start + self._connect_timeout)
            outcome = Outcome.UNKNOWN
            answer = wire.post(request, time.monotonic() + self._read_timeout, at_most=_LONGEST_ANSWER)
            outcome = self._api.outcome_of(answer.status)
        except (OSError, ValueError, http.client.HTTPException, zlib.error) as error:
            failure = _describe(error, outcome)
        return Attempt(
            outcome=outcome,
            started_at=started_at,
            seconds=time.monotonic() - start,
            status=answer.status if answer else None,
            words=_words(answer) if answer else failure,
            retry_after=read_wait(answer.status, answer.headers, now()) if answer else None,
        )

    def _wire(self, until: float) -> Wire:
        wire: Wire | None = getattr(self._mine, "wire", None)
        if not (wire and wire.stands()):
            wire = self._mine.wire = self._server.connect(until)
        return wire

    def _request(self, question: Question, token: str) -> bytes:
        key = (question.path, token)
        if key not in self._heads:
            self._heads[key] = self._head(question, token)
        body = b"" if question.fields is None else json.dumps(question.fields).encode()
        return b"%bContent-Length: %d\r\n\r\n%b" % (self._heads[key], len(body), body)

    def _head(self, question: Question, token: str) -> bytes:
        """What all such requests with this token begin with. Raises ValueError if it would not stay one header."""
        # As bytes: a token that was pasted with typographic quotes is Attentive's to refuse.
        bearer = b"Bearer " + token.encode("utf-8", "replace")
        if _CONTROL.search(bearer):
            raise _UnusableToken
        lines = [
            f"{question.method} {quote(self._url.path, safe='/%')}{question.path} HTTP/1.1".encode(),
            b"Host: " + self._url.netloc.rpartition("@")[2].encode("idna"),
            b"User-Agent: helpdesk-bridge",
            b"Accept: */*",
            b"Accept-Encoding: identity",
            b"Authorization: " + bearer,
            b"Content-Type: application/json",
        ]
        return b"".join(line + b"\r\n" for line in lines)


class _UnusableToken(ValueError):
    pass


def _words(answer: Answer) -> str:
    """The answer's words, and where requests came too fast, how many may come."""
    text = answer.body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        text = json.loads(text).get("message", text)
    limit = read_rate_limit(answer.status, answer.headers)
    told = f"{text} ({limit} requests a second are allowed)" if limit else str(text)
    return " ".join(told.split())[:_LONGEST_WORDS]


_DESCRIPTIONS: dict[type[Exception] | tuple[type[Exception], ...], str] = {
    _UnusableToken: "the token holds a character that no header can",
    socket.gaierror: "the server's name was not found",
    ssl.SSLError: "no secure connection (TLS)",
    OSError: "the connection failed or was closed",
    ValueError: "the server's name cannot be one",
    (http.client.HTTPException, zlib.error): "the answer cannot be read",
}


def _describe(error: Exception, outcome: Outcome) -> str:
    """The error in a few words, without addresses or payload."""
    if isinstance(error, TimeoutError):
        return "no answer in time" if outcome is Outcome.UNKNOWN else "no connection in time"
    return next(words for kind, words in _DESCRIPTIONS.items() if isinstance(error, kind))
