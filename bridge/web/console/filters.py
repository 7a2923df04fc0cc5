"""How values are shown: phone numbers masked, reasons as sentences, moments for the viewer's own clock."""

from datetime import datetime, timedelta

from flask import Blueprint
from markupsafe import Markup

from bridge import phone, sms, wording
from bridge.reasons import CAUSES, REASONS
from bridge.settings import Settings

#: What a state means to who reads it: how it is coloured, too.
TONES = {
    "sent": "good",
    "processed": "good",
    "queued": "waiting",
    "stored": "waiting",
    "sending": "waiting",
    "held": "held",
    "skipped": "quiet",
    "expired": "quiet",
    "superseded": "quiet",
    "refused": "bad",
    "failed": "bad",
    "unknown": "bad",
    "parked": "bad",
}


def add(console: Blueprint, settings: Settings) -> None:
    """Make the filters known to the console's templates."""

    @console.record_once
    def register(state: object) -> None:
        filters = state.app.jinja_env.filters  # type: ignore[attr-defined]  # Flask's BlueprintSetupState
        filters.update(masked=masked, moment=moment, tone=TONES.get, sentence=sentence, cause=CAUSES.get)
        filters["seconds"] = lambda seconds: wording.span(timedelta(seconds=seconds)) if seconds else "nothing"
        filters["duration"] = duration
        filters["with_brand"] = lambda text, account: sms.with_brand(text, _brand(settings, account))


def masked(number: str | None) -> str:
    """`+1 212 ••• ••23`: enough to tell two people apart, too little to text one."""
    if not number:
        return "no number"
    read = phone.read(number)
    country = f"+{read.e164[1:2]}" if read.e164 and read.e164.startswith("+1") else number[:3]
    return f"{country} ••• •••{number[-2:]}"


def moment(value: datetime | None) -> Markup:
    """A moment that the page's script writes in the viewer's zone; in UTC without it."""
    if value is None:
        return Markup("")
    return Markup('<time datetime="{}">{} UTC</time>').format(value.isoformat(), f"{value:%Y-%m-%d %H:%M:%S}")


def duration(value: timedelta) -> str:
    """`2 days`, `12 hours`, `90 minutes`: the largest unit that is whole."""
    minutes = int(value.total_seconds()) // 60
    size, name = next(
        (size, name) for size, name in ((1440, "day"), (60, "hour"), (1, "minute")) if minutes % size == 0
    )
    return wording.counted(minutes // size, name)


def sentence(code: str | None) -> str:
    """What a reason means."""
    return REASONS.get(code or "", "")


def _brand(settings: Settings, account: str) -> str | None:
    known = settings.accounts.get(account)
    return known.brand if known else None
