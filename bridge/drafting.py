"""One template for one event: compose, look up what is missing, hold back. Returns the draft, whatever its fate."""

from dataclasses import dataclass, replace
from datetime import datetime

from bridge import compose, phone, sms
from bridge.compose import Rendered, Template, links
from bridge.errors import LookupFailed, PersonUnknown
from bridge.events import Event
from bridge.messages import Draft
from bridge.phone import PhoneNumber
from bridge.policy import holding, time_zones
from bridge.policy.holding import Verdict
from bridge.reasons import Reason
from bridge.route import Route

# No platform's ids are longer; what is, is something else.
_LONGEST_ID = 100


def draft(
    template: Template,
    event: Event,
    route: Route,
    received_at: datetime,
    now: datetime,
    *,
    nobody: Reason | None = None,
) -> tuple[Draft, Event]:
    """The message `template` makes of `event`, in the state it enters the outbox with, and the event as known then.

    `nobody` says why there is nobody to text. Raises LookupFailed or LookupRefused while it is worth waiting for the
    platform's answer.
    """
    blank = _blank(template, event, route, received_at=received_at)
    if nobody:
        return replace(blank, state="skipped", reason=nobody), event
    try:
        found = _complete(template, event, route)
    except PersonUnknown as error:
        return replace(blank, state="skipped", reason=Reason(code="person_not_found", detail=str(error))), event
    except LookupFailed as error:
        if now < blank.expires_at:
            raise
        return replace(blank, state="expired", reason=Reason(code="expired", detail=str(error))), event
    return _made(blank, found, template, route, now), found.told


def _made(blank: Draft, found: "_Found", template: Template, route: Route, now: datetime) -> Draft:
    """The draft with its text, or why it has none."""
    blank = replace(blank, phone_why=found.phone_why, locale=found.event.customer.locale)
    if isinstance(found.text, Reason):
        return replace(blank, state="skipped", reason=found.text)
    if found.number is None:
        return replace(blank, state="skipped", reason=_no_phone(found.event, route))
    template = template.for_locale(found.event.customer.locale)
    complete = replace(
        blank,
        to=found.number.e164,
        body=_as_it_leaves(found.text.body, template, route),
        # The newer API has none. So nobody is shown one that does not go along.
        link=None if route.account.api == "text" else found.text.link,
        media_url=found.text.media_url,
        thread=found.text.thread,
    )
    return _judged(complete, found.event, found.number, template, route, now)


def _blank(template: Template, event: Event, route: Route, *, received_at: datetime) -> Draft:
    """The draft before anything is known of its text."""
    return Draft(
        template=template.name,
        event_kind=event.kind,
        identity=event.identity,
        account=route.account.name,
        # Nothing is told before it happens: with a sender's clock that is fast, or local time that says it is UTC, all
        # that others tell of the thread would be old news.
        occurred_at=min(event.occurred_at, received_at),
        expires_at=received_at + template.expires,
        quiet_hours=str(template.quiet_hours) if template.quiet_hours else None,
        supersedes=template.supersedes,
        if_unknown=template.if_unknown,
        if_media_fails=template.if_media_fails,
        shrink_media=template.shrink_media,
        retry_refused=int(template.retry_refused.total_seconds()) if template.retry_refused else None,
        ticket=_fitting(event.ticket.id),
        order_id=_fitting(event.order.id),
        report=None if template.report == "none" else template.report,
    )


def _fitting(id_: str | None) -> str | None:
    """An id that can be one of a platform's tickets or orders."""
    return id_ if id_ and len(id_) <= _LONGEST_ID else None


def _judged(
    complete: Draft, event: Event, number: PhoneNumber, template: Template, route: Route, now: datetime
) -> Draft:
    """The draft in the state it enters the outbox with: on its way, waiting for the morning, or held back."""
    body = complete.body or ""
    if unfit := _unfit(body, template, route):
        return replace(complete, state="skipped", reason=unfit)
    # Only where they are asked for: what a number says of zones is a table of its own, in memory from then on.
    zones = time_zones.zones_of(event.customer, number, route.allowed_regions) if template.quiet_hours else ()
    verdict = holding.judge(
        number,
        event,
        quiet=template.quiet_hours if route.keeps_quiet else None,
        zones=zones,
        expires_at=complete.expires_at,
        now=now,
        is_live=route.is_live,
        sending=route.sending,
    )
    verdict = or_held(verdict, body, complete.link)
    return replace(
        complete,
        zones=zones,
        state=verdict.state,
        reason=verdict.reason,
        due=verdict.due,
        waiting_for="quiet_hours" if verdict.due else None,
    )


def or_held(verdict: Verdict, body: str, link: str | None) -> Verdict:
    """The verdict, or that a person decides where carriers would block the text."""
    shortener = links.public_shortener(body, link) if verdict.state in ("queued", "held") else None
    if shortener is None:
        return verdict
    return Verdict(state="held", reason=Reason(code="public_shortener", detail=shortener))


def _as_it_leaves(text: str, template: Template, route: Route) -> str:
    if template.encoding == "unicode":
        return sms.without_controls(text)
    return sms.downgrade(text, route.account.brand)


def _unfit(body: str, template: Template, route: Route) -> Reason | None:
    """Why the text cannot go to anybody, or None."""
    if not body.strip():
        return Reason(code="empty_body", detail=template.name)
    if template.max_segments is None:
        return None
    takes = sms.measure(sms.with_brand(body, route.account.brand)).segments
    if takes <= template.max_segments:
        return None
    return Reason(
        code="too_many_segments", detail=f"It takes {takes}, and {template.name} allows {template.max_segments}."
    )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An event as far as it could be completed, and what the template makes of it.

    `told` is the event before one of its numbers was chosen.
    """

    event: Event
    told: Event
    text: Rendered | Reason
    number: PhoneNumber | None
    phone_why: str | None

    @property
    def lacks_something(self) -> bool:
        """Whether a value or a number that can be texted is missing."""
        if isinstance(self.text, Reason):
            return self.text.code == "missing_value"
        return self.number is None or not self.number.allowed


def _complete(template: Template, event: Event, route: Route) -> _Found:
    """Render; ask the platform only if the text or the number needs what the webhook lacks."""
    found = _render(template, event, route)
    if found.lacks_something and event.lookup and route.fetch:
        found = _render(template, route.look_up(event), route)
    return found


def _render(template: Template, event: Event, route: Route) -> _Found:
    told = event
    event, phone_why = route.with_usable_phone(event)
    text = compose.render(template, event)
    number = None
    if isinstance(text, Rendered) and text.to:
        country = event.customer.country or route.connection.country
        number = phone.read(text.to, country, allowed=route.allowed_regions)
        if text.to != event.customer.phone:
            phone_why = "the template's own `to`"
    return _Found(event=event, told=told, text=text, number=number, phone_why=phone_why)


def _no_phone(event: Event, route: Route) -> Reason:
    if event.lookup and route.missing_settings:
        return route.lookup_not_configured
    if event.customer.phones and not event.customer.phone:
        return Reason(code="no_phone", detail="PHONE_PREFERENCE leaves out every place that has one.")
    return Reason(code="no_phone")
