"""DELIVER: one POST of one message to Attentive, and an exact account of what came back.

Source: https://docs.attentive.com/pages/api-reference/transactional-messages-api
"""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from bridge.attentive.outcomes import of_status, read_retry_after
from bridge.messages import Attempt, Message, Outcome

# Attentive's answers are short; anything longer is not read.
_LONGEST_ANSWER = 16 * 1024
_LONGEST_WORDS = 300

_local = threading.local()


class Client:
    """Sends messages to the API at `base_url`. Time-outs in seconds. Each thread has a pooled session of its own."""

    def __init__(self, base_url: str, *, connect_timeout: float, read_timeout: float) -> None:
        self._url = f"{base_url}/1/messages"
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._sessions = threading.local()

    def send(self, message: Message, token: str, now: Callable[[], datetime]) -> Attempt:
        """POST `message` once. Never raises for what the network or Attentive does; the outcome says it."""
        started_at, start = now(), time.monotonic()
        _local.under_way = False
        status, words, retry_after = None, "", None
        try:
            with self._session().send(
                self._request(message, token),
                timeout=(self._connect_timeout, self._read_timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                words = _read(response)
            status = response.status_code
            outcome = of_status(status)
            retry_after = read_retry_after(response.headers.get("Retry-After"), now())
        except (requests.RequestException, HTTPError) as error:
            outcome = _of_error(error)
            words = _describe(error)
        return Attempt(
            outcome=outcome,
            started_at=started_at,
            seconds=time.monotonic() - start,
            status=status,
            words=words,
            retry_after=retry_after,
        )

    def _request(self, message: Message, token: str) -> requests.PreparedRequest:
        """The POST of `message`. Only what differs is made anew: preparing it whole is half the cost of a send."""
        if not hasattr(self._sessions, "blank"):
            self._sessions.blank = self._session().prepare_request(requests.Request("POST", self._url))
        request: requests.PreparedRequest = self._sessions.blank.copy()
        # As bytes: a token that was pasted with typographic quotes is Attentive's to refuse.
        bearer = f"Bearer {token}".encode("utf-8", "replace")
        check_header_validity(("Authorization", bearer))  # type: ignore[type-var]  # the stubs forget bytes
        request.headers["Authorization"] = bearer  # type: ignore[assignment]  # requests takes both
        request.prepare_body(None, None, json=_fields(message))
        return request

    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "session"):
            session = requests.Session()
            # Looking for proxies and .netrc in the environment costs as much as the request itself.
            session.trust_env = False
            session.mount("https://", _Adapter(pool_maxsize=1))
            session.mount("http://", _Adapter(pool_maxsize=1))
            self._sessions.session = session
        return self._sessions.session  # type: ignore[no-any-return]  # a thread-local's attribute has no type


def _read(response: requests.Response) -> str:
    """The answer's words."""
    body = b""
    for chunk in response.iter_content(4096):
        body += chunk
        if len(body) >= _LONGEST_ANSWER:
            break
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        text = json.loads(text).get("message", text)
    return " ".join(str(text).split())[:_LONGEST_WORDS]


def _fields(message: Message) -> dict[str, str]:
    """The JSON body exactly as the Attentive page has it."""
    fields = {"to": message.to, "body": message.body, "type": "TRANSACTIONAL"}
    if message.link:
        fields["link"] = message.link
    if message.media_url:
        fields["mediaUrl"] = message.media_url
    return fields


def _of_error(error: Exception) -> Outcome:
    """Whether the request can have reached Attentive.

    Before it was under way (DNS, connecting, TLS handshake) it cannot; after that nobody knows.
    """
    if getattr(_local, "under_way", False) and not _is_connect_error(error):
        return Outcome.UNKNOWN
    return Outcome.NOT_SENT


def _is_connect_error(error: BaseException) -> bool:
    """Plain HTTP connects inside `request()`, so there the kind of error has to tell."""
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else None
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _describe(error: Exception) -> str:
    """The error in a few words, without addresses or payload."""
    if error.args and isinstance(error.args[0], ReadTimeoutError):
        return "no answer in time"
    names = {
        requests.ConnectTimeout: "no connection in time",
        requests.ReadTimeout: "no answer in time",
        requests.exceptions.SSLError: "no secure connection (TLS)",
        requests.exceptions.ChunkedEncodingError: "the answer broke off",
        requests.ConnectionError: "the connection failed or was closed",
    }
    for kind, words in names.items():
        if isinstance(error, kind):
            return words
    return type(error).__name__


class _InTime(io.RawIOBase):
    """What a socket receives until its time-out has passed, counted from now.

    The socket alone would begin to count anew with every byte that drips in.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._stream = connected.makefile("rb", buffering=0)
        self._until = time.monotonic() + (connected.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._socket.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        with self.fp:
            self.fp = io.BufferedReader(_InTime(sock))


class _MarksRequest:
    """Notes the moment from which bytes of the request may leave this machine."""

    response_class: Any = _Answer

    def request(self, *args: Any, **kwargs: Any) -> None:
        _local.under_way = True
        super().request(*args, **kwargs)  # type: ignore[misc]  # urllib3's connection is next in line


class _Connection(_MarksRequest, HTTPConnection):
    pass


class _SecureConnection(_MarksRequest, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """No retries of its own: a POST that may have arrived must not be repeated behind our back."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
