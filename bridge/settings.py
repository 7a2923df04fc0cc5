"""Settings from the environment: read once, frozen, every problem reported at once.

`NAMES` and `CONNECTION_SUFFIXES` are all there are; the README documents the same list and a test compares them.
"""

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from environs import Env, EnvError, validate
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.errors import Misconfigured

NAMES = (
    "DATABASE_URL",
    "ATTENTIVE_API_TOKEN",
    "ATTENTIVE_URL",
    "ATTENTIVE_BRAND",
    "ATTENTIVE_CONNECT_TIMEOUT",
    "ATTENTIVE_READ_TIMEOUT",
    "ATTENTIVE_DUPLICATE_WINDOW",
    "BRIDGE_SENDING",
    "CONNECTIONS",
    "ALLOWED_REGIONS",
    "PUBLIC_URL",
    "TEMPLATES_DIR",
    "MAX_BODY_BYTES",
    "LOG_LEVEL",
    "PORT",
    "WEB_CONCURRENCY",
    "WORKER_NAME",
    "WORKER_THREADS",
)

#: Settings of one connection: `<CONNECTION>_<SUFFIX>`.
CONNECTION_SUFFIXES = (
    "SECRETS",
    "ATTENTIVE_API_TOKEN",
    "ATTENTIVE_BRAND",
    "URL",
    "API_TOKEN",
    "EMAIL",
    "COUNTRY",
    "SIGNATURE_HEADER",
)

_CREDENTIALS = ("URL", "API_TOKEN", "EMAIL")
_CONNECTION_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_OUR_PREFIXES = ("ATTENTIVE_", "BRIDGE_", "WORKER_")

Sending = Literal["on", "hold", "off"]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One configured instance of a source. `account` names the Attentive brand its messages go to.

    `credentials` are those of the platform's REST API that are set: URL, API_TOKEN, EMAIL.
    `country` is the region to read a phone number in when its record names none.
    """

    name: str
    source: str
    secrets: tuple[str, ...] = field(repr=False)
    account: str = "attentive"
    signature_header: str | None = None
    country: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One Attentive brand. Without a token its messages wait."""

    name: str
    token: str | None = field(default=None, repr=False)
    brand: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Times are in seconds. `warnings` are worth a line at start, and harmless."""

    database_url: str = field(repr=False)
    database_url_is_explicit: bool
    connections: Mapping[str, Connection]
    accounts: Mapping[str, Account]
    attentive_url: str
    connect_timeout: float
    read_timeout: float
    duplicate_window: float
    sending: Sending
    allowed_regions: frozenset[str]
    public_url: str | None
    templates_dir: str | None
    max_body_bytes: int
    log_level: str
    port: int | None
    web_concurrency: int
    worker_name: str | None
    worker_threads: int
    warnings: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether messages go to the real Attentive (anything but a loopback address)."""
        return not is_loopback(self.attentive_url)

    @classmethod
    def from_env(cls, sources: Collection[str]) -> "Settings":
        """Read the environment; `sources` are the names of the platforms there is code for.

        Raises Misconfigured with one line for every problem.
        """
        reader = _Reader(sources)
        settings = reader.read()
        if reader.problems:
            raise Misconfigured(sorted(reader.problems))
        return settings


def is_loopback(url: str) -> bool:
    """Whether `url` stays on this machine."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def setting_prefix(connection: str) -> str:
    """`shop-eu` -> `SHOP_EU`: how a connection's name is written in settings."""
    return connection.upper().replace("-", "_")


class _Reader:
    """Reads settings and collects problems, so that a user sees all of them in one go."""

    def __init__(self, sources: Collection[str]) -> None:
        self.sources = sources
        self.env = Env(eager=False)
        self.problems: list[str] = []
        self.warnings: list[str] = []
        shared = Account(name="attentive", token=self.text("ATTENTIVE_API_TOKEN"), brand=self.text("ATTENTIVE_BRAND"))
        self.accounts = {shared.name: shared}

    def read(self) -> Settings:
        database_url = self.text("DATABASE_URL")
        attentive_url = (self.text("ATTENTIVE_URL") or "https://api.attentivemobile.com").rstrip("/")
        if urlsplit(attentive_url).scheme not in ("http", "https") or not urlsplit(attentive_url).hostname:
            self.problems.append("ATTENTIVE_URL: must be an address such as https://api.attentivemobile.com")
        elif attentive_url.startswith("http:") and not is_loopback(attentive_url):
            self.problems.append("ATTENTIVE_URL: must be https; plain http would show your token to the network")
        connections = {connection.name: connection for connection in self.connections()}
        self.look_for_strays(connections)
        sending = self.choice("BRIDGE_SENDING", "on" if is_loopback(attentive_url) else "hold", ("on", "hold", "off"))
        settings = Settings(
            database_url=self.database_url(database_url or "sqlite:///bridge.db"),
            database_url_is_explicit=database_url is not None,
            connections=connections,
            accounts=self.accounts,
            attentive_url=attentive_url,
            connect_timeout=self.number("ATTENTIVE_CONNECT_TIMEOUT", 5.0, at_least=0.1, at_most=60),
            read_timeout=self.number("ATTENTIVE_READ_TIMEOUT", 20.0, at_least=0.1, at_most=300),
            duplicate_window=self.number("ATTENTIVE_DUPLICATE_WINDOW", 60.0, at_least=0, at_most=86400),
            sending=sending,  # type: ignore[arg-type]  # checked above
            allowed_regions=self.regions(),
            public_url=self.text("PUBLIC_URL"),
            templates_dir=self.text("TEMPLATES_DIR"),
            max_body_bytes=self.whole("MAX_BODY_BYTES", 5 * 1024 * 1024, at_least=1024),
            log_level=self.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
            port=self.whole("PORT", 0, at_least=0, at_most=65535) or None,
            web_concurrency=self.whole("WEB_CONCURRENCY", 2, at_least=1, at_most=64),
            worker_name=self.text("WORKER_NAME"),
            worker_threads=self.whole("WORKER_THREADS", 8, at_least=1, at_most=256),
            warnings=tuple(self.warnings),
        )
        self.collect_env_problems()
        return settings

    def text(self, name: str) -> str | None:
        """The setting without surrounding blanks; None if it is unset or empty."""
        return (self.env.str(name, "") or "").strip() or None

    def number(self, name: str, default: float, *, at_least: float, at_most: float) -> float:
        if self.text(name) is None:
            return default
        return self.env.float(name, validate=validate.Range(at_least, at_most)) or 0.0

    def whole(self, name: str, default: int, *, at_least: int, at_most: int | None = None) -> int:
        if self.text(name) is None:
            return default
        return self.env.int(name, validate=validate.Range(at_least, at_most)) or 0

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value not in choices:
            self.problems.append(f"{name}: must be one of {', '.join(choices)}, not {value!r}")
        return value

    def collect_env_problems(self) -> None:
        try:
            self.env.seal()
        except EnvError as error:
            for name, messages in getattr(error, "error_messages", {}).items():
                said = " ".join(str(message) for message in messages)
                self.problems.append(f"{name}: {said.split(' invalid: ')[-1].strip('[]').replace(chr(39), '')}")

    def database_url(self, value: str) -> str:
        """The SQLAlchemy form: `postgres://` as hosting providers write it, through psycopg 3."""
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            self.problems.append(
                "DATABASE_URL: cannot be read; write sqlite:///bridge.db or postgresql://user:password@host/name"
            )
            return ""
        if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
            return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        if url.drivername in ("sqlite", "sqlite+pysqlite"):
            if not url.database or url.database == ":memory:":
                self.problems.append("DATABASE_URL: SQLite needs a file, because several processes share it")
            return url.render_as_string(hide_password=False)
        self.problems.append(f"DATABASE_URL: {url.drivername} is not supported; use sqlite or postgresql")
        return ""

    def regions(self) -> frozenset[str]:
        regions = frozenset(part.strip().upper() for part in (self.text("ALLOWED_REGIONS") or "US,CA,GB").split(","))
        if wrong := sorted(region for region in regions if not _COUNTRY.fullmatch(region)):
            self.problems.append(f"ALLOWED_REGIONS: {', '.join(wrong)} is no two-letter country code")
        return regions

    def connections(self) -> Iterator[Connection]:
        named = self.text("CONNECTIONS")
        pairs = list(self.named_connections(named)) if named else [(source, source) for source in self.sources]
        prefixes: dict[str, str] = {}
        for name, source in pairs:
            prefix = setting_prefix(name)
            if prefix in prefixes:
                self.problems.append(f"CONNECTIONS: {prefixes[prefix]} and {name} share the settings {prefix}_…")
                continue
            prefixes[prefix] = name
            secrets = self.secrets(f"{prefix}_SECRETS")
            if secrets:
                yield self.connection(name, source, prefix, secrets)
            elif named:
                self.problems.append(f"{prefix}_SECRETS: is not set; the connection {name} cannot verify its webhooks")

    def named_connections(self, named: str) -> Iterator[tuple[str, str]]:
        for part in named.split(","):
            name, separator, source = (piece.strip() for piece in part.partition("="))
            if not separator or not _CONNECTION_NAME.fullmatch(name):
                self.problems.append(f"CONNECTIONS: {part.strip()!r} must be name=source, such as shop-eu=shopify")
            elif source not in self.sources:
                known = ", ".join(sorted(self.sources))
                self.problems.append(f"CONNECTIONS: {name} has the unknown source {source!r}; known: {known}")
            else:
                yield name, source

    def secrets(self, name: str) -> tuple[str, ...]:
        """Secrets verbatim, newest first; only a comma inside one is written %2C."""
        parts = (part.strip() for part in (self.text(name) or "").split(","))
        return tuple(re.sub("%2c", ",", part, flags=re.IGNORECASE) for part in parts if part)

    def connection(self, name: str, source: str, prefix: str, secrets: tuple[str, ...]) -> Connection:
        header = self.text(f"{prefix}_SIGNATURE_HEADER")
        if header and not _HEADER_NAME.fullmatch(header):
            self.problems.append(f"{prefix}_SIGNATURE_HEADER: {header!r} is no header name")
        country = (self.text(f"{prefix}_COUNTRY") or "").upper() or None
        if country and not _COUNTRY.fullmatch(country):
            self.problems.append(f"{prefix}_COUNTRY: must be a two-letter country code such as US")
        credentials = {suffix: value for suffix in _CREDENTIALS if (value := self.text(f"{prefix}_{suffix}"))}
        url = credentials.get("URL", "https://example")
        if urlsplit(url).scheme != "https" and not is_loopback(url):
            self.problems.append(f"{prefix}_URL: must be an https address, such as https://example.zendesk.com")
        return Connection(
            name=name,
            source=source,
            secrets=secrets,
            account=self.account(name, prefix),
            signature_header=header.lower() if header else None,
            country=country,
            credentials=credentials,
        )

    def account(self, connection: str, prefix: str) -> str:
        """The account a connection's messages go to: one per token, since limits and duplicates are per token.

        A brand of its own without a token of its own waits for one: another brand's would be the wrong sender.
        """
        token = self.text(f"{prefix}_ATTENTIVE_API_TOKEN")
        brand = self.text(f"{prefix}_ATTENTIVE_BRAND")
        if not token and not brand:
            return "attentive"
        for account in self.accounts.values():
            if token and account.token == token:
                return account.name
        self.accounts[connection] = Account(name=connection, token=token, brand=brand)
        return connection

    def look_for_strays(self, connections: Mapping[str, Connection]) -> None:
        """Warn of settings that look like ours and do nothing: a typing error would be silent otherwise."""
        prefixes = [setting_prefix(name) for name in connections]
        known = {*NAMES, *(f"{prefix}_{suffix}" for prefix in prefixes for suffix in CONNECTION_SUFFIXES)}
        for name, value in sorted(os.environ.items()):
            if name in known or not value:
                continue
            if name.endswith("_SECRETS"):
                self.warnings.append(f"{name} belongs to no connection: its webhooks will be answered 404")
            elif name.startswith((*_OUR_PREFIXES, *(f"{prefix}_" for prefix in prefixes))):
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self.warnings.append(f"{name} is not a setting of the bridge{hint}")
