"""Telling people: by a webhook that Slack and its like understand, and by e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.alerting import Alerting, Mail
from bridge.store.alerts import Alert
from bridge.watching.rules import KINDS

_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """One way of telling: its name, and what went wrong (nothing secret in it), or None."""

    way: str
    problem: str | None


def words_of(alert: Alert, public_url: str | None) -> tuple[str, str]:
    """The subject and the text of what is told of an alert."""
    if alert.is_over:
        return f"[bridge] over: {alert.kind}", f"[bridge] Over: {alert.words} (since {alert.since:%Y-%m-%d %H:%M} UTC)."
    again = "Still: " if alert.told else ""
    where = f" {public_url}/console/" if public_url else ""
    text = f"[bridge] {again}{alert.words} (since {alert.since:%Y-%m-%d %H:%M} UTC). {KINDS[alert.kind].cure}{where}"
    return f"[bridge] {again.lower()}{alert.kind}", text


def tell(subject: str, text: str, to: Alerting) -> list[Told]:
    """Tell it every way that is set. Never raises for what a server does; it takes half a minute at most."""
    told = []
    if to.webhook_url:
        told.append(Told(way="ALERT_WEBHOOK_URL", problem=_post(to.webhook_url, text)))
    if to.mail:
        told.append(Told(way="ALERT_EMAIL", problem=_mail(to.mail, subject, text)))
    return told


def is_told(told: Sequence[Told]) -> bool:
    """Whether somebody has heard of it; also where nobody is to."""
    return not told or any(one.problem is None for one in told)


def _post(url: str, text: str) -> str | None:
    # Not at the top, as below: most processes never tell anything.
    import requests

    try:
        answer = requests.post(url, json={"text": text}, timeout=_SECONDS, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        # Its words hold the address, which is a secret with Slack.
        return type(error).__name__
    return None if answer.ok and not answer.is_redirect else f"answered {answer.status_code}"


def _mail(mail: Mail, subject: str, text: str) -> str | None:
    import smtplib
    import ssl
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, ", ".join(mail.recipients), subject
    message.set_content(text)
    context = ssl.create_default_context()
    try:
        if mail.is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS)
        with server:
            if not mail.is_tls and not mail.is_local:
                server.starttls(context=context)
            if mail.user:
                server.login(mail.user, mail.password or "")
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return type(error).__name__
    return None
