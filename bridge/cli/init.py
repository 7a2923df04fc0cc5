"""`bridge init`: a project to start from, in a folder of its own."""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

from bridge import setting_list
from bridge.compose import shipped_folder
from bridge.errors import Misconfigured

_PACKAGE = Path(__file__).parents[1]
_GITIGNORE = ".venv/\n.env\n*.db\n*.db-shm\n*.db-wal\n*.db.lock\n*.db.workers\n*.db.part\n*.dump\n"
_README = """\
# Our texts

Texts to our customers, sent by the helpdesk bridge through Attentive.

    python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt
    bridge demo          # see it work: no settings, nothing is sent anywhere
    cp .env.example .env && chmod 600 .env # then enter your own values: nobody else may read them
    bridge check         # reads settings and messages, and shows what each text costs
    bridge serve         # web and worker on this machine

* `templates/` has the messages: edit them, delete those that you do not want, and keep them in git.
* `.env.example` has every setting. `.env` holds secrets and stays out of git.
* `Procfile` is for Heroku and its like; they want a PostgreSQL in `DATABASE_URL`.
* `requirements.txt` says which version of the bridge runs: see its changelog before you raise it.
  If your package index does not have it, write there where you have it from: the address of its repository or wheel.
"""


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path) -> None:
    """Write a project to start from into DIRECTORY: messages, settings, a Procfile. It never overwrites a file."""
    contents = _contents()
    there = [path for path in contents if (directory / path).exists()]
    if there:
        names = ", ".join(map(str, there[:3])) + (", …" if there[3:] else "")
        raise click.UsageError(f"{directory} has {names} already, and stays as it is: choose another folder")
    try:
        for path, text in contents.items():
            _write(directory / path, text)
    except OSError as error:
        raise Misconfigured([f"{error.filename}: cannot be written ({error.strerror})"]) from None
    messages = sum(path.suffix == ".txt" for path in contents if path.parent.name == "templates")
    click.echo(f"Wrote {len(contents)} files to {directory}, {messages} of them messages and their parts. Then:")
    if directory != Path():
        click.echo(f"  cd {directory}")
    click.echo("  bridge demo                              shows the whole product, and sends nothing anywhere")
    click.echo("  cp .env.example .env && chmod 600 .env   and enter your own values; README.md says what comes next")


def _contents() -> dict[Path, str]:
    """Every file of a project: its path and text."""
    written = {
        "Procfile": _procfile(),
        ".env.example": setting_list.as_env_file("SHOPIFY"),
        ".gitignore": _GITIGNORE,
        "requirements.txt": f"helpdesk-bridge=={metadata.version('helpdesk-bridge')}\n",
        "README.md": _README,
    }
    return {**{Path(name): text for name, text in written.items()}, **dict(_messages())}


def _procfile() -> str:
    """In the package, or beside it in a checkout."""
    packaged = _PACKAGE / "shipped_project/Procfile"
    return (packaged if packaged.is_file() else _PACKAGE.parent / "Procfile").read_text("utf-8")


def _messages() -> Iterator[tuple[Path, str]]:
    """The shipped ones, with their tests."""
    for path in sorted(shipped_folder().iterdir()):
        if path.is_file() and not path.name.startswith("."):
            yield Path("templates", path.name), path.read_text("utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
