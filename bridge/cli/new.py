"""`bridge new`: a message to start from."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import click

from bridge import sources
from bridge.compose import TemplateFolder, default_folder
from bridge.compose.keys import kind_problem
from bridge.compose.vocabulary import did_you_mean
from bridge.errors import Misconfigured
from bridge.events import KINDS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

_HI = 'Hi{{ " " ~ customer.first_name if customer.first_name }}, '
_ORDER = '{{ "order " ~ order.name if order.name else "your order" }}'
_REQUEST = 'your request{{ " " ~ ticket.id if ticket.id and ticket.id | length <= 8 }}'
_FOLLOW = '{{ " Follow it here: " ~ shipment.tracking_url if shipment.tracking_url }}'
_STATUS = '{{ " See it here: " ~ order.status_url if order.status_url }}'


class _Start(NamedTuple):
    """How the message about one kind of event begins."""

    body: str
    expires: str = "12h"
    when: str = "order.name and not order.test"
    is_at_night: bool = False


_STARTS = {
    "ticket.created": _Start(
        f"{_HI}thanks for getting in touch! We've got your message and will reply soon.", "2h", "ticket.id", True
    ),
    "ticket.replied": _Start(
        '{% set words = ticket.comment | plain -%}\n{{ ticket.agent if ticket.agent else "We" }} replied:'
        ' {{ words | shorten(200) if words else "there is news about your request." }}\n'
        '{{ "Read it here: " ~ ticket.url if ticket.url }}',
        when="ticket.comment or ticket.url",
        is_at_night=True,
    ),
    "ticket.solved": _Start(f"{_HI}we've marked {_REQUEST} as solved. Not quite right? Let us know.", when="ticket.id"),
    "ticket.reopened": _Start(f"{_HI}{_REQUEST} is open again, and we are looking into it.", when="ticket.id"),
    "ticket.updated": _Start(f"{_HI}there is news about {_REQUEST}.", when='ticket.status == "pending"'),
    "order.created": _Start(
        f"{_HI}thank you! We've got {_ORDER}"
        '{{ " (" ~ (order.total | money) ~ ")" if order.total and order.currency }}.',
        "4h",
        is_at_night=True,
    ),
    "order.paid": _Start(f"{_HI}your payment for {_ORDER} has arrived. Thank you!{_STATUS}", "4h"),
    "order.cancelled": _Start(f"{_HI}{_ORDER} has been cancelled. Questions? Just let us know."),
    "order.refunded": _Start(
        _HI + 'we\'ve {{ "refunded " ~ (order.refund_amount | money) if order.refund_amount and order.currency'
        f' else "issued your refund" }}}} for {_ORDER}.',
        "24h",
        "order.refund_amount is none or order.refund_amount > 0",
    ),
    "order.shipped": _Start(
        f"{_HI}{_ORDER} is on its way. Track it here: {{{{ shipment.tracking_url }}}}", "24h", "shipment.tracking_url"
    ),
    "order.out_for_delivery": _Start(f"{_HI}{_ORDER} arrives today.{_FOLLOW}", "4h"),
    "order.delivered": _Start(f"{_HI}{_ORDER} has been delivered. Can't find it? Let us know and we'll help."),
    "order.delivery_failed": _Start(f"{_HI}the carrier couldn't deliver {_ORDER}.{_FOLLOW}"),
}
_NATIVE = _Start(
    "{# What the webhook itself says is in raw, such as {{ raw.id }}: write your message below. #}\n"
    f"{_HI}there is news for you.",
    when="raw.id",
)

_FILE = """\
---
# Answers {event}. Lines that begin with # are switched off: take the # away to use one.
event: {event}
# source: {source}
# connection: {source}
# Sent only if this is true of the event; what is missing is false.
# when: {when}
# After this time a text is noise, and is not sent any more.
expires: {expires}
# No text at these hours, by the clock of the person: it waits until they are over.
{night}quiet_hours: 21:00-08:00
# A longer text is refused, and says so.
max_segments: 3
---
{body}
"""


@click.command()
@click.argument("name")
@click.option("--event", required=True, metavar="KIND", help="Such as order.shipped, or shopify.checkouts.create.")
def new(name: str, event: str) -> None:
    """Write a message to start from, NAME.txt, for events of a KIND. It never overwrites a file."""
    if not _NAME.fullmatch(name):
        raise click.UsageError(f"{name!r} is no name for a message: letters, digits, _ and -, such as order_news")
    _check_kind(event)
    folder = _folder()
    path = folder / f"{name}.txt"
    beside = _answered_by(folder, event)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(event))
    except FileExistsError:
        raise click.UsageError(f"{path} is there already, and stays as it is: choose another name") from None
    except OSError as error:
        raise Misconfigured([f"{path}: the file cannot be written ({error.strerror})"]) from None
    click.echo(f"Wrote {path}, which answers {event}.")
    if beside:
        click.echo(f"bridge: warning: {', '.join(beside)} answers {event} too: a person would get each", err=True)
    click.echo("Write your text into it. Then:")
    click.echo(f"  bridge preview {name}   shows it as a person would get it")
    click.echo("  bridge check   reads all messages, and renders each with every sample that reaches it")


def _check_kind(event: str) -> None:
    problem = kind_problem(event)
    if problem:
        raise click.UsageError(problem)
    source, known = event.partition(".")[0], sources.names()
    if event not in KINDS and source not in known:
        hint = did_you_mean(source, known)
        raise click.UsageError(f"{event}: there is no source {source}{hint} ({', '.join(sorted(known))})")


def _folder() -> Path:
    """Where messages are written: TEMPLATES_DIR, else ./templates, made if there is none."""
    setting = os.environ.get("TEMPLATES_DIR")
    if setting:
        if not Path(setting).is_dir():
            raise Misconfigured([f"TEMPLATES_DIR: there is no folder {setting}; make it, or correct the setting"])
        return Path(setting)
    here, shipped = Path("templates"), default_folder(None)
    if here.is_dir():
        return here
    try:
        here.mkdir()
    except OSError as error:
        raise Misconfigured([f"{here}: the folder cannot be made ({error.strerror})"]) from None
    click.echo(f"Made the folder {here}.")
    click.echo(
        "bridge: warning: from now on only the messages in it are sent, and no longer the shipped ones;"
        f" copy those that you want to keep from {shipped}",
        err=True,
    )
    return here


def _answered_by(folder: Path, event: str) -> list[str]:
    try:
        return [template.name for template in TemplateFolder(folder).current() if event in template.events]
    except Misconfigured:
        # An empty folder; or a broken one, and `bridge check` tells of that.
        return []


def _text(event: str) -> str:
    start = _STARTS.get(event, _NATIVE)
    source = event.partition(".")[0] if event not in KINDS else "shopify"
    return _FILE.format(
        event=event,
        source=source,
        when=start.when,
        expires=start.expires,
        night="# " if start.is_at_night else "",
        body=start.body,
    )
