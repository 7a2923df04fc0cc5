"""Settings from the environment: read once, frozen, every problem reported at once.

`NAMES` and `CONNECTION_SUFFIXES` are all there are; settings.yaml describes the same list, and a test compares them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from bridge import alerting as alert_settings
from bridge import callers as caller_settings
from bridge import checked_settings, database_url, stray_settings
from bridge import openid as openid_settings
from bridge import telemetry as telemetry_settings
from bridge.callers import Caller
from bridge.connections import (
    CONNECTION_SUFFIXES,
    SHARED_ACCOUNT,
    Account,
    Connection,
    ConnectionReader,
    setting_prefix,
)
from bridge.environment import Environment, is_loopback
from bridge.errors import Misconfigured
from bridge.events import PLACES, Place
from bridge.sealing import Keys

NAMES = (
    "DATABASE_URL",
    "DATABASE_CONNECTIONS",
    "DATA_KEYS",
    "ATTENTIVE_API_TOKEN",
    "ATTENTIVE_URL",
    "ATTENTIVE_BRAND",
    "ATTENTIVE_API",
    "ATTENTIVE_SHORT_LINKS",
    "ATTENTIVE_CONNECT_TIMEOUT",
    "ATTENTIVE_READ_TIMEOUT",
    "ATTENTIVE_DUPLICATE_WINDOW",
    "ATTENTIVE_RATE",
    "BRIDGE_SENDING",
    "QUIET_HOURS",
    "CAP_PER_PERSON_PER_DAY",
    "CAP_PER_TEMPLATE_PER_MINUTE",
    "RETAIN_SIGHTINGS",
    "RETAIN_PAYLOADS",
    "RETAIN_MESSAGES",
    "CONNECTIONS",
    *caller_settings.NAMES,
    "REPLIES_TO",
    "ALLOWED_REGIONS",
    "PHONE_PREFERENCE",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "CONSOLE_PASSWORD",
    "CONSOLE_VIEWER_PASSWORD",
    *openid_settings.NAMES,
    "METRICS_TOKEN",
    *alert_settings.NAMES,
    *telemetry_settings.NAMES,
    "TEMPLATES_DIR",
    "MAX_BODY_BYTES",
    "WEBHOOK_RATE",
    "LOG_LEVEL",
    "ACCESS_LOG",
    "PORT",
    "WEB_CONCURRENCY",
    "WORKER_NAME",
    "WORKER_THREADS",
)

Sending = Literal["on", "hold", "off"]
QuietHoursSetting = Literal["template", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Times are in seconds, `rate` in requests a second for each account.

    `warnings` are worth a line at start, and harmless.
    """

    database_url: str = field(repr=False)
    database_url_is_explicit: bool
    database_connections: int
    data_keys: Keys = field(repr=False)
    connections: Mapping[str, Connection]
    accounts: Mapping[str, Account]
    callers: tuple[Caller, ...]
    api_rate: float
    attentive_url: str
    connect_timeout: float
    read_timeout: float
    duplicate_window: float
    short_links: bool
    rate: float
    sending: Sending
    quiet_hours: QuietHoursSetting
    cap_per_person: int
    cap_per_template: int
    retain_sightings: int
    retain_payloads: int
    retain_messages: int
    replies_to: str | None
    allowed_regions: frozenset[str]
    phone_preference: tuple[Place, ...]
    public_url: str | None
    trusted_proxies: int
    console_password: str | None = field(repr=False)
    console_viewer_password: str | None = field(repr=False)
    openid: openid_settings.OpenId | None
    metrics_token: str | None = field(repr=False)
    alerting: alert_settings.Alerting
    telemetry: telemetry_settings.Telemetry
    templates_dir: str | None
    max_body_bytes: int
    webhook_rate: float
    log_level: str
    access_log: str
    port: int | None
    web_concurrency: int
    worker_name: str | None
    worker_threads: int
    dyno: str | None
    warnings: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether messages go to the real Attentive (anything but a loopback address)."""
        return not is_loopback(self.attentive_url)

    @property
    def has_console(self) -> bool:
        """Whether there is a console: a password of the operators' or OpenID Connect switches it on."""
        return bool(self.console_password or self.openid)

    @property
    def senders(self) -> list[str]:
        """The names that a delivery may have come in under: those of connections and of callers of the messages API."""
        return sorted({*self.connections, *(caller.name for caller in self.callers)})

    @property
    def callers_without_token(self) -> dict[str, str]:
        """The programs whose messages wait, because their account has no token: each with its account."""
        return {one.name: one.account for one in self.callers if not self.accounts[one.account].token}

    @property
    def keeps_quiet(self) -> bool:
        """Whether the templates' quiet hours hold."""
        return self.quiet_hours == "template"

    def window_of(self, account: str) -> float:
        """The seconds in which Attentive drops a repeated text of an account; none for all that is known of `text`."""
        known = self.accounts.get(account)
        return 0.0 if known and known.api == "text" else self.duplicate_window

    @classmethod
    def from_env(cls, sources: Collection[str]) -> "Settings":
        """Read the environment; `sources` are the names of the platforms there is code for.

        Raises Misconfigured with one line for every problem.
        """
        environment = Environment()
        settings = _read(environment, sources)
        if problems := environment.problems():
            raise Misconfigured(problems)
        return settings


def _read(environment: Environment, sources: Collection[str]) -> Settings:
    address = environment.text("DATABASE_URL")
    attentive_url = (environment.text("ATTENTIVE_URL") or "https://api.attentivemobile.com").rstrip("/")
    checked_settings.check_attentive_url(environment, attentive_url)
    reader = ConnectionReader(environment, sources)
    connections = {connection.name: connection for connection in reader.connections()}
    _check_names(environment, connections)
    stray_settings.warn(environment, NAMES, connections, sources)
    public_url = checked_settings.public_url(environment)
    # Heroku's, for each of its dynos: its name.
    dyno = environment.text("DYNO")
    by_default = "on" if is_loopback(attentive_url) else "hold"
    return Settings(
        database_url=database_url.read(environment, address or "sqlite:///bridge.db"),
        database_url_is_explicit=address is not None,
        # On a dyno three, because Heroku's smallest plan has twenty for the old and the new dynos of a deploy together.
        database_connections=environment.whole("DATABASE_CONNECTIONS", 3 if dyno else 8, at_least=3, at_most=100),
        data_keys=checked_settings.data_keys(environment),
        connections=connections,
        accounts=reader.accounts,
        callers=caller_settings.read(
            environment,
            {name: connection.account for name, connection in connections.items()},
            shared_account=SHARED_ACCOUNT,
        ),
        api_rate=environment.number("API_RATE", 100.0, at_least=0, at_most=1_000_000),
        attentive_url=attentive_url,
        connect_timeout=environment.number("ATTENTIVE_CONNECT_TIMEOUT", 5.0, at_least=0.1, at_most=60),
        read_timeout=environment.number("ATTENTIVE_READ_TIMEOUT", 20.0, at_least=0.1, at_most=300),
        duplicate_window=environment.number("ATTENTIVE_DUPLICATE_WINDOW", 60.0, at_least=0, at_most=86400),
        short_links=environment.choice("ATTENTIVE_SHORT_LINKS", "off", ("on", "off")) == "on",
        rate=environment.number("ATTENTIVE_RATE", 150.0, at_least=0.01, at_most=100_000),
        sending=cast(Sending, environment.choice("BRIDGE_SENDING", by_default, get_args(Sending))),
        quiet_hours=cast(QuietHoursSetting, environment.choice("QUIET_HOURS", "template", get_args(QuietHoursSetting))),
        cap_per_person=environment.whole("CAP_PER_PERSON_PER_DAY", 10, at_least=0),
        cap_per_template=environment.whole("CAP_PER_TEMPLATE_PER_MINUTE", 0, at_least=0),
        retain_sightings=environment.whole("RETAIN_SIGHTINGS", 90, at_least=0, at_most=3650),
        retain_payloads=environment.whole("RETAIN_PAYLOADS", 30, at_least=0, at_most=3650),
        retain_messages=environment.whole("RETAIN_MESSAGES", 90, at_least=0, at_most=3650),
        replies_to=_replies_to(environment, connections),
        allowed_regions=checked_settings.allowed_regions(environment),
        phone_preference=cast(tuple[Place, ...], environment.words("PHONE_PREFERENCE", PLACES)),
        public_url=public_url,
        trusted_proxies=environment.whole("TRUSTED_PROXIES", 1 if dyno else 0, at_least=0, at_most=10),
        console_password=environment.text("CONSOLE_PASSWORD"),
        console_viewer_password=environment.text("CONSOLE_VIEWER_PASSWORD"),
        openid=openid_settings.read(environment, public_url),
        telemetry=telemetry_settings.read(environment),
        alerting=alert_settings.read(environment),
        metrics_token=environment.token("METRICS_TOKEN"),
        templates_dir=environment.text("TEMPLATES_DIR"),
        max_body_bytes=environment.whole("MAX_BODY_BYTES", 5 * 1024 * 1024, at_least=1024),
        webhook_rate=environment.number("WEBHOOK_RATE", 500.0, at_least=0, at_most=1_000_000),
        log_level=environment.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        access_log=environment.choice("ACCESS_LOG", "on", ("on", "off")),
        port=environment.whole("PORT", 0, at_least=0, at_most=65535) or None,
        web_concurrency=environment.whole("WEB_CONCURRENCY", 2, at_least=1, at_most=64),
        worker_name=checked_settings.worker_name(environment),
        worker_threads=environment.whole("WORKER_THREADS", 32, at_least=1, at_most=256),
        dyno=dyno,
        warnings=tuple(environment.warnings),
    )


def _replies_to(environment: Environment, connections: Mapping[str, Connection]) -> str | None:
    name = environment.text("REPLIES_TO")
    if name and name not in connections:
        known = ", ".join(sorted(connections)) or "there are none"
        environment.problem("REPLIES_TO", f"{name!r} is no configured connection: {known}")
    return name


def _check_names(environment: Environment, connections: Mapping[str, Connection]) -> None:
    """A connection's settings must mean nothing else, and its name must fit its column."""
    for name, connection in connections.items():
        # Attentive's own webhooks come from where the messages go: ATTENTIVE_URL means the same for both.
        if name == connection.source == "attentive":
            continue
        for setting in (f"{setting_prefix(name)}_{suffix}" for suffix in CONNECTION_SUFFIXES):
            if setting in NAMES:
                environment.problem("CONNECTIONS", f"{name} cannot be a name, because {setting} means something else")
                break
        if len(name) > (most := checked_settings.LONGEST_NAME):
            environment.problem("CONNECTIONS", f"{name} is too long a name; at most {most} characters")
