"""The routes beside Attentive's own: look at what arrived, clear it, choose subscribers, order faults."""

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, request
from marshmallow import Schema, ValidationError

from bridge.attentive.sandbox.newest import KEPT
from bridge.attentive.sandbox.schemas import FaultSchema, SubscribersSchema
from bridge.attentive.sandbox.state import current
from bridge.attentive.transactional import problems

#: Room for some hundred thousand subscribers.
LARGEST_SETTING = 4 * 1024 * 1024

control = Blueprint("control", __name__, url_prefix="/api")


@control.get("/messages")
def list_messages() -> Response:
    """The texts as people read them, oldest first. `?limit=N` gives the newest N; an ETag saves unchanged answers."""
    return _rows(lambda newest: current().messages(newest))


@control.get("/attempts")
def list_attempts() -> Response:
    """Every POST with its answer, oldest first; `?limit=N` and ETag as for messages."""
    return _rows(lambda newest: current().attempts(newest))


@control.get("/answers")
def list_answers() -> Response:
    """What people wrote on their phones, oldest first; `?limit=N` and ETag as for messages."""
    return _rows(lambda newest: current().answers(newest))


@control.delete("/messages")
def clear() -> tuple[str, int]:
    """Forget messages, attempts, answers and the memory for duplicates."""
    current().clear()
    return "", 204


@control.get("/subscribers")
def get_subscribers() -> dict[str, object]:
    """Who is opted in."""
    numbers = current().subscribers
    return {"all": True} if numbers is None else {"subscribers": sorted(numbers)}


@control.put("/subscribers")
def put_subscribers() -> dict[str, object]:
    """Say who is opted in."""
    current().subscribers = _load(SubscribersSchema())
    return get_subscribers()


@control.get("/faults")
def get_faults() -> dict[str, object]:
    """The faults in force, `{}` when there are none."""
    return current().fault.effect()


@control.put("/faults")
def put_faults() -> dict[str, object]:
    """Order faults; `{}` clears them."""
    current().fault = _load(FaultSchema())
    return get_faults()


def _load(schema: Schema) -> Any:
    request.max_content_length = LARGEST_SETTING
    try:
        return schema.load(json.loads(request.get_data()))
    except ValidationError as error:
        abort(400, problems(error))
    except (ValueError, RecursionError):
        abort(400, "The request body is not JSON.")


def _rows(newest_of: Callable[[int], list[bytes]]) -> Response:
    newest = request.args.get("limit", default=str(KEPT))
    if not (newest.isascii() and newest.isdigit() and 1 <= int(newest[:9]) <= KEPT):
        abort(400, f"limit: Must be a whole number from 1 to {KEPT}.")
    # Taken before the rows: a row that comes in between is then sent twice, never missed.
    version = f"{current().version}-{newest}"
    if request.if_none_match.contains(version):
        response = Response(status=304)
    else:
        response = Response(b"[%b]" % b",".join(newest_of(int(newest))), mimetype="application/json")
    response.set_etag(version)
    response.headers["Cache-Control"] = "no-cache"
    return response
