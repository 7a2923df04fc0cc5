"""Who may see the console, and who may act: passwords, sessions, roles, and a token against forged requests."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response as AnyResponse

from bridge.settings import Settings
from bridge.store import audit
from bridge.store.database import Database
from bridge.web.tries import Tries

#: Viewers look; operators act and reveal.
ROLES = ("viewer", "operator")

# A session ends by itself after a working day.
_SESSION_SECONDS = 12 * 3600
_LONGEST_PASSWORD = 1024


def policy(*, pictures_of: str = "") -> str:
    """What a browser may do on a page: nothing is asked of another machine, but for pictures of one origin."""
    pictures = f"img-src 'self' {pictures_of}".rstrip()
    return f"default-src 'self'; {pictures}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OPEN = frozenset({"console.login", "console.static", "console.oidc", "console.oidc_callback"})

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def prepare(app: Flask, settings: Settings) -> None:
    """Set up the application's sessions, signed with a key that all web processes have: it is made of the settings."""
    # Slow on purpose: a viewer has a signed session, and could try passwords on it.
    salt = b"the bridge's console: sessions"
    app.secret_key = hashlib.scrypt(_key_material(settings), salt=salt, n=2**14, r=8, p=1, dklen=32)
    app.config.update(
        SESSION_COOKIE_NAME="bridge_console",
        SESSION_COOKIE_PATH="/console",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=bool(settings.public_url and settings.public_url.startswith("https://")),
    )


def operators_only(view: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """`view`, answered 403 to who may only look."""

    @wraps(view)
    def guarded(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        if session.get("role") != "operator":
            abort(403, description="this needs the role operator; you may only look")
        return view(*arguments, **named)

    return guarded


def who() -> str:
    """Who is acting, for the audit list."""
    return str(session.get("who", ""))


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """Login and logout, and the guard before every page."""
    hashes = {
        role: _hashed(password)
        for role, password in (("operator", settings.console_password), ("viewer", settings.console_viewer_password))
        if password
    }
    openid = settings.openid
    tries = Tries()

    def login_page(problem: str | None = None) -> str:
        return render_template(
            "console/login.html", problem=problem, has_password=bool(hashes), has_openid=openid is not None
        )

    def log_in(who: str, role: str, how: str, wanted: str) -> AnyResponse:
        # First: nobody is let in who is not on record for it.
        with database.write() as connection:
            now = database.now(connection)
            audit.note(connection, who=who, action="login", subject=role, now=now, detail=how)
        # Nothing of what a browser came with is in the new session.
        session.clear()
        session.update(role=role, who=who, until=time.time() + _SESSION_SECONDS, token=secrets.token_urlsafe(32))
        return redirect(wanted, 303)

    @console.before_request
    def guard() -> AnyResponse | None:
        """Let in who has a session; let act who sends its token."""
        if request.endpoint in _OPEN:
            return None
        if session.get("role") not in ROLES or session.get("until", 0) < time.time():
            session.clear()
            if "HX-Request" in request.headers:
                # A fragment cannot be a login page: have the whole page go there.
                return Response("", 401, {"HX-Redirect": url_for("console.login")})
            if request.method not in ("GET", "HEAD"):
                abort(401, description="log in first")
            return redirect(url_for("console.login", next=_path()), 303)
        if request.method not in ("GET", "HEAD") and not _has_token():
            abort(403, description="this form is too old, or came from somewhere else; load the page again")
        return None

    @console.after_request
    def secure(response: Response) -> Response:
        """No script but ours, no frame, nothing kept."""
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "console.static":
            response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    @console.route("/login", methods=["GET", "POST"])
    def login() -> str | tuple[str, int] | AnyResponse:
        """The login page; 303 to the console with the right password, 401 with a wrong one, 429 after too many."""
        if request.method == "GET":
            return login_page()
        address = request.remote_addr or ""
        if tries.is_too_many(address):
            return login_page("Too many wrong passwords. Wait five minutes."), 429
        password = request.form.get("password", "")[:_LONGEST_PASSWORD]
        role = next((role for role, kept in hashes.items() if check_password_hash(kept, password)), None)
        if role is None:
            tries.failed(address)
            return login_page("That is not the password."), 401
        name = " ".join(request.form.get("name", "").split())[:60]
        # On the audit list an e-mail is one that a provider has verified.
        name = name if openid is None else re.sub(r"[@＠﹫]", " at ", name)
        return log_in(name or role, role, "password", _next())

    @console.post("/logout")
    def logout() -> AnyResponse:
        """End the session."""
        session.clear()
        return redirect(url_for("console.login"), 303)

    if openid is not None:
        # Not at the top: Authlib is there only for who wants it.
        from bridge.web.console import openid_login

        openid_login.add(console, openid, bool(hashes), _next, log_in)

    @console.context_processor
    def session_values() -> dict[str, object]:
        """What every page needs to know about who looks at it."""
        return {"role": session.get("role"), "who": session.get("who"), "token": session.get("token", "")}


def _key_material(settings: Settings) -> bytes:
    """Whatever opens the console: once that changes, sessions that began before are over."""
    openid, password = settings.openid, settings.console_password or ""
    if openid is None:
        return password.encode()
    parts = [password, openid.issuer, openid.client_id, openid.client_secret, openid.domain, *sorted(openid.operators)]
    return "\0".join(parts).encode()


def _hashed(password: str) -> str:
    """The password's hash; one that is written as a hash already (`scrypt:…`, `pbkdf2:…`) is it."""
    return password if password.startswith(("scrypt:", "pbkdf2:")) else generate_password_hash(password)


def _has_token() -> bool:
    given = request.headers.get("X-CSRF-Token") or request.form.get("token", "")
    return bool(session.get("token")) and hmac.compare_digest(given.encode(), str(session["token"]).encode())


def _path() -> str:
    return request.full_path if request.query_string else request.path


def _next() -> str:
    """Where the login leads: a page of the console, whatever the address says."""
    wanted = request.args.get("next", "")
    is_ours = (
        wanted.startswith("/console/")
        and "\\" not in wanted
        and not wanted.startswith(("/console/log", "/console/oidc"))
    )
    return wanted if is_ours else url_for("console.overview")
