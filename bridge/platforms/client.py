"""Asking a platform's REST API, without ever hanging on it, hammering it or following where it points."""

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import requests

from bridge.errors import LookupFailed, LookupRefused, Misconfigured, PersonUnknown
from bridge.events import Lookup
from bridge.platforms import Platform, base_url
from bridge.platforms.answers import pieces
from bridge.platforms.pauses import Pauses, read_reset, read_retry_after
from bridge.platforms.tokens import Tokens

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)

_CACHED_SECONDS = 60.0
_CACHED_ANSWERS = 1000
_REFUSED_SECONDS = 60.0
_NO_ANSWER_SECONDS = 10.0
_LARGEST_ANSWER = 2 * 1024 * 1024
_RETRY_AFTER_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds to wait for a connection, for the next bytes, and for a whole answer that comes in drips."""

    connect: float = 3.05
    read: float = 10.0
    whole: float = 30.0


class PlatformClient:
    """A connection's access to its platform, safe to share between threads.

    `credentials` are the connection's settings that the platform requires, by their last part. Raises Misconfigured
    where one is missing or cannot be used.
    """

    def __init__(
        self,
        platform: Platform,
        credentials: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
        timeouts: Timeouts | None = None,
    ) -> None:
        missing = [suffix for suffix in platform.required if not credentials.get(suffix)]
        if missing:
            raise Misconfigured(f"{platform.title}'s API needs the connection's setting {suffix}" for suffix in missing)
        try:
            self._url = base_url(credentials.get("URL") or platform.default_url or "")
        except ValueError as error:
            raise Misconfigured([f"the connection's setting URL {error}"]) from error
        self._platform = platform
        try:
            self._headers = {**platform.authorize(credentials), "Accept": "application/json"}
        except ValueError as error:
            raise Misconfigured([f"the connection's setting {error}"]) from error
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise Misconfigured(["the connection's setting API_TOKEN holds a line break or a special character"])
        self._clock = clock
        self._tokens = Tokens(platform.grant, credentials["API_TOKEN"], clock) if platform.grant else None
        self._timeouts = timeouts or Timeouts()
        self._pauses = Pauses(clock)
        self._lock = threading.Lock()
        self._answers: OrderedDict[Lookup, tuple[float, Mapping[str, object]]] = OrderedDict()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def fetch(self, lookup: Lookup) -> Mapping[str, object]:
        """The platform's JSON answer, at most a minute old; a list is `{"items": [...]}`. Numbers with a point are
        Decimals.

        Raises PersonUnknown, LookupRefused (then for a minute without asking), or LookupFailed: try again later.
        """
        if not _PLAIN_ID.fullmatch(lookup.id) or lookup.what not in self._platform.paths:
            raise PersonUnknown(f"{self._platform.title} has no {lookup.what} with such an id.")
        if (known := self._recall(lookup)) is not None:
            return known
        self._pauses.check()
        answer = self._ask(self._url + self._platform.path(lookup), lookup)
        self._remember(lookup, answer)
        return answer

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _ask(self, url: str, lookup: Lookup) -> Mapping[str, object]:
        """One request, and one more where the first one met a hiccup."""
        try:
            status, retry_after, content = self._get(url)
            hiccup = status >= 500
        except requests.ConnectionError:
            hiccup = True
        except requests.RequestException as error:
            raise self._no_answer(error) from error
        if hiccup:
            time.sleep(_RETRY_AFTER_SECONDS)
            try:
                status, retry_after, content = self._get(url)
            except requests.RequestException as error:
                raise self._no_answer(error) from error
        return self._read(lookup, status, retry_after, content)

    def _no_answer(self, error: requests.RequestException) -> Exception:
        """Rest for a while: each that asked a hanging platform would hold a thread that others' webhooks need."""
        failed = LookupFailed(f"{self._platform.title} did not answer: {type(error).__name__}.")
        return self._pauses.start(failed, _NO_ANSWER_SECONDS)

    def _get(self, url: str) -> tuple[int, str | None, bytes]:
        """Status, Retry-After and content; with a new token where the platform no longer takes the old one."""
        if self._tokens is None:
            return self._request("GET", url, self._headers)
        token = self._tokens.current(self._post)
        answer = self._request("GET", url, {**self._headers, "Authorization": f"Bearer {token}"})
        if answer[0] != 401:
            return answer
        self._tokens.forget(token)
        token = self._tokens.current(self._post)
        return self._request("GET", url, {**self._headers, "Authorization": f"Bearer {token}"})

    def _post(self, path: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """The JSON answer to a form. Raises LookupRefused or LookupFailed, from now on for a while."""
        status, retry_after, content = self._request("POST", self._url + path, self._headers, form)
        # Some say 400 to a client's id and secret that are wrong. 404 is a wrong address, not a person who is unknown.
        status = 401 if status in {400, 404} else status
        return self._read(Lookup(what="token", id=""), status, retry_after, content)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> tuple[int, str | None, bytes]:
        deadline = self._clock() + self._timeouts.whole
        with self._session().request(
            method,
            url,
            headers=headers,
            data=form,
            timeout=(self._timeouts.connect, self._timeouts.read),
            allow_redirects=False,
            stream=True,
        ) as response:
            self._heed_limit(response.headers)
            content = b""
            for chunk in pieces(response):
                content += chunk
                if len(content) > _LARGEST_ANSWER or self._clock() > deadline:
                    raise requests.exceptions.ContentDecodingError("too large or too slow")
            return response.status_code, response.headers.get("Retry-After"), content

    def _heed_limit(self, headers: Mapping[str, str]) -> None:
        """Rest before the platform has to ask for it."""
        limit = self._platform.limit
        if limit and headers.get(limit.remaining, "").strip() == "0":
            seconds = read_reset(headers.get(limit.reset), limit.reset_in)
            failed = LookupFailed(f"{self._platform.title} allows no more requests for {seconds:.0f} s.")
            self._pauses.start(failed, seconds)

    def _read(self, lookup: Lookup, status: int, retry_after: str | None, content: bytes) -> Mapping[str, object]:
        title = self._platform.title
        if status in {404, 410}:
            raise PersonUnknown(f"{title} knows no {lookup.what} {lookup.id}.")
        if status in {400, 422}:
            # It will say the same tomorrow, and meanwhile the others that one webhook tells of would wait for this one.
            raise PersonUnknown(f"{title} refuses to tell of {lookup.what} {lookup.id} ({status}).")
        if status in {401, 403}:
            settings = ", ".join(self._platform.required)
            refused = LookupRefused(
                f"{title} refused the API credentials ({status}): check the connection's {settings}."
            )
            raise self._pauses.start(refused, _REFUSED_SECONDS)
        if status == 429:
            seconds = read_retry_after(retry_after)
            raise self._pauses.start(LookupFailed(f"{title} asks to wait {seconds:.0f} s (429)."), seconds)
        if status == 204:
            # BigCommerce's word for an empty list.
            return {}
        if status != 200:
            raise LookupFailed(f"{title} answered {status}.")
        try:
            answer = json.loads(content, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise LookupFailed(f"{title}'s answer is not JSON.") from error
        if isinstance(answer, list):
            return {"items": answer}
        if not isinstance(answer, dict):
            raise LookupFailed(f"{title}'s answer is not a JSON object.")
        return answer

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # Neither proxies nor a .netrc of the environment: the latter would replace our credentials.
            session.trust_env = False
            with self._lock:
                self._sessions.append(session)
        return session

    def _recall(self, lookup: Lookup) -> Mapping[str, object] | None:
        with self._lock:
            until, answer = self._answers.get(lookup, (0.0, None))
            return answer if answer is not None and self._clock() < until else None

    def _remember(self, lookup: Lookup, answer: Mapping[str, object]) -> None:
        with self._lock:
            self._answers[lookup] = (self._clock() + _CACHED_SECONDS, answer)
            self._answers.move_to_end(lookup)
            while len(self._answers) > _CACHED_ANSWERS:
                self._answers.popitem(last=False)
