"""Samples to send at a click, from a shelf that is handed over: the sandbox itself knows no bridge and no secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, request

#: A sample's name -> one sentence of what it tells.
Named = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Samples by connection. `send(connection, sample, number)` has one sent to the bridge and says how it answered.

    `send` is None where no bridge is known; the number is None for the sample's own. It raises ValueError, which says
    what is wrong with what is asked for.
    """

    bridge: str | None = None
    connections: Callable[[], Mapping[str, Named]] = dict
    send: Callable[[str, str, str | None], str] | None = None


samples = Blueprint("samples", __name__, url_prefix="/api")


@samples.get("/samples")
def list_samples() -> dict[str, object]:
    """`{bridge, connections: [{name, samples: [{name, about}]}]}`; without a bridge `bridge` is null."""
    shelf = _shelf()
    return {
        "bridge": shelf.bridge if shelf.send else None,
        "connections": [
            {"name": connection, "samples": [{"name": name, "about": about} for name, about in known.items()]}
            for connection, known in shelf.connections().items()
        ],
    }


@samples.post("/samples")
def send_sample() -> dict[str, object]:
    """Have one sent: `{"connection": "shopify", "sample": "orders_create", "to": "+12125550123"}`, `to` if wanted.

    It must say that it is JSON, which no page of another site can without being asked first.
    """
    send = _shelf().send
    if send is None:
        abort(409, "No bridge is known: start the sandbox with --bridge URL.")
    given = request.get_json()
    if not isinstance(given, dict):
        abort(400, "The request body must be a JSON object.")
    connection, sample, number = (given.get(name) for name in ("connection", "sample", "to"))
    if not isinstance(connection, str) or not isinstance(sample, str) or not isinstance(number, str | None):
        abort(400, "Give connection and sample, and to if you like, each a text.")
    try:
        return {"answer": send(connection, sample, number or None)}
    except ValueError as error:
        abort(400, str(error))


def _shelf() -> Shelf:
    shelf: Shelf = current_app.extensions["shelf"]
    return shelf
