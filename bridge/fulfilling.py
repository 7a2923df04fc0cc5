"""The draft of a message that a program asked for with `POST /1/messages`.

It has no template: its text is the caller's own. From the outbox on it goes the way of all others.
"""

from datetime import datetime, timedelta

from bridge import requested
from bridge.attentive.transactional import Send
from bridge.callers import Caller
from bridge.drafting import or_held
from bridge.events import Delivery, Event
from bridge.messages import Draft, Processed
from bridge.policy import holding
from bridge.reasons import Reason
from bridge.requested import Asked
from bridge.settings import Settings
from bridge.story import line

#: The kind of event that such a request is, and what stands in place of a template's name: no file is called so.
KIND = "api.message"

# A template's default, too.
_EXPIRES = timedelta(hours=24)


def process(delivery: Delivery, caller: Caller, settings: Settings, now: datetime) -> Processed:
    """The one message that a stored request asks for, in the state it enters the outbox with."""
    try:
        asked = requested.read(delivery.body, settings)
    except requested.Unfit as error:
        # The settings have changed since it was taken: other countries, or another ATTENTIVE_URL.
        return Processed(state="parked", reason=Reason(code="unreadable_body", detail=str(error)))
    event = Event(kind=KIND, source="api", connection=caller.name, occurred_at=delivery.received_at)
    draft = _judged(asked, event, caller, settings, now)
    return Processed(drafts=(draft,), story=(line(event, KIND, draft.reason),))


def _judged(asked: Asked, event: Event, caller: Caller, settings: Settings, now: datetime) -> Draft:
    send, expires_at = asked.send, event.occurred_at + _EXPIRES
    verdict = holding.judge(
        asked.number,
        event,
        # The program knows what time it is where it sends to: it may be a code that somebody waits for.
        quiet=None,
        zones=(),
        expires_at=expires_at,
        now=now,
        is_live=settings.is_live,
        sending=settings.sending,
    )
    verdict = or_held(verdict, send.body, send.link)
    by_text = settings.accounts[caller.account].api == "text"
    return Draft(
        template=KIND,
        event_kind=KIND,
        identity=None,
        account=caller.account,
        occurred_at=event.occurred_at,
        expires_at=expires_at,
        to=asked.number.e164,
        body=_with_link(send) if by_text else send.body,
        link=None if by_text else send.link,
        media_url=send.media_url,
        phone_why="the request's `to`",
        state=verdict.state,
        reason=verdict.reason,
    )


def _with_link(send: Send) -> str:
    """The text for the newer API, which has no `link`: the reader finds it behind the text, unless it is there."""
    if not send.link or send.link in send.body:
        return send.body
    return f"{send.body.rstrip()} {send.link}"
