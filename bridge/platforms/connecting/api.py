"""Asking a platform to do something: one request at a time, and every refusal in words that say what to do."""

import json
import time
from collections.abc import Callable, Iterable, Mapping

import requests

from bridge.errors import ConnectFailed
from bridge.platforms import base_url
from bridge.platforms.answers import pieces
from bridge.platforms.connecting import Connector, Request
from bridge.platforms.pauses import read_retry_after

_CONNECT_SECONDS = 5.0
# WooCommerce greets the bridge with a ping before it answers, and Shopify may wait for itself.
_READ_SECONDS = 60.0
_TRIES = 3
_LONGEST_WAIT_SECONDS = 60.0
_LARGEST_ANSWER = 5 * 1024 * 1024
_LONGEST_WORDS = 300
_SHORTEST_SECRET = 6


class Api:
    """A platform's API as one connection may use it. `words` names its settings as the user knows them.

    Raises ValueError where a credential cannot be used.
    """

    def __init__(
        self,
        connector: Connector,
        credentials: Mapping[str, str],
        words: Mapping[str, str],
        *,
        hidden: Iterable[str] = (),
        sleep: Callable[[float], None] = time.sleep,
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        self._connector = connector
        try:
            self._url = base_url(credentials["URL"])
        except ValueError as error:
            raise ValueError(f"URL {error}") from error
        self._headers = {**connector.authorize(credentials), "Accept": "application/json"}
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise ValueError("API_TOKEN holds a line break or a special character")
        self._words = words
        token = credentials["API_TOKEN"]
        known = {token, *token.split(":"), *hidden}
        # The longest first: one may be a part of another. What is shorter is no secret, and would hide common words.
        self._hidden = sorted((one for one in known if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._sleep = sleep
        self._read_seconds = read_seconds
        self._session = requests.Session()
        # Neither proxies nor a .netrc of the environment: the latter would replace our credentials.
        self._session.trust_env = False

    def ask(self, request: Request) -> object:
        """The platform's JSON answer; None for an empty one. Raises ConnectFailed."""
        for attempt in range(_TRIES):
            status, headers, content = self._send(request)
            if status != 429 or attempt == _TRIES - 1:
                break
            # Refused unread, so that asking again does nothing twice.
            seconds = read_retry_after(headers.get("Retry-After"))
            if seconds > _LONGEST_WAIT_SECONDS:
                break
            self._sleep(seconds)
        answer = _read(content)
        if not 200 <= status < 300:
            raise ConnectFailed(self._explain(status, headers, answer))
        if answer is None and content.strip():
            raise ConnectFailed(f"{self._title}'s answer is not JSON; is {self._name('URL')} the address of its API?")
        if refusal := self._connector.read_refusal(answer):
            raise ConnectFailed(f"{self._title} refused: {self._safe(refusal)}")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    @property
    def _title(self) -> str:
        return self._connector.title

    def _name(self, suffix: str) -> str:
        return self._words.get(suffix, suffix)

    def _send(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        deadline = time.monotonic() + 2 * self._read_seconds
        try:
            with self._session.request(
                request.method,
                self._url + request.path,
                headers=self._headers,
                json=request.body,
                timeout=(_CONNECT_SECONDS, self._read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = b""
                for chunk in pieces(response):
                    content += chunk
                    if len(content) > _LARGEST_ANSWER:
                        raise ConnectFailed(f"{self._title}'s answer is too large.")
                    if time.monotonic() > deadline:
                        raise ConnectFailed(f"{self._title}'s answer takes too long; is {self._name('URL')} right?")
                return response.status_code, response.headers, content
        except requests.exceptions.SSLError as error:
            raise ConnectFailed(
                f"{self._title}'s certificate is not to be trusted; is {self._name('URL')} right?"
            ) from error
        except requests.RequestException as error:
            unsure = " Whether it has done it is not known; run it again, it looks first." if request.writes else ""
            raise ConnectFailed(
                f"{self._title} did not answer ({type(error).__name__}); is {self._name('URL')} right?{unsure}"
            ) from error

    def _explain(self, status: int, headers: Mapping[str, str], answer: object) -> str:
        said = self._safe(_words_of(answer))
        said = f": {said}" if said else ""
        if 300 <= status < 400:
            return f"{self._title} answered {status}, a redirect, which is not followed; correct {self._name('URL')}"
        if status == 429:
            seconds = read_retry_after(headers.get("Retry-After"))
            return f"{self._title} asks to wait (429{said}); try again in {seconds:.0f} s"
        if status >= 500:
            return f"{self._title} answered {status}{said}; try again later"
        advice = self._connector.advice.get(status, "").format_map({**_SAME, **self._words})
        return f"{self._title} answered {status}{said}" + (f"; {advice}" if advice else "")

    def _safe(self, words: str) -> str:
        """The platform's own words on one line, without anything of the credentials."""
        for secret in self._hidden:
            words = words.replace(secret, "…")
        words = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
        return words if len(words) <= _LONGEST_WORDS else words[:_LONGEST_WORDS] + "…"


_SAME = {"URL": "URL", "API_TOKEN": "API_TOKEN", "EMAIL": "EMAIL"}


def _read(content: bytes) -> object:
    try:
        answer: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer


def _words_of(answer: object) -> str:
    """What an error's body says, whatever its form: a text, or lists and objects of texts."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return "; ".join(filter(None, (_words_of(part) for part in answer[:5])))
    if isinstance(answer, Mapping):
        telling = ("error", "errors", "message", "detail", "title", "description", "details")
        found = [(name, answer[name]) for name in telling if name in answer] or list(answer.items())[:5]
        return "; ".join(filter(None, (_words_of(value) for _, value in found)))
    return ""
