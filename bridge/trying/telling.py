"""What a backtest found, in words: the columns of its table, what became of a text, and what cannot be told."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import asdict

from bridge.trying.backtest import Backtest, Count
from bridge.trying.comparing import Comparison
from bridge.wording import counted

#: Headings of the table's columns, by the name of the count.
COLUMNS = {
    "template": "template",
    "deliveries": "deliveries",
    "same": "same",
    "text": "other text",
    "recipient": "other recipient",
    "segments": "other segments",
    "other": "other link, picture or quiet hours",
    "held": "would be held",
    "skipped": "would not be sent",
    "additional": "would be sent too",
    "gone": "no longer made",
    "total": "segments",
}
NOT_PLAYED = (
    "Not played: texts that a newer one would have replaced, accounts that were paused, people who were unreachable,"
    " caps for each template, and texts from before that count towards a person's cap."
)
_SAID = {
    "held": "would be held",
    "skipped": "would not be sent",
    "expired": "would have expired",
    "additional": "would be sent too",
    "gone": "would no longer be made",
    "reason": "would not be sent either, for another reason",
}


def row(template: str, count: Count) -> dict[str, object]:
    """The numbers of one template under the headings of COLUMNS; None for none."""
    numbers = asdict(count)
    shown = {
        **numbers,
        "other": count.link + count.picture + count.quiet_hours,
        "skipped": count.skipped + count.expired + count.reason,
    }
    told: dict[str, object] = {heading: shown.get(name) or None for name, heading in COLUMNS.items()}
    total = f"{count.segments_before} -> {count.segments_now}"
    return told | {COLUMNS["template"]: template, COLUMNS["total"]: total}


def table(played: Backtest) -> tuple[list[str], list[dict[str, object]]]:
    """Headings and rows; columns of nothing would hide the few numbers that matter."""
    rows = [row(name, count) for name, count in sorted(played.counts.items())]
    return [heading for heading in COLUMNS.values() if any(one[heading] for one in rows)], rows


def said(played: Backtest, one: Comparison) -> str:
    """What is different, in a few words: `other text, 1 -> 2 segments`."""
    before, now = played.segments(one.account, one.text_before), played.segments(one.account, one.text_now)
    words = f"other {' and '.join(one.changed)}".replace("_", " ") if one.what == "changed" else _SAID[one.what]
    if before and now and before != now:
        words += f", {before} -> {now} segments"
    return words + (f": {one.reason.code}: {one.reason.sentence}" if one.reason else "")


def difference(one: Comparison) -> list[tuple[str, str]]:
    """Both texts in one, word by word: (`same`, `gone` or `new`, words)."""
    # Of what would be held the words matter too.
    words = one.now.body if one.what == "held" and one.now else one.text_now
    return list(_words(one.text_before or "", words or ""))


def people(one: Comparison) -> str:
    """Whom it is to, masked."""
    before = masked(one.before.to if one.before else None)
    now = masked(one.now.to if one.now else None)
    if before and now and "recipient" in one.changed:
        return f"to {now}, not {before}"
    return f"to {now or before}" if now or before else "to nobody"


def masked(number: str | None) -> str | None:
    """A phone number as it may be shown to anybody: `+1212•••0123`."""
    if number is None:
        return None
    return f"{number[:-7]}•••{number[-4:]}" if len(number) > 9 else f"{number[:3]}•••"


def _words(before: str, now: str) -> Iterator[tuple[str, str]]:
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", now)
    for tag, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", "".join(old[a:b])
            continue
        if a < b:
            yield "gone", "".join(old[a:b])
        if c < d:
            yield "new", "".join(new[c:d])


def summary(played: Backtest, *, hint: str) -> Iterator[str]:
    """What was looked at and what cannot be told, line by line; `hint` is how look-ups would be made."""
    looked_at = counted(played.deliveries, "delivery", "deliveries")
    yield f"{looked_at} looked at, {counted(played.different, 'difference', 'differences')}."
    if played.by_record:
        told = counted(played.by_record, "delivery", "deliveries")
        yield f"{told} would need a look-up, and make with the number on record the very text that was made."
    if played.unknown:
        told = counted(played.unknown, "delivery needs", "deliveries need")
        why = "the platform did not answer" if played.looks_up else hint
        yield f"{told} a look-up and cannot be told ({why})."
    if played.erased:
        yield f"What {counted(played.erased, 'delivery', 'deliveries')} said has been erased, so nothing is told of it."
    if played.waiting:
        yield f"{counted(played.waiting, 'delivery waits', 'deliveries wait')} to be processed still."
    if played.unconfigured:
        strangers = counted(played.unconfigured, "delivery", "deliveries")
        yield f"{strangers} came through connections that are not configured now."
    yield NOT_PLAYED
