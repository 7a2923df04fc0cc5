"""What the console says while the database is away: a page, or one sentence for a page that asks for news."""

import structlog
from flask import Blueprint, Response, make_response, render_template, request

from bridge.errors import RowRefused, StoreUnavailable
from bridge.settings import Settings

log = structlog.get_logger()

_AWAY = "The database does not answer just now."
_RETRY_AFTER = "10"


def add(console: Blueprint, settings: Settings) -> None:
    """Answer 503 instead of 500 when the database does not answer, and 400 when it cannot hold what was typed."""

    @console.errorhandler(RowRefused)
    def refused(_: RowRefused) -> tuple[str, int]:
        words = "What was entered holds a character that the database cannot keep."
        return render_template("console/error.html", name="This cannot be stored", description=words), 400

    @console.errorhandler(StoreUnavailable)
    def away(error: StoreUnavailable) -> Response:
        log.warning("console.store_unavailable", error=str(error))
        answer = make_response(_said(settings), 503)
        answer.headers["Retry-After"] = _RETRY_AFTER
        if "HX-Request" in request.headers:
            # It is put in beside what is shown, and asks again at its time.
            answer.mimetype = "text/plain"
        return answer


def _said(settings: Settings) -> str:
    if "HX-Request" in request.headers:
        return f"{_AWAY} What you see is how things stood before; it is renewed when the database is back."
    if request.endpoint in ("console.login", "console.oidc_callback"):
        return render_template(
            "console/login.html",
            problem=f"{_AWAY} Try again in a minute; webhooks are refused until then, and most platforms repeat them.",
            has_password=bool(settings.console_password or settings.console_viewer_password),
            has_openid=settings.openid is not None,
        )
    if request.method == "GET":
        words = "Nothing that was acknowledged is lost. Texts wait, and leave when it is back."
        return render_template("console/error.html", name=_AWAY.rstrip("."), description=words, again=request.full_path)
    words = "It may be that nothing was done. Look before you do it again."
    return render_template("console/error.html", name=_AWAY.rstrip("."), description=words)
