"""One message as the person would get it, with what it costs, where it goes and why."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.panel import Panel
from rich.text import Text

from bridge import sms
from bridge.cli import output
from bridge.compose import Template
from bridge.messages import Draft
from bridge.policy import threads


def document(draft: Draft, template: Template, brand: str | None) -> dict[str, object]:
    """The message for a program."""
    text = sms.with_brand(draft.body, brand) if draft.body else None
    measure = sms.measure(text) if text else None
    return {
        "template": draft.template,
        "file": template.for_locale(draft.locale).path,
        "event": draft.event_kind,
        "to": draft.to,
        "phone_why": draft.phone_why,
        "locale": draft.locale,
        "text": text,
        "link": draft.link,
        "media_url": draft.media_url,
        "thread": draft.thread,
        "encoding": measure.encoding if measure else None,
        "segments": measure.segments if measure else None,
        "units": measure.units if measure else None,
        "units_left": sms.units_left(text) if text else None,
        "characters": [asdict(one) for one in measure.characters] if measure else [],
        "quiet_hours": draft.quiet_hours,
        "zones": draft.zones,
        "due": draft.due,
        "waiting_for": draft.waiting_for,
        "state": draft.state,
        "reason": draft.reason.code if draft.reason else None,
        "sentence": draft.reason.sentence if draft.reason else None,
    }


def show(draft: Draft, template: Template, brand: str | None) -> None:
    """Print the message as a bubble, and below it all that is known of it."""
    if draft.body:
        text = sms.with_brand(draft.body, brand)
        title, subtitle = f"to {draft.to or 'nobody'}", output.counted(sms.measure(text).segments, "segment")
        output.console().print(Panel(Text(text), title=title, subtitle=subtitle, box=box.ROUNDED, width=64))
        for line in _costs(text):
            click.echo(f"  {line}")
    for label, value in _facts(draft, template):
        click.echo(f"  {label + ':':9} {value}")


def _costs(text: str) -> Iterator[str]:
    """What it costs, and which characters make it cost more."""
    measure, left = sms.measure(text), sms.units_left(text)
    price = f"; it costs {measure.segments} times the price of one" if measure.segments > 1 else ""
    size = f"{measure.units} units of {measure.encoding}, {left} left in the last segment"
    yield f"{output.counted(measure.segments, 'segment')}: {size}{price}"
    for one in measure.characters:
        # People count from 1.
        places = ", ".join(str(place + 1) for place in one.positions[:10])
        more = ", ..." if len(one.positions) > 10 else ""
        yield f"{one.character!r} ({one.name}) at {places}{more} makes this text cost more"


def _facts(draft: Draft, template: Template) -> Iterator[tuple[str, str]]:
    if draft.phone_why:
        yield "number", f"{draft.to}, from {draft.phone_why}" if draft.to else draft.phone_why
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
