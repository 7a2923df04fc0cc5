"""One POST of a message, whichever way it comes in: read, judged, failed as ordered, kept and answered."""

import contextlib
import json
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from flask import Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.attentive.sandbox import webhooks
from bridge.attentive.sandbox.schemas import Fault
from bridge.attentive.sandbox.state import Given, Outcome, Sandbox, current
from bridge.attentive.transactional import LARGEST_REQUEST, bearer_token

#: nginx's code for "closed without an answer". Nobody receives it; it is what the access log shows.
_NO_ANSWER = 444

#: What Attentive would answer to a request.
Judge = Callable[[Given, Sandbox], Outcome]


def take(judge: Judge) -> Response:
    """Take one message for a person's phone, or say why not, or fail as ordered."""
    sandbox = current()
    given = replace(_read_request(), path=request.path)
    fault = sandbox.next_fault()
    if fault.latency_ms:
        time.sleep(fault.latency_ms / 1000)
    outcome = sandbox.record(given, _outcome(given, fault, sandbox, judge), fault)
    if outcome.send:
        webhooks.tell_sent(outcome.send.to, sandbox.as_read(outcome.send.body))
    if outcome.status is None:
        if not fault.drop:
            _wait_until_client_leaves(fault.hang_after_accept)
        return _close_connection()
    response = jsonify(message=outcome.message)
    response.status_code = outcome.status
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _outcome(given: Given, fault: Fault, sandbox: Sandbox, judge: Judge) -> Outcome:
    if fault.drop:
        return Outcome(status=None, message=None, note="The connection was closed before the message was taken.")
    if fault.hang_after_accept:
        judged = judge(given, sandbox)
        then = f"Then nothing was said for {fault.hang_after_accept:g} seconds and the connection closed."
        said = judged.message if judged.send is None else judged.note
        return replace(judged, status=None, message=None, note=f"{said} {then}" if said else then)
    if fault.status is None:
        return judge(given, sandbox)
    if fault.status < 300:
        judged = judge(given, sandbox)
        return replace(judged, status=fault.status) if judged.send else judged
    return Outcome(status=fault.status, message="This answer was ordered with PUT /api/faults.")


def _read_request() -> Given:
    token = bearer_token(request.headers.get("Authorization", ""))
    request.max_content_length = LARGEST_REQUEST
    try:
        raw = request.get_data()
    except RequestEntityTooLarge:
        return Given(token=token, payload=None, unreadable="The request is larger than any text message.")
    try:
        payload: object = json.loads(raw)
    except (ValueError, RecursionError):
        return Given(token=token, payload=None, unreadable="The request body is not JSON.")
    if request.mimetype != "application/json":
        return Given(token=token, payload=payload, unreadable="Content-type: Must be application/json.")
    if not isinstance(payload, dict):
        return Given(token=token, payload=None, unreadable="The request body must be a JSON object.")
    return Given(token=token, payload=payload)


def _connection() -> socket.socket | None:
    sock = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return sock if isinstance(sock, socket.socket) else None


def _wait_until_client_leaves(seconds: float) -> None:
    """Say nothing for so many seconds; shorter when the client goes, so that its thread is free again."""
    connection = _connection()
    if connection is None:
        time.sleep(seconds)
        return
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.select(seconds)


def _close_connection() -> Response:
    connection = _connection()
    if connection is None:
        raise ConnectionAbortedError("the sandbox closed the connection, as ordered with PUT /api/faults")
    with contextlib.suppress(OSError):  # the client was quicker
        connection.shutdown(socket.SHUT_RDWR)
    # The server now fails to write this and takes it, quietly, for a client that went away.
    return Response(status=_NO_ANSWER)
