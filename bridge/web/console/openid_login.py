"""Logging in with OpenID Connect: to the provider, and back with its word for who it is."""

import hmac
import secrets
import time
from collections.abc import Callable

import structlog
from flask import Blueprint, redirect, render_template, request, session
from werkzeug.wrappers import Response as AnyResponse

from bridge.openid import OpenId, email_of
from bridge.web.console.provider import NotProven, Provider, Unavailable

log = structlog.get_logger()

# How long a person may take at the provider's.
_PENDING_SECONDS = 600
_LONGEST_CODE = 4096

_Page = tuple[str, int] | AnyResponse
#: Starts a session: who, role, how they proved it, and the page they wanted.
LogIn = Callable[[str, str, str, str], AnyResponse]


def add(console: Blueprint, openid: OpenId, has_password: bool, wanted: Callable[[], str], log_in: LogIn) -> None:
    """`/console/oidc` and `/console/oidc/callback`."""
    provider = Provider(openid)

    def sorry(status: int, problem: str) -> _Page:
        page = render_template("console/login.html", problem=problem, has_password=has_password, has_openid=True)
        return page, status

    def unavailable(error: Unavailable) -> _Page:
        log.warning("console.openid_unavailable", issuer=openid.issuer, problem=str(error))
        return sorry(503, "The login at your company cannot be reached just now. Try again in a minute.")

    def refused(why: str, problem: str, status: int = 401) -> _Page:
        log.warning("console.openid_refused", why=why)
        return sorry(status, problem)

    @console.get("/oidc")
    def oidc() -> _Page:
        """303 to the provider's login page."""
        pending = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        try:
            address = provider.address(**pending)
        except Unavailable as error:
            return unavailable(error)
        session["oidc"] = {**pending, "next": wanted(), "until": time.time() + _PENDING_SECONDS}
        return redirect(address, 303)

    @console.get("/oidc/callback")
    def oidc_callback() -> _Page:
        """303 to the console with the provider's good word, 401 without, 403 for people of other domains."""
        # It is good for one answer, whatever that is.
        pending = session.pop("oidc", None)
        if not _belongs(pending, request.args.get("state", "")):
            where = f"{openid.public_url}/console/"
            return refused("state", f"This login was not begun here, or too long ago. Begin again, at {where}")
        if not provider.is_issuer(request.args.get("iss", openid.issuer)):
            return refused("issuer", "That was the answer of another login provider. Begin again.")
        code = request.args.get("code", "")
        if "error" in request.args or not 0 < len(code) <= _LONGEST_CODE:
            return refused("error", "The login at your company was broken off, or refused there.")
        try:
            claims = provider.claims(code, nonce=pending["nonce"], verifier=pending["verifier"])
        except Unavailable as error:
            return unavailable(error)
        except NotProven as error:
            return refused(str(error), "The login could not be verified. Begin again.")
        email = email_of(claims.get("email"), openid.domain)
        if email is None:
            return refused("domain", f"Only people with an e-mail address of {openid.domain} may log in here.", 403)
        if claims.get("email_verified") is not True:
            return refused("unverified", "Your login provider does not say that your e-mail address is verified.", 403)
        return log_in(email, openid.role_of(email), "OpenID Connect", pending["next"])


def _belongs(pending: object, state: str) -> bool:
    """Whether an answer is to what this browser asked, not too long ago."""
    if not isinstance(pending, dict) or pending.get("until", 0) < time.time():
        return False
    return hmac.compare_digest(state.encode(), str(pending.get("state")).encode())
