"""The sandbox as a Flask application: the phone page, headers and errors; the routes stand in their own files."""

from datetime import timedelta

from flask import Blueprint, Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from bridge.attentive.sandbox import control_api, messages_api, samples_api, state, text_api, webhooks
from bridge.attentive.sandbox.samples_api import Shelf
from bridge.attentive.sandbox.webhooks import Target, Webhooks

#: No inline script or style anywhere, so a text can never run; pictures come from wherever a mediaUrl points.
CONTENT_SECURITY_POLICY = "default-src 'self'; img-src * data:"

_NO_SHELF = Shelf()
_NO_TARGET = Target()

page = Blueprint("page", __name__)


def create_app(
    *,
    brand: str = "Your Shop",
    duplicate_window: float = 60.0,
    tokens: frozenset[str] | None = None,
    shelf: Shelf = _NO_SHELF,
    target: Target = _NO_TARGET,
) -> Flask:
    """A WSGI application that plays Attentive for one brand, with an empty memory of its own.

    `brand` is the name put before every text. The same message to the same person within
    `duplicate_window` seconds is suppressed. `tokens` are the valid bearer tokens; None accepts any.
    `shelf` has the samples that the phone offers to send, `target` is where webhooks go.
    All state is in this process: run it with one worker process and as many threads as you like.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an attribute of Flask's own provider, which is the one in use
    state.install(
        app,
        state.Sandbox(brand=brand, duplicate_window=timedelta(seconds=duplicate_window), tokens=tokens),
    )
    app.extensions["shelf"] = shelf
    app.extensions["webhooks"] = Webhooks(target, brand=brand)
    for blueprint in (
        page,
        messages_api.messages,
        text_api.texts,
        control_api.control,
        samples_api.samples,
        webhooks.webhooks,
    ):
        app.register_blueprint(blueprint)
    app.after_request(_secure)
    app.register_error_handler(HTTPException, _explain)
    return app


@page.get("/")
def phone() -> str:
    """The phone page."""
    return render_template("phone.html", brand=state.current().brand, origin=request.host_url.rstrip("/"))


def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _explain(error: HTTPException) -> tuple[dict[str, str], int]:
    return {"message": error.description or error.name}, error.code or 500
