"""Whom to tell when something is wrong, and from when on it is: the settings of alerts."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from bridge.environment import Environment, is_loopback, split_url

NAMES = (
    "ALERT_WEBHOOK_URL",
    "ALERT_EMAIL",
    "ALERT_EMAIL_FROM",
    "SMTP_URL",
    "ALERT_QUEUE_SECONDS",
    "ALERT_REFUSALS",
    "ALERT_SILENCE_HOURS",
)

_SMTP_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail server and who gets the mails. With `is_tls` it speaks TLS at once, else after STARTTLS."""

    host: str
    port: int
    is_tls: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str
    recipients: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """Whether the mails do not leave this machine on their way to the server."""
        return is_loopback(f"smtp://{self.host}")


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """The ways to tell, and from when on there is something to tell. `silence_hours` 0: by the connection's habit."""

    webhook_url: str | None = field(default=None, repr=False)
    mail: Mail | None = None
    queue_seconds: float = 300.0
    refusals: int = 10
    silence_hours: float = 0.0


def read(environment: Environment) -> Alerting:
    """The settings. Problems are noted, each with its setting."""
    webhook = environment.text("ALERT_WEBHOOK_URL")
    parts = split_url(webhook or "")
    if webhook and not (parts.hostname and (parts.scheme == "https" or is_loopback(webhook))):
        environment.problem("ALERT_WEBHOOK_URL", "must be an https address")
    return Alerting(
        webhook_url=webhook,
        mail=_mail(environment),
        queue_seconds=environment.number("ALERT_QUEUE_SECONDS", 300.0, at_least=10, at_most=86400),
        refusals=environment.whole("ALERT_REFUSALS", 10, at_least=1),
        silence_hours=environment.number("ALERT_SILENCE_HOURS", 0.0, at_least=0, at_most=2000),
    )


def _mail(environment: Environment) -> Mail | None:
    to = tuple(part.strip() for part in (environment.text("ALERT_EMAIL") or "").split(",") if part.strip())
    sender, server = environment.text("ALERT_EMAIL_FROM"), environment.text("SMTP_URL")
    if not to:
        for name, value in (("ALERT_EMAIL_FROM", sender), ("SMTP_URL", server)):
            if value:
                environment.warnings.append(f"{name} does nothing without ALERT_EMAIL")
        return None
    for name, addresses in (("ALERT_EMAIL", to), ("ALERT_EMAIL_FROM", (sender,) if sender else ())):
        if wrong := [one for one in addresses if "@" not in one or not one.isprintable() or " " in one]:
            environment.problem(name, f"{', '.join(wrong)} is no e-mail address")
    parts = split_url(server or "")
    if parts.scheme not in _SMTP_PORTS or not parts.hostname:
        # Its words may be the password's.
        environment.problem("SMTP_URL", "must be an address such as smtp://user:password@mail.example.com:587")
        return None
    return Mail(
        host=parts.hostname,
        port=parts.port or _SMTP_PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender or to[0],
        recipients=to,
    )
