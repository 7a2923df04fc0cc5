"""What there is to say of one message: what it costs, where it goes and why."""

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bridge import sms
from bridge.compose import Template
from bridge.messages import Draft
from bridge.policy import threads
from bridge.wording import counted


def costs(text: str) -> Iterator[str]:
    """What it costs, and which characters make it cost more."""
    measure, left = sms.measure(text), sms.units_left(text)
    price = f"; it costs {measure.segments} times the price of one" if measure.segments > 1 else ""
    size = f"{measure.units} units of {measure.encoding}, {left} left in the last segment"
    yield f"{counted(measure.segments, 'segment')}: {size}{price}"
    for one in measure.characters:
        # People count from 1.
        places = ", ".join(str(place + 1) for place in one.positions[:10])
        more = ", ..." if len(one.positions) > 10 else ""
        yield f"{one.character!r} ({one.name}) at {places}{more} makes this text cost more"


def facts(draft: Draft, template: Template, *, as_shown: Callable[[str], str] = str) -> Iterator[tuple[str, str]]:
    """All that is known of a message, each with a label; `as_shown` is how its number may be shown."""
    if draft.phone_why:
        yield "number", f"{as_shown(draft.to)}, from {draft.phone_why}" if draft.to else draft.phone_why
    if draft.locale:
        translation = template.for_locale(draft.locale).path if template.translations else None
        yield "locale", f"{draft.locale}, by {translation}" if translation else draft.locale
    if draft.media_url:
        yield "picture", f"{draft.media_url} (it is fetched and judged before it leaves)"
    if draft.link:
        yield "link", draft.link
    if draft.thread:
        is_replaced = draft.supersedes and draft.event_kind not in threads.WORDS
        yield "thread", draft.thread + (", where a newer text takes its place" if is_replaced else "")
    if draft.quiet_hours:
        yield "quiet", f"{draft.quiet_hours} in {' and '.join(draft.zones) or 'no known zone'}{_wait(draft)}"
    if draft.reason:
        yield ("held" if draft.state == "held" else "not sent"), f"{draft.reason.code}: {draft.reason.sentence}"


def _wait(draft: Draft) -> str:
    """Until when it would wait, by the clocks of the person's zones."""
    if draft.due is None:
        return ""
    clocks = " and ".join(f"{_clock(draft.due, zone)} in {zone}" for zone in draft.zones)
    return f": it would wait until {clocks or _clock(draft.due, 'UTC') + ' UTC'}"


def _clock(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M on %d %B}"
