"""`bridge new-source`: a platform to start from."""

import re
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

import click

from bridge import sources
from bridge.connections import setting_prefix
from bridge.errors import Misconfigured

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_SAMPLES = ("broken_json", "ticket_replied", "unknown_topic")
_OWN_SAMPLES = '\n    samples=files(__name__).joinpath("samples"),'


@click.command("new-source")
@click.argument("name")
@click.option("--title", help="What the platform calls itself. Default: NAME with a capital.")
def new_source(name: str, title: str | None) -> None:
    """Write a source to start from: the platform NAME, its samples and its page. It never overwrites a file.

    In a checkout of the bridge it becomes part of it; elsewhere it is a package of its own, in a new folder.
    """
    if not _NAME.fullmatch(name) or iskeyword(name):
        raise click.UsageError(f"{name!r} is no name for a source: small letters, digits and _, such as my_helpdesk")
    if name in sources.names():
        raise click.UsageError(f"there is a source {name} already; see `bridge sources`")
    dashed = name.replace("_", "-")
    words = {
        "name": name,
        "dashed": dashed,
        "title": title or name.replace("_", " ").title(),
        "settings": setting_prefix(name),
    }
    is_checkout = Path("bridge/sources/__init__.py").is_file()
    written = _in_checkout(words) if is_checkout else _package(words)
    _write(written)
    for path in written:
        click.echo(f"Wrote {path}.")
    click.echo("Put in what the platform really sends and signs with. What is missing then:")
    if not is_checkout:
        click.echo(f"  pip install --editable './bridge-source-{dashed}[test]'")
    click.echo(f"  pytest --pyargs bridge.trying.source_tests -k {name}")
    click.echo("How to judge what a webhook means: CONTRIBUTING.md of the bridge.")


def _in_checkout(words: dict[str, str]) -> dict[Path, str]:
    name = words["name"]
    return {
        Path(f"bridge/sources/{name}.py"): _text("source.py", {**words, "samples": ""}),
        **{Path(f"bridge/sources/samples/{name}/{sample}.json"): _text(f"{sample}.json", words) for sample in _SAMPLES},
        Path(f"docs/{name}.md"): _text("page.md", words),
    }


def _package(words: dict[str, str]) -> dict[Path, str]:
    folder = Path(f"bridge-source-{words['dashed']}")
    package = folder / f"bridge_source_{words['name']}"
    module = _text("source.py", {**words, "samples": _OWN_SAMPLES})
    return {
        folder / "pyproject.toml": _text("pyproject.toml", words),
        folder / "README.md": _text("page.md", words),
        package / "__init__.py": module.replace("from typing", "from importlib.resources import files\nfrom typing", 1),
        **{package / "samples" / f"{sample}.json": _text(f"{sample}.json", words) for sample in _SAMPLES},
    }


def _text(file: str, words: dict[str, str]) -> str:
    return files("bridge.cli").joinpath("kit", f"{file}.txt").read_text("utf-8").format(**words)


def _write(written: dict[Path, str]) -> None:
    if there := [str(path) for path in written if path.exists()]:
        raise click.UsageError(f"{', '.join(there)} is there already, and stays as it is: choose another name")
    for path, text in written.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Misconfigured([f"{path}: the file cannot be written ({error.strerror})"]) from None
