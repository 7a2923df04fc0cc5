"""What people need to know of every setting, from settings.yaml: for docs/settings.md and for `.env.example`."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import yaml

#: The group of those that each connection has of its own, `<CONNECTION>_<SUFFIX>`.
OF_CONNECTIONS = "Connections"
_FILE = Path(__file__).with_name("settings.yaml")
_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting. `default` and `meaning` are Markdown, with links as on a page of docs/; `example` is a value."""

    name: str
    example: str
    meaning: str
    default: str = ""

    @property
    def sentence(self) -> str:
        """The meaning without links and code marks, as a sentence."""
        plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", self.meaning).replace("`", "")
        # What begins with a value keeps it as it is.
        begins = plain[:1] if self.meaning.startswith("`") else plain[:1].upper()
        return f"{begins}{plain[1:]}."

    @property
    def value(self) -> str:
        """What a file of settings would begin with: the default if it is one value, else the example."""
        found = re.fullmatch(r"`([^`]*)`", self.default)
        return found[1] if found else self.example


def groups() -> dict[str, list[Setting]]:
    """All settings by what they are about, in the order of reading."""
    read = yaml.safe_load(_FILE.read_text("utf-8"))
    return {
        title: [Setting(name=name, **{key: str(value) for key, value in told.items()}) for name, told in group.items()]
        for title, group in read.items()
    }


def as_env_file(connection: str) -> str:
    """A file of settings to start from, with every one switched off; those of connections are written for one."""
    lines = [
        "# Settings of the helpdesk bridge. Copy this file to .env, take the # before a setting away and give it your",
        "# value. Never put .env into git: it holds secrets. Values stand as they are: no quotes are needed.",
    ]
    for title, group in groups().items():
        about = f" (here for one called {connection.lower()})" if title == OF_CONNECTIONS else ""
        lines += ["", f"# --- {title}{about} ---"]
        for one in group:
            words = one.sentence if one.default else f"{one.sentence} Not set by default."
            name = one.name.replace("<CONNECTION>", connection)
            lines += [
                "",
                *textwrap.wrap(words, _WIDTH, initial_indent="# ", subsequent_indent="# "),
                f"#{name}={one.value}",
            ]
    return "\n".join(lines) + "\n"
