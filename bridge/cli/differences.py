"""How a backtest is shown: a table, the differences word by word, and what cannot be told."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import click
from rich.text import Text

from bridge.cli import output
from bridge.trying.backtest import Backtest
from bridge.trying.comparing import Comparison

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


def show(played: Backtest) -> None:
    """Print it for a person."""
    rows = [_row(name, asdict(count)) for name, count in sorted(played.counts.items())]
    # Columns of nothing would hide the few numbers that matter.
    columns = [heading for heading in COLUMNS.values() if any(row[heading] for row in rows)]
    output.print_table(columns, rows, empty="No message was made in this time, and none would be.")
    for one in reversed(played.differences):
        _print_difference(played, one)
    if played.different > len(played.differences):
        click.echo(f"\n{played.different - len(played.differences)} older differences are not shown (--limit).")
    click.echo("")
    for line in _summary(played):
        click.echo(line)


def _row(template: str, count: Mapping[str, int]) -> dict[str, object]:
    shown = {
        **count,
        "other": count["link"] + count["picture"] + count["quiet_hours"],
        "skipped": count["skipped"] + count["expired"] + count["reason"],
    }
    numbers: dict[str, object] = {heading: shown.get(name) or None for name, heading in COLUMNS.items()}
    total = f"{count['segments_before']} -> {count['segments_now']}"
    return numbers | {COLUMNS["template"]: template, COLUMNS["total"]: total}


def _print_difference(played: Backtest, one: Comparison) -> None:
    before, now = played.segments(one.account, one.text_before), played.segments(one.account, one.text_now)
    said = f"other {' and '.join(one.changed)}".replace("_", " ") if one.what == "changed" else _SAID[one.what]
    if before and now and before != now:
        said += f", {before} -> {now} segments"
    reason = f": {one.reason.code}: {one.reason.sentence}" if one.reason else ""
    click.echo("")
    click.echo(
        f"{one.received_at:%Y-%m-%d %H:%M:%S}Z  delivery {one.delivery_id}  {one.template}"
        f"  {_people(one)}  {said}{reason}"
    )
    # Of what would be held the words matter too.
    words = one.now.body if one.what == "held" and one.now else one.text_now
    text = Text("    ").append_text(_difference(one.text_before, words))
    if text.plain.strip():
        output.console().print(Text("\n    ").join(text.split("\n")))


def _people(one: Comparison) -> str:
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


def _difference(before: str | None, now: str | None) -> Text:
    """Both texts in one, word by word: what goes in [-…-], what comes in {+…+}, as `git diff --word-diff` has it."""
    text = Text()
    for kind, words in _words(before or "", now or ""):
        if kind == "same":
            text.append(words)
        elif kind == "gone":
            text.append(f"[-{words}-]", style="red strike")
        else:
            text.append(f"{{+{words}+}}", style="green")
    return text


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


def _summary(played: Backtest) -> Iterator[str]:
    looked_at = output.counted(played.deliveries, "delivery", "deliveries")
    yield f"{looked_at} looked at, {output.counted(played.different, 'difference', 'differences')}."
    if played.by_record:
        told = output.counted(played.by_record, "delivery", "deliveries")
        yield f"{told} would need a look-up, and make with the number on record the very text that was made."
    if played.unknown:
        told = output.counted(played.unknown, "delivery needs", "deliveries need")
        hint = "the platform did not answer" if played.looks_up else "--look-up asks the platforms"
        yield f"{told} a look-up and cannot be told ({hint})."
    if played.waiting:
        yield f"{output.counted(played.waiting, 'delivery waits', 'deliveries wait')} to be processed still."
    if played.unconfigured:
        strangers = output.counted(played.unconfigured, "delivery", "deliveries")
        yield f"{strangers} came through connections that are not configured now."
    yield NOT_PLAYED


def document(played: Backtest) -> dict[str, object]:
    """The same for a program."""
    return {
        "deliveries": played.deliveries,
        "different": played.different,
        "needs_look_up": played.unknown,
        "told_by_record": played.by_record,
        "waiting": played.waiting,
        "unconfigured": played.unconfigured,
        "templates": {name: asdict(count) for name, count in sorted(played.counts.items())},
        "differences": [_as_document(played, one) for one in reversed(played.differences)],
        "not_played": NOT_PLAYED,
    }


def _as_document(played: Backtest, one: Comparison) -> dict[str, object]:
    return {
        "what": one.what,
        "changed": one.changed,
        "template": one.template,
        "delivery_id": one.delivery_id,
        "message_id": one.before.id if one.before else None,
        "received_at": one.received_at,
        "reason": one.reason.code if one.reason else None,
        "sentence": one.reason.sentence if one.reason else None,
        "before": _side(played, one.account, one.before.to if one.before else None, one.text_before),
        "now": _side(played, one.account, one.now.to if one.now else None, one.text_now),
    }


def _side(played: Backtest, account: str, number: str | None, text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    return {"to": masked(number), "text": text, "segments": played.segments(account, text)}
