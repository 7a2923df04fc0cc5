"""Reading single settings from the environment, and collecting what is wrong with them."""

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from environs import Env, EnvError, validate

COUNTRY = re.compile(r"[A-Z]{2}")


# What a setting is called that holds a secret. Each of them may stand in a file.
_SECRET = re.compile(
    r"(.+_)?(SECRETS?|API_TOKENS?|PASSWORD|KEYS|DSN)|DATABASE_URL|SMTP_URL|METRICS_TOKEN|ALERT_WEBHOOK_URL"
)
_LONGEST_FILE = 64 * 1024


def is_secret(name: str) -> bool:
    """Whether a setting is one that may be given as the file `<name>_FILE`."""
    return _SECRET.fullmatch(name) is not None


class Environment:
    """The environment, read setting by setting. `problems` has a line for each that is wrong, `warnings` for odd ones.

    An empty setting counts as not set. A secret may stand in a file, which `<setting>_FILE` names.
    """

    def __init__(self) -> None:
        self._env = Env(eager=False)
        self._problems: list[str] = []
        self._in_files: dict[str, str] = {}
        self.warnings: list[str] = []

    def problem(self, name: str, what: str) -> None:
        """Note what is wrong with a setting; all are reported at once."""
        self._problems.append(f"{name}: {what}")

    def text(self, name: str) -> str | None:
        """The setting without surrounding blanks; None if it is unset or empty."""
        value = (self._env.str(name, "") or "").strip()
        if is_secret(name) and (path := (self._env.str(f"{name}_FILE", "") or "").strip()):
            if name not in self._in_files:
                self._in_files[name] = self._read_file(name, path, is_set=bool(value))
            return self._in_files[name] or None
        return value or None

    def _read_file(self, name: str, path: str, *, is_set: bool) -> str:
        """What stands in the file of a secret; empty where that is a problem."""
        if is_set:
            self.problem(f"{name}_FILE", f"is set, and so is {name}; only one of them may be")
            return ""
        try:
            with Path(path).open("rb") as file:
                text = file.read(_LONGEST_FILE + 1).decode("utf-8-sig").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.problem(f"{name}_FILE", f"the file {path} cannot be read ({why})")
            return ""
        if not text or "\n" in text or len(text) > _LONGEST_FILE:
            self.problem(f"{name}_FILE", f"the file {path} must hold one line, which is the value")
            return ""
        return text

    def token(self, name: str) -> str | None:
        """A credential that travels in a header: printable ASCII without blanks."""
        token = self.text(name)
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            self.problem(name, "holds a blank or a character that no token has")
        return token

    def countries(self, name: str, default: str) -> frozenset[str]:
        """Two-letter country codes, with commas between."""
        parts = (part.strip().upper() for part in (self.text(name) or default).split(","))
        found = frozenset(part for part in parts if part)
        if not found:
            self.problem(name, "names no country")
        if "UK" in found:
            self.problem(name, "UK is no country code; the United Kingdom is GB")
        if wrong := sorted(country for country in found if not COUNTRY.fullmatch(country)):
            self.problem(name, f"{', '.join(wrong)} is no two-letter country code")
        return found

    def country(self, name: str) -> str | None:
        """One two-letter country code."""
        if self.text(name) is None:
            return None
        found = self.countries(name, "")
        if len(found) > 1:
            self.problem(name, "must be one country")
        return min(found, default=None)

    def number(self, name: str, default: float, *, at_least: float, at_most: float) -> float:
        """A number within bounds."""
        if self.text(name) is None:
            return default
        return self._env.float(name, validate=validate.Range(at_least, at_most)) or 0.0

    def whole(self, name: str, default: int, *, at_least: int, at_most: int | None = None) -> int:
        """A whole number within bounds."""
        if self.text(name) is None:
            return default
        return self._env.int(name, validate=validate.Range(at_least, at_most)) or 0

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name) or default
        if value not in choices:
            self.problem(name, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def words(self, name: str, words: tuple[str, ...]) -> tuple[str, ...]:
        """Some of a few words in the order given, with commas between; by default all of them in theirs."""
        if self.text(name) is None:
            return words
        parts = (part.strip().lower() for part in (self.text(name) or "").split(","))
        found = tuple(dict.fromkeys(part for part in parts if part))
        unknown = [part for part in found if part not in words]
        if unknown or not found:
            wrong = f"{', '.join(unknown)} is none" if unknown else "names none"
            self.problem(name, f"{wrong} of {', '.join(words)}")
        return found

    def problems(self) -> list[str]:
        """Every problem so far, sorted by setting. Nothing more can be read after this."""
        try:
            self._env.seal()
        except EnvError as error:
            for name, messages in getattr(error, "error_messages", {}).items():
                said = " ".join(str(message) for message in messages)
                self.problem(name, said.split(" invalid: ")[-1].strip("[]").replace("'", ""))
        return sorted(self._problems)


def split_url(url: str) -> SplitResult:
    """The parts of an address; all empty if it cannot be one."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return urlsplit("")
    return parts


def is_loopback(url: str) -> bool:
    """Whether `url` stays on this machine."""
    host = split_url(url).hostname or ""
    return host == "localhost" or host == "::1" or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
