"""Asking a platform's REST API, without ever hanging on it, hammering it or following where it points."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import urlencode

import requests

from bridge.errors import LookupFailed, Misconfigured, PersonUnknown
from bridge.events import Lookup
from bridge.platforms import Platform, base_url
from bridge.platforms.answers import Answer, pieces
from bridge.platforms.pauses import Pauses, read_reset, read_retry_after
from bridge.platforms.remembered import Remembered
from bridge.platforms.tokens import Tokens
from bridge.platforms.verdicts import judge, judge_silence, refused

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)

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
        self._remembered = Remembered(clock)
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def fetch(self, lookup: Lookup) -> Mapping[str, object]:
        """The platform's JSON answer, at most a minute old; a list is `{"items": [...]}`. Numbers with a point are
        Decimals.

        Raises PersonUnknown, LookupRefused (then for a minute without asking), or LookupFailed: try again later.
        """
        if not _PLAIN_ID.fullmatch(lookup.id) or lookup.what not in self._platform.paths:
            raise PersonUnknown(f"{self._platform.title} has no {lookup.what} with such an id.")
        if (known := self._remembered.recall(lookup)) is not None:
            return known
        self._pauses.check()
        answer = self._ask(self._url + self._platform.path(lookup), lookup)
        self._remembered.remember(lookup, answer)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """One request of a desk, asked once: see `Ask`. Refused credentials and a platform that asks to wait hold up
        what others ask of this connection; what is not allowed here (403) holds up nothing else."""
        self._pauses.check()
        url = self._url + path + (f"?{urlencode(query)}" if query else "")
        title, writes = self._platform.title, method != "GET"
        try:
            answer = self._authorized(method, url, json=json, headers=headers)
        except requests.RequestException as error:
            raise (judge_silence(title, error) if writes else self._no_answer(error)) from error
        if answer.status in {401, 429}:
            self._hold_up(answer)
        return judge(title, self._platform.required, answer, writes=writes)

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _ask(self, url: str, lookup: Lookup) -> Mapping[str, object]:
        """One request, and one more where the first one met a hiccup."""
        try:
            answer = self._authorized("GET", url)
            hiccup = answer.status >= 500
        except requests.ConnectionError:
            hiccup = True
        except requests.RequestException as error:
            raise self._no_answer(error) from error
        if hiccup:
            time.sleep(_RETRY_AFTER_SECONDS)
            try:
                answer = self._authorized("GET", url)
            except requests.RequestException as error:
                raise self._no_answer(error) from error
        return self._read(lookup, answer)

    def _no_answer(self, error: requests.RequestException) -> Exception:
        """Rest for a while: each that asked a hanging platform would hold a thread that others' webhooks need."""
        failed = LookupFailed(f"{self._platform.title} did not answer: {type(error).__name__}.")
        return self._pauses.start(failed, _NO_ANSWER_SECONDS)

    def _authorized(
        self,
        method: str,
        url: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer; with a new token where the platform no longer takes the old one, and so has done nothing."""
        if self._tokens is None:
            return self._request(method, url, {**(headers or {}), **self._headers}, json=json)
        for last in (False, True):
            token = self._tokens.current(self._post)
            proof = {**(headers or {}), **self._headers, "Authorization": f"Bearer {token}"}
            answer = self._request(method, url, proof, json=json)
            if last or answer.status != 401:
                break
            self._tokens.forget(token)
        return answer

    def _post(self, path: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """The JSON answer to a form. Raises LookupRefused or LookupFailed, from now on for a while."""
        answer = self._request("POST", self._url + path, self._headers, form=form)
        # Some say 400 to a client's id and secret that are wrong. 404 is a wrong address, not a person who is unknown.
        return self._read(
            Lookup(what="token", id=""), replace(answer, status=401) if answer.status in {400, 404} else answer
        )

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Answer:
        deadline = self._clock() + self._timeouts.whole
        with self._session().request(
            method,
            url,
            headers=headers,
            data=form,
            json=json,
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
            said = response.headers
            return Answer(
                status=response.status_code,
                content=content,
                retry_after=said.get("Retry-After"),
                location=said.get("Location"),
            )

    def _heed_limit(self, headers: Mapping[str, str]) -> None:
        """Rest before the platform has to ask for it."""
        limit = self._platform.limit
        if limit and headers.get(limit.remaining, "").strip() == "0":
            seconds = read_reset(headers.get(limit.reset), limit.reset_in)
            failed = LookupFailed(f"{self._platform.title} allows no more requests for {seconds:.0f} s.")
            self._pauses.start(failed, seconds)

    def _read(self, lookup: Lookup, answer: Answer) -> Mapping[str, object]:
        title, status = self._platform.title, answer.status
        if status in {404, 410}:
            raise PersonUnknown(f"{title} knows no {lookup.what} {lookup.id}.")
        if status in {400, 422}:
            # It will say the same tomorrow, and meanwhile the others that one webhook tells of would wait for this one.
            raise PersonUnknown(f"{title} refuses to tell of {lookup.what} {lookup.id} ({status}).")
        if status in {401, 403, 429}:
            self._hold_up(answer)
        # 204 is BigCommerce's word for an empty list.
        if status not in {200, 204}:
            raise LookupFailed(f"{title} answered {status}.")
        try:
            if status == 200 and not answer.content.strip():
                raise ValueError("is empty")
            return answer.said()
        except ValueError as error:
            raise LookupFailed(f"{title}'s answer {error}.") from error

    def _hold_up(self, answer: Answer) -> NoReturn:
        """Ask nothing more for a while, whoever asks: the credentials were refused, or it asks to wait."""
        title = self._platform.title
        if answer.status != 429:
            raise self._pauses.start(refused(title, self._platform.required, answer.status), _REFUSED_SECONDS)
        seconds = read_retry_after(answer.retry_after)
        raise self._pauses.start(LookupFailed(f"{title} asks to wait {seconds:.0f} s (429).", after=seconds), seconds)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # Neither proxies nor a .netrc of the environment: the latter would replace our credentials.
            session.trust_env = False
            with self._lock:
                self._sessions.append(session)
        return session
