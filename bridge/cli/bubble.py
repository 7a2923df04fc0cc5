"""One message as the person would get it, with what it costs, where it goes and why."""

from dataclasses import asdict

import click
from rich import box
from rich.panel import Panel
from rich.text import Text

from bridge import sms
from bridge.cli import output
from bridge.compose import Template
from bridge.messages import Draft
from bridge.trying import facts


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
        for line in facts.costs(text):
            click.echo(f"  {line}")
    for label, value in facts.facts(draft, template):
        click.echo(f"  {label + ':':9} {value}")
