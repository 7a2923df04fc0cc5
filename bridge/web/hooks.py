"""RECEIVE: `POST /hooks/<connection>` verifies a webhook, stores it and acknowledges it. Nothing more."""

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, abort, jsonify, request

from bridge import pipeline
from bridge.errors import BadSignature, StoreUnavailable
from bridge.events import Delivery
from bridge.route import Route
from bridge.store.inbox import Inbox

log = structlog.get_logger()

# Made once: nearly every webhook is answered with one of them.
_STORED, _KNOWN = b'{"status":"stored"}\n', b'{"status":"known"}\n'

Answer = tuple[Response, int] | tuple[Response, int, dict[str, str]]


def blueprint(routes: Mapping[str, Route], inbox: Inbox) -> Blueprint:
    """The webhook route over these connections."""
    hooks = Blueprint("hooks", __name__)

    @hooks.post("/hooks/<name>")
    def receive(name: str) -> Answer:
        """Store one webhook and acknowledge it.

        200 stored or known; 401 bad signature; 404 unknown connection; 413 too large; 503 could not be stored.
        """
        route = routes.get(name) or abort(404, description=f"no connection is named {name!r}")
        delivery = Delivery(
            connection=name,
            headers={key.lower(): value for key, value in request.headers.items()},
            body=_exact_body(),
            received_at=datetime.now(UTC),
        )
        try:
            is_new = pipeline.accept(delivery, route, inbox)
        except BadSignature as error:
            log.warning("hook.refused", connection=name, reason=str(error))
            return jsonify(error=f"bad signature: {error}"), 401
        except StoreUnavailable as error:
            log.error("hook.not_stored", connection=name, error=str(error))
            return jsonify(error="the delivery could not be stored; try again"), 503, {"Retry-After": "10"}
        return Response(_STORED if is_new else _KNOWN, content_type="application/json"), 200

    return hooks


def _exact_body() -> bytes:
    """All bytes of the body as they came; 413 if they are too many."""
    body = request.get_data(cache=False)
    # Werkzeug cuts a body that names no length at the limit, and says nothing.
    if request.content_length is None and request.environ["wsgi.input"].read(1):
        abort(413)
    return body
