"""The path of a message: accept a webhook, process it into messages, deliver each. Read this file first.

`accept` runs in the web process, `process` and `deliver` in the worker. None of them knows Flask, threads or SQL.
What a program asks for with `POST /1/messages` comes in by web/messages_api, is made into a draft by fulfilling.py, and
delivered like all others.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bridge import tracing
from bridge.attentive.client import Client
from bridge.attentive.retry import before_sending
from bridge.errors import BadSignature, LookupFailed, Unreadable
from bridge.events import Accepted, Delivery, Nothing
from bridge.messages import Attempt, Deferred, Draft, Message, Next, Processed
from bridge.policy import holding
from bridge.route import Route
from bridge.settings import Settings
from bridge.sighting import Sighting
from bridge.store.inbox import Inbox
from bridge.story import line, of_passed_over, why_nothing

if TYPE_CHECKING:
    from bridge.compose import Template

Now = Callable[[], datetime]
Look = Callable[[Message], Next | None]
Keeps = Callable[[Delivery], bool]


def accept(delivery: Delivery, route: Route, inbox: Inbox, *, keeps: Keeps = lambda _refused: False) -> Accepted:
    """Verify a delivery and store it durably, also one that is not genuine where somebody `keeps` it to look at.

    Raises BadSignature: answer 401. Raises StoreUnavailable: answer 503, the sender tries again.
    """
    source = route.source
    headers = {name: value for name, value in delivery.headers.items() if name in route.stored_headers}
    headers |= tracing.carried()
    try:
        secret = route.verify(delivery)
    except BadSignature as error:
        if not keeps(delivery):
            raise
        return Accepted(is_new=inbox.add_unverified(delivery, cause=error.cause, headers=headers), unverified=error)
    signed = source.signed_bytes(delivery) if source.signed_bytes else None
    key, proof = source.delivery_key(delivery), route.fingerprint_of(secret)
    is_new = inbox.add(delivery, key=key, signed_bytes=signed, headers=headers, secret=proof)
    return Accepted(is_new=is_new, secret=secret)


def process(delivery: Delivery, route: Route, templates: "Sequence[Template]", now: datetime) -> Processed | Deferred:
    """Turn a stored delivery into drafts of messages, or say why it makes none, or when to try again."""
    # Not at the top: the web process, which has `accept` from here, needs neither templates nor what reads them.
    from bridge import compose, echoing, joining
    from bridge.drafting import draft

    drafts: list[Draft] = []
    story: list[dict[str, str]] = []
    seen: list[Sighting] = []
    try:
        parsed = route.parse(delivery, now)
        if isinstance(parsed, Nothing):
            return Processed(reason=parsed.reason, asked=parsed.asked)
        for joined in (joining.join(event, route) for event in parsed):
            matched = echoing.own(event := joined.event, route) or compose.match(templates, event)
            if matched.templates or matched.passed_over:
                joining.wait_for_shop(joined, route, delivery, now)
            story += of_passed_over(event, matched)
            seen += joining.told(joined, event, route, delivery)
            for template in matched.templates:
                made, known = draft(template, event, route, delivery.received_at, now, nobody=joined.reason)
                drafts.append(made := holding.until_vouched_for(made, delivery.unverified))
                story.append(line(event, template.name, made.reason))
                seen += joining.told(joined, known, route, delivery) if known is not event else ()
    except Unreadable as error:
        return Processed(state="parked", reason=error.reason)
    except LookupFailed as error:
        return holding.until_told(error, delivery.attempts, now)
    return Processed(
        reason=None if drafts else why_nothing(story),
        drafts=tuple(drafts),
        story=tuple(story),
        sightings=tuple(seen),
        notices=tuple(event.notice for event in parsed if event.notice),
        account=route.account.name,
    )


def deliver(
    message: Message, token: str, client: Client, now: Now, *, look: Look, settings: Settings
) -> Attempt | Next:
    """Send a claimed message once its picture has been looked at, and tell what came of it; or why not (any more)."""
    return (
        before_sending(message, now=now(), window=settings.window_of(message.account))
        or holding.at_the_door(message, now=now(), keeps_quiet=settings.keeps_quiet, is_live=settings.is_live)
        or look(message)
        or client.send(message, token, now)
    )
