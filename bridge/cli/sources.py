"""`bridge sources`: the platforms that are known, and what each can tell."""

from collections.abc import Mapping
from typing import Any

import click

from bridge import platforms
from bridge import sources as known
from bridge.cli import output
from bridge.events import KINDS
from bridge.sources import Source

_NATIVE, _WRITTEN = "●", "○"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--markdown", is_flag=True, help="The table of docs/sources.md.")
def sources(as_json: bool, markdown: bool) -> None:
    """List the platforms that the bridge knows, and which kinds of events each tells."""
    if as_json:
        output.print_json([_row(source) for source in known.discover().values()])
    elif markdown:
        click.echo(as_markdown())
    else:
        rows = ({**_row(source), "kinds": _told(source)} for source in known.discover().values())
        output.print_table(("name", "title", "proof", "look_up", "kinds"), rows, empty="No platform is known.")


def as_markdown() -> str:
    """Each source with a mark for each kind that it tells."""
    lines = [
        "| source | " + " | ".join(f"`{kind}`" for kind in KINDS) + " |",
        "|---|" + ":-:|" * len(KINDS),
    ]
    for source in known.discover().values():
        marks = (_mark(source, kind) for kind in KINDS)
        lines.append(f"| [{source.title}]({source.name}.md) (`{source.name}`) | {' | '.join(marks)} |")
    return "\n".join(lines)


def _mark(source: Source, kind: str) -> str:
    if kind in source.kinds:
        return _NATIVE
    return _WRITTEN if source.takes_canonical else ""


def _told(source: Source) -> str:
    kinds = [kind for kind in KINDS if kind in source.kinds]
    if source.takes_canonical:
        kinds.append("others as you write them" if kinds else "as you write it")
    return ", ".join(kinds) or "in its own words"


def _row(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "kinds": [kind for kind in KINDS if kind in source.kinds],
        "takes_canonical": source.takes_canonical,
        "proof": f"{'signature' if source.scheme.signs_body else 'token'} in {source.signature_header}",
        "look_up": _look_up(source, platforms.discover()),
    }


def _look_up(source: Source, asked: Mapping[str, platforms.Platform]) -> str:
    if source.joins:
        return "joined"
    platform = asked.get(source.name)
    return "REST API" if platform and platform.paths else ""
