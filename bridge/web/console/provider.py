"""An OpenID Connect provider: where it sends people to log in, and who it says came back.

Asked only when somebody logs in, never at start; each answer is small and soon there, or it is none.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from requests.adapters import HTTPAdapter

from bridge.openid import OpenId, is_safe
from bridge.platforms.answers import pieces

#: Signatures with a public key. Never `none`, and never HS256, whose key would be whatever the token says it is.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")

_KEPT_SECONDS = 3600.0
# Who knocks at a closed door waits before the next knock, and only a few threads of a process wait at it.
_REST_SECONDS = 5.0
_MOST_AT_ONCE = 3
_TIMEOUTS = (3.05, 5.0)
_WHOLE_SECONDS = 10.0
_LARGEST_DOCUMENT = 256 * 1024
_LARGEST_TOKEN = 64 * 1024
# How far two clocks may be apart.
_LEEWAY_SECONDS = 60


class Unavailable(Exception):
    """The provider cannot be asked now, or answers what no provider answers. Try later."""


class NotProven(Exception):
    """The provider's answer proves nothing: it is another's, an old one or a forged one."""


class Provider:
    """One provider, safe to share between threads."""

    def __init__(self, openid: OpenId, clock: Callable[[], float] = time.monotonic) -> None:
        self._openid = openid
        self._clock = clock
        self._lock = Lock()
        self._room = BoundedSemaphore(_MOST_AT_ONCE)
        self._found: Mapping[str, Any] | None = None
        self._found_at = self._failed_at = float("-inf")

    def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send a person to log in. Raises Unavailable."""
        with self._asking() as session:
            endpoint = self._metadata(session)["authorization_endpoint"]
            url, _ = session.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)
        return str(url)

    def claims(self, code: str, *, nonce: str, verifier: str) -> Mapping[str, Any]:
        """What the provider says of the person who came back with `code`. Raises Unavailable or NotProven."""
        with self._asking() as session:
            metadata = self._metadata(session)
            token = self._id_token(session, metadata, code, verifier)
            keys = _keys(_document(session, metadata["jwks_uri"]))
        try:
            claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
            self._check(claims, metadata["issuer"], nonce)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotProven(type(error).__name__) from error
        return claims

    def is_issuer(self, issuer: str) -> bool:
        """Whether an address that came with an answer is this provider's."""
        return issuer.rstrip("/") == self._openid.issuer.rstrip("/")

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        if not self._room.acquire(timeout=1):
            raise Unavailable("busy")
        try:
            with OAuth2Session(
                self._openid.client_id,
                self._openid.client_secret,
                scope="openid email",
                redirect_uri=self._openid.redirect_uri,
                code_challenge_method="S256",
                default_timeout=_TIMEOUTS,
            ) as session:
                session.trust_env = False
                session.mount("https://", _Bounded())
                session.mount("http://", _Bounded())
                yield session
        finally:
            self._room.release()

    def _metadata(self, session: Any) -> Mapping[str, Any]:
        now = self._clock()
        with self._lock:
            if self._found is not None and now - self._found_at < _KEPT_SECONDS:
                return self._found
            if now - self._failed_at < _REST_SECONDS:
                raise Unavailable("it did not answer just now")
        try:
            found = _document(session, f"{self._openid.issuer.rstrip('/')}/.well-known/openid-configuration")
            if not self.is_issuer(str(found.get("issuer"))):
                raise Unavailable("it calls itself by another name than CONSOLE_OIDC_ISSUER")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_safe(found.get(name)):
                    raise Unavailable(f"its {name} is no https address")
        except Unavailable:
            with self._lock:
                self._failed_at = self._clock()
            raise
        with self._lock:
            self._found, self._found_at = found, now
        return found

    def _id_token(self, session: Any, metadata: Mapping[str, Any], code: str, verifier: str) -> str:
        known = metadata.get("token_endpoint_auth_methods_supported")
        if isinstance(known, list) and "client_secret_basic" not in known and "client_secret_post" in known:
            session.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - the name of a method
        try:
            token = session.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                redirect_uri=self._openid.redirect_uri,
                code_verifier=verifier,
                allow_redirects=False,
            )
        except AuthlibBaseError as error:
            raise NotProven("the code was refused") from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unavailable(type(error).__name__) from error
        found = token.get("id_token")
        if not isinstance(found, str) or len(found) > _LARGEST_TOKEN:
            raise NotProven("there is no ID token")
        return found

    def _check(self, claims: Mapping[str, Any], issuer: str, nonce: str) -> None:
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(dict(claims))
        # One that is for others too is good only if it was made for us.
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        party = claims.get("azp", audience[0] if len(audience) == 1 else None)
        if self._openid.client_id not in audience or party != self._openid.client_id:
            raise ValueError("another audience")


class _Bounded(HTTPAdapter):
    """Reads an answer whole, unless it is too large or too slow: then it raises requests.RequestException."""

    def send(self, *arguments: Any, **named: Any) -> requests.Response:
        deadline = time.monotonic() + _WHOLE_SECONDS
        response = super().send(*arguments, **{**named, "stream": True})
        content = b""
        try:
            for piece in pieces(response):
                content += piece
                if len(content) > _LARGEST_DOCUMENT or time.monotonic() > deadline:
                    raise requests.RequestException("too large or too slow")
        finally:
            response.close()
        response._content = content
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _document(session: Any, url: str) -> Mapping[str, Any]:
    try:
        answer = session.get(url, withhold_token=True, allow_redirects=False, headers={"Accept": "application/json"})
        found = answer.json() if answer.status_code == 200 else None
    except (OSError, ValueError) as error:
        raise Unavailable(type(error).__name__) from error
    if not isinstance(found, dict):
        raise Unavailable(f"{answer.status_code}, and no document")
    return found


def _keys(document: Mapping[str, Any]) -> jwk.KeySet:
    """The provider's keys, without those of kinds that we do not know."""
    found: list[Any] = []
    listed = document.get("keys")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig":
            try:
                found.append(jwk.import_key(one))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    if not found:
        raise Unavailable("it publishes no key that can be used")
    return jwk.KeySet(found)
