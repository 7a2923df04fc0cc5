"""Writes the parts of the pages that are made from the code: settings, commands, routes, platforms.

    python docs/generate.py

Such a part stands between `<!-- made: NAME -->` and `<!-- end -->`; what is around it is written by hand. A test tells
when a page is out of date.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import click
from flask import Flask
from werkzeug.routing import Rule

from bridge import cli, setting_list, sources
from bridge.attentive import sandbox
from bridge.cli import firing
from bridge.cli.sources import as_markdown as platforms
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web import create_app

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- made: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
# Everything that a setting switches on.
_ALL_ON = {
    "API_TOKENS": "any:thing",
    "CONSOLE_PASSWORD": "any",
    "PUBLIC_URL": "https://bridge.example.com",
    "CONSOLE_OIDC_ISSUER": "https://accounts.example.com",
    "CONSOLE_OIDC_CLIENT_ID": "any",
    "CONSOLE_OIDC_CLIENT_SECRET": "any",
    "CONSOLE_ALLOWED_DOMAIN": "example.com",
}


def settings() -> str:
    """A table for each group of settings."""
    parts = []
    for title, group in setting_list.groups().items():
        lines = [f"## {title}", "", "| setting | default | meaning | example |", "|---|---|---|---|"]
        lines += [f"| `{one.name}` | {one.default} | {one.meaning} | `{one.example}` |" for one in group]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def commands() -> str:
    """Each command with its help and its options."""
    return "\n\n".join(_command(path, command) for path, command in every_command(cli.cli, "bridge"))


def every_command(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, as it is called, in the order of `bridge --help`."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None:
            yield from every_command(child, f"{path} {name}")


def _command(path: str, command: click.Command) -> str:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    usage = [path, *map(_argument, arguments), *(["[OPTIONS]"] if options else [])]
    lines = [f"## {path}", "", "```", " ".join(usage), "```", "", _help(command)]
    if options:
        lines += ["", "| option | meaning |", "|---|---|"]
        lines += [f"| `{_option(one)}` | {_meaning(one)} |" for one in options]
    return "\n".join(lines)


def _argument(one: click.Argument) -> str:
    if one.metavar:
        return one.metavar
    name = (one.name or "").upper()
    return name if one.required else f"[{name}]"


def _option(one: click.Option) -> str:
    if one.is_flag:
        return ", ".join(one.opts)
    kinds = "/".join(map(str, one.type.choices)) if isinstance(one.type, click.Choice) else ""
    return f"{', '.join(one.opts)} {one.metavar or kinds or (one.name or '').upper()}"


def _meaning(one: click.Option) -> str:
    by_default = f" Default: `{one.default}`." if one.show_default else ""
    return f"{_cell(one.help or '')}{by_default}"


def _help(command: click.Command) -> str:
    paragraphs = (command.help or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def routes() -> str:
    """The routes of the web process."""
    with patch.dict(os.environ, _ALL_ON):
        with_all = Settings.from_env(sources.discover())
    return _routes(create_app(with_all, Database("sqlite:////nowhere/bridge.db")))


def sandbox_routes() -> str:
    """The routes of the sandbox."""
    return _routes(sandbox.create_app(brand="", duplicate_window=60, tokens=None, shelf=firing.shelf_of_all()))


def _routes(app: Flask) -> str:
    lines = ["| route | methods | does |", "|---|---|---|"]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        lines.append(f"| `{rule.rule}` | {_methods(rule)} | {_does(app, rule)} |")
    return "\n".join(lines)


def _methods(rule: Rule) -> str:
    return ", ".join(f"`{method}`" for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def _does(app: Flask, rule: Rule) -> str:
    if rule.endpoint.endswith("static"):
        return "A file of the pages."
    return _cell((app.view_functions[rule.endpoint].__doc__ or "").strip().partition("\n\n")[0].replace("\n", " "))


#: The name of a part -> what writes it.
PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "routes": routes,
    "sandbox_routes": sandbox_routes,
    "platforms": platforms,
}


def renewed(page: str) -> str:
    """The text of a page with its made parts as the code has them now."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[4]}", page)


def main() -> None:
    """Write every page anew that has such a part."""
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text("utf-8")
        after = renewed(before)
        if after != before:
            path.write_text(after, "utf-8")
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
