"""What a demo came to, on one screen: a line for each platform, with one of its texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from bridge import sources
from bridge.cli import output
from bridge.cli.output import counted


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one platform's samples came to."""

    title: str
    webhooks: int
    texts: int
    example: str


def by_platform(deliveries: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]) -> list[Told]:
    """A row for each platform that sent a webhook, in the order of their names.

    Their texts are much alike. So the example is one of the template that was shown least so far: a screen of them
    shows what there is.
    """
    connections = {delivery["id"]: delivery["connection"] for delivery in deliveries}
    webhooks = Counter(connections.values())
    shown: Counter[str] = Counter()
    rows = []
    for name in sorted(webhooks, key=lambda name: sources.find(name).title.casefold()):
        sent = [row for row in messages if row["state"] == "sent" and connections.get(row["delivery_id"]) == name]
        example = min(sent, key=lambda row: (shown[row["template"]], row["id"]), default=None)
        if example:
            shown[example["template"]] += 1
        rows.append(
            Told(
                title=sources.find(name).title,
                webhooks=webhooks[name],
                texts=len(sent),
                example=" ".join(example["body"].split()) if example else "",
            )
        )
    return rows


def print_platforms(rows: Sequence[Told]) -> None:
    """A line each, cut to the width of the terminal."""
    width = max((len(row.title) for row in rows), default=0)
    for row in rows:
        texts, colour = (counted(row.texts, "text"), "green") if row.texts else ("no text", "yellow")
        line = f"  {row.title:<{width}}  {counted(row.webhooks, 'webhook'):>11}  [{colour}]{texts:>8}[/]"
        output.console().print(f"{line}  {escape(row.example)}".rstrip(), no_wrap=True, overflow="ellipsis")


def summary(deliveries: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]], *, fired: int) -> str:
    """How many webhooks there were and what became of the messages, in a sentence or three."""
    stored = len(deliveries)
    silent = sum(1 for delivery in deliveries if delivery["reason"])
    repeats = f" ({counted(fired - stored, 'repeat', 'repeats')} known)" if fired > stored else ""
    states = Counter(message["state"] for message in messages)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{stored} webhooks stored{repeats}, {silent} of them with a reason to send nothing. Messages: {told}."
