"""POST /1/messages, as the page "Transactional Messages" of Attentive's documentation describes it.

What that page leaves open (the answers' bodies, what else is a 400) is chosen here: `{"message": "..."}`.
"""

from flask import Blueprint, Response
from marshmallow import ValidationError

from bridge.attentive.sandbox import media
from bridge.attentive.sandbox.exchange import take
from bridge.attentive.sandbox.schemas import RecipientSchema
from bridge.attentive.sandbox.state import Given, Outcome, Sandbox
from bridge.attentive.transactional import Send, problems

# Making one costs more than reading a message with it.
_SEND = RecipientSchema()

messages = Blueprint("messages", __name__)


@messages.post("/1/messages")
def receive() -> Response:
    """Take one message, or say why not."""
    return take(judge)


def judge(given: Given, sandbox: Sandbox) -> Outcome:
    """What Attentive would answer; duplicates are found when the outcome is recorded."""
    if not sandbox.knows(given.token):
        return Outcome(status=403, message="Invalid API token.")
    if given.unreadable:
        return Outcome(status=400, message=given.unreadable)
    try:
        send: Send = _SEND.load(given.payload)  # type: ignore[arg-type]  # any JSON object
    except ValidationError as error:
        return Outcome(status=400, message=problems(error))
    return judge_message(send, sandbox)


def judge_message(send: Send, sandbox: Sandbox) -> Outcome:
    """What becomes of a message whose fields are all right: who it is for, and what picture goes with it."""
    if sandbox.subscribers is not None and send.to not in sandbox.subscribers:
        return Outcome(status=400, message="to: Unmatched phone number: this person is not an opted-in subscriber.")
    if sandbox.is_out(send.to):
        return Outcome(status=400, message="to: This person has opted out (STOP).")
    verdict = media.Verdict() if send.media_url is None else media.inspect(send.media_url)
    if verdict.problem:
        return Outcome(status=400, message=verdict.problem, note=verdict.note)
    return Outcome(status=200, message="The message was sent successfully.", send=send, note=verdict.note)
