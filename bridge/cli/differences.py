"""How a backtest is shown in a terminal: a table, the differences word by word, and what cannot be told."""

from dataclasses import asdict

import click
from rich.text import Text

from bridge.cli import output
from bridge.trying import telling
from bridge.trying.backtest import Backtest
from bridge.trying.comparing import Comparison
from bridge.trying.telling import NOT_PLAYED, masked


def show(played: Backtest) -> None:
    """Print it for a person."""
    columns, rows = telling.table(played)
    output.print_table(columns, rows, empty="No message was made in this time, and none would be.")
    for one in reversed(played.differences):
        _print_difference(played, one)
    if played.different > len(played.differences):
        click.echo(f"\n{played.different - len(played.differences)} older differences are not shown (--limit).")
    click.echo("")
    for line in telling.summary(played, hint="--look-up asks the platforms"):
        click.echo(line)


def _print_difference(played: Backtest, one: Comparison) -> None:
    click.echo("")
    click.echo(
        f"{one.received_at:%Y-%m-%d %H:%M:%S}Z  delivery {one.delivery_id}  {one.template}"
        f"  {telling.people(one)}  {telling.said(played, one)}"
    )
    text = Text("    ").append_text(_difference(one))
    if text.plain.strip():
        output.console().print(Text("\n    ").join(text.split("\n")))


def _difference(one: Comparison) -> Text:
    """What goes in [-…-], what comes in {+…+}, as `git diff --word-diff` has it."""
    text = Text()
    for kind, words in telling.difference(one):
        if kind == "same":
            text.append(words)
        elif kind == "gone":
            text.append(f"[-{words}-]", style="red strike")
        else:
            text.append(f"{{+{words}+}}", style="green")
    return text


def document(played: Backtest) -> dict[str, object]:
    """The same for a program."""
    return {
        "deliveries": played.deliveries,
        "different": played.different,
        "needs_look_up": played.unknown,
        "told_by_record": played.by_record,
        "waiting": played.waiting,
        "unconfigured": played.unconfigured,
        "erased": played.erased,
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
