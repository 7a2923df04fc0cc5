"""POST /v1/text/send and GET /v1/me, Attentive's newer API.

Sources: https://docs.attentive.com/pages/api-reference/messages and https://docs.attentive.com/pages/api-rate-limits
What they leave open is chosen here, the harder way each time: `{"message": "..."}` in every answer, 401 for a token
that is none, 400 for a 21st name, and no duplicate is dropped.
"""

from dataclasses import replace

from flask import Blueprint, Response, jsonify, request
from marshmallow import ValidationError

from bridge.attentive.sandbox.exchange import take
from bridge.attentive.sandbox.messages_api import judge_message
from bridge.attentive.sandbox.quota import REQUESTS_PER_SECOND
from bridge.attentive.sandbox.state import Given, Outcome, Sandbox, current
from bridge.attentive.sandbox.text_schema import TextSend, TextSendSchema, shorten
from bridge.attentive.transactional import bearer_token, problems

_SEND = TextSendSchema()

_NO_TOKEN = "Access denied: invalid API key."  # noqa: S105 - words
_TOO_FAST = f"Too many requests: at most {REQUESTS_PER_SECOND} a second."

texts = Blueprint("texts", __name__)


@texts.post("/v1/text/send")
def receive() -> Response:
    """Take one message, or say why not; with what is left of this second's requests."""
    left = current().quota.use(_token())
    response = take(_refuse_for_pace if left < 0 else judge)
    response.headers["x-ratelimit-limit"] = str(REQUESTS_PER_SECOND)
    response.headers["x-ratelimit-remaining"] = str(max(0, left))
    return response


@texts.get("/v1/me")
def me() -> tuple[Response, int]:
    """Whose token this is."""
    sandbox = current()
    if not sandbox.knows(_token()):
        return jsonify(message=_NO_TOKEN), 401
    return jsonify(companyName=sandbox.brand), 200


def _token() -> str | None:
    return bearer_token(request.headers.get("Authorization", ""))


def _refuse_for_pace(_given: Given, _sandbox: Sandbox) -> Outcome:
    return Outcome(status=429, message=_TOO_FAST)


def judge(given: Given, sandbox: Sandbox) -> Outcome:
    """What Attentive would answer."""
    if not sandbox.knows(given.token):
        return Outcome(status=401, message=_NO_TOKEN)
    if given.unreadable:
        return Outcome(status=400, message=given.unreadable)
    try:
        send: TextSend = _SEND.load(given.payload)  # type: ignore[arg-type]  # any JSON object
    except ValidationError as error:
        return Outcome(status=400, message=problems(error))
    outcome = judge_message(send, sandbox)
    if outcome.send is None:
        return outcome
    if send.name is not None and not sandbox.quota.admit(given.token, send.name):
        return Outcome(status=400, message="messageName: At most 20 different ones in 24 hours.")
    if any(brace in send.body for brace in "{}"):
        # The trap of the page: it is answered as if it were sent.
        return replace(outcome, send=None, note="Not sent, and nobody is told: the body holds a curly brace.")
    shown = replace(send, body=shorten(send.body)) if send.short_links else send
    return replace(outcome, send=shown, drops_repeats=False)
