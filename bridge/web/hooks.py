"""RECEIVE: `POST /hooks/<connection>` verifies a webhook, stores it and acknowledges it. Nothing more."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, abort, g, jsonify, request

from bridge import pipeline, tracing
from bridge.errors import BadSignature, StoreUnavailable
from bridge.events import Delivery
from bridge.route import Route
from bridge.store.inbox import Inbox
from bridge.tally import ACCEPTED, ACKNOWLEDGED, KNOWN, REFUSED, Count, Tally
from bridge.web.door import Door
from bridge.web.rates import Rates

log = structlog.get_logger()

# Made once: nearly every webhook is answered with one of them.
_STORED, _KNOWN = b'{"status":"stored"}\n', b'{"status":"known"}\n'

# Why a webhook was refused that was not looked at.
_CAUSES = {
    404: "unknown_connection", 408: "too_slow", 413: "too_large", 429: "too_many", 431: "headers_too_large",
    503: "not_stored",
}  # fmt: skip

Answer = tuple[Response, int] | tuple[Response, int, dict[str, str]]


def blueprint(
    routes: Mapping[str, Route], inbox: Inbox, door: Door, tally: Tally, rates: Rates, *, public_url: str | None
) -> Blueprint:
    """The webhook route over these connections. `public_url` is the bridge's address as senders know it."""
    hooks = Blueprint("hooks", __name__)

    @hooks.before_request
    def note_arrival() -> None:
        g.began = time.perf_counter()
        # Threads are used again.
        structlog.contextvars.clear_contextvars()
        if (name := (request.view_args or {}).get("name")) in routes:
            structlog.contextvars.bind_contextvars(connection=name)

    @hooks.after_request
    def count(response: Response) -> Response:
        if request.method == "POST":
            # A stranger makes up names, and no label may be made up.
            name = str((request.view_args or {}).get("name"))
            _count(tally, name if name in routes else "", response.status_code)
        return response

    # HEAD comes with GET: some platforms look whether the address exists before they send to it.
    @hooks.route("/hooks/<name>", methods=["GET", "POST"])
    def receive(name: str) -> Answer:
        """Store one webhook and acknowledge it.

        200 stored or known; 401 bad signature; 404 unknown connection; 405 not a POST; 413 too large; 429 too many;
        503 could not be stored. Pings and handshakes are answered as their platform expects.
        """
        route = routes.get(name) or abort(404, description=f"no connection is named {name!r}")
        delivery = Delivery(
            connection=name,
            headers={key.lower(): value for key, value in request.headers.items()},
            body=_exact_body(),
            received_at=datetime.now(UTC),
            method=request.method,
            url=_called_url(public_url),
        )
        if route.source.handshake and (answer := route.source.handshake(delivery)):
            return Response(answer.text, content_type=answer.content_type), answer.status
        if request.method != "POST":
            abort(405, description="this address takes webhooks: requests with the method POST", valid_methods=["POST"])
        if rates.is_over(name):
            log.warning("hook.too_many", connection=name)
            return jsonify(error="too many webhooks of this connection; try again"), 429, {"Retry-After": "10"}
        try:
            with tracing.span("webhook", connection=name) as told:
                accepted = pipeline.accept(delivery, route, inbox, keeps=door.keeps)
                told["is_new"] = accepted.is_new
        except BadSignature as error:
            g.cause = error.cause
            door.refused(delivery, error)
            return jsonify(error=f"bad signature: {error}"), 401
        except StoreUnavailable as error:
            log.error("hook.not_stored", connection=name, error=str(error))
            return jsonify(error="the delivery could not be stored; try again"), 503, {"Retry-After": "10"}
        if accepted.unverified:
            door.refused(delivery, accepted.unverified, was_stored=True)
        elif accepted.secret is not None:
            door.used(name, accepted.secret)
        if accepted.is_new and not accepted.unverified:
            rates.count(name)
        g.is_new = accepted.is_new
        return Response(_STORED if accepted.is_new else _KNOWN, content_type="application/json"), 200

    return hooks


def counting_unread(routes: Mapping[str, Route], tally: Tally) -> Callable[[str, int], None]:
    """What counts a webhook that the server refused before it was read: by the address it came to, and the status."""

    def count(path: str, status: int) -> None:
        if path.startswith("/hooks/"):
            name = path.removeprefix("/hooks/")
            labels = (name if name in routes else "", _CAUSES.get(status, "other"))
            tally.add(Count(metric=REFUSED, labels=labels))

    return count


def _count(tally: Tally, connection: str, status: int) -> None:
    """Count an answered webhook for the metrics. A handshake is none."""
    if status == 200 and "is_new" in g:
        tally.add(Count(metric=ACCEPTED if g.is_new else KNOWN, labels=(connection,)))
        tally.add(Count(metric=ACKNOWLEDGED, labels=(), by=time.perf_counter() - g.began))
    elif status >= 400:
        cause = g.get("cause") or _CAUSES.get(status, "other")
        tally.add(Count(metric=REFUSED, labels=(connection, cause)))


def _called_url(public_url: str | None) -> str:
    """The address that the sender called, which some sign. A proxy says in a header what it was called by."""
    path = request.full_path if request.query_string else request.path
    if public_url:
        return public_url.rstrip("/") + path
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme).partition(",")[0].strip()
    return f"{scheme}://{request.host}{path}"


def _exact_body() -> bytes:
    """All bytes of the body as they came; 413 if they are too many."""
    body = request.get_data(cache=False)
    # Werkzeug cuts a body that names no length at the limit, and says nothing.
    if request.content_length is None and request.environ["wsgi.input"].read(1):
        abort(413)
    return body
