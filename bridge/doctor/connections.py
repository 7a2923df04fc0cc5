"""Do webhooks come in, are they genuine, and does the platform still send what it should?"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy

from bridge import connection_report
from bridge.connection_report import Report
from bridge.connections import Connection, setting_prefix
from bridge.doctor.finding import Finding
from bridge.errors import ConnectFailed
from bridge.platforms import connecting
from bridge.platforms.connecting import Connector
from bridge.platforms.connecting.api import Api
from bridge.platforms.connecting.carrying_out import look
from bridge.route import routes
from bridge.settings import Settings
from bridge.wording import ago, counted

# A doctor's visit is short.
_READ_SECONDS = 15.0


def examine(connection: sqlalchemy.Connection, given: Settings, now: datetime) -> Iterator[Finding]:
    """How each connection fares, as far as the database and the settings know."""
    if not given.connections:
        todo = "set for example SHOPIFY_SECRETS to the secret that Shopify shows"
        yield Finding(about="connections", state="warning", says="none is configured", todo=todo)
    for report in connection_report.read_all(connection, given.connections, now):
        yield from _fares(report, given, now)
    for name, route in routes(given, looks_up=False).items():
        if route.missing_settings and route.source.looks_up:
            says = f"{name}: {route.source.title} is not asked for what its webhooks do not say"
            todo = f"set {', '.join(route.missing_settings)}"
            yield Finding(about="connections", state="warning", says=says, todo=todo)


def _fares(report: Report, given: Settings, now: datetime) -> Iterator[Finding]:
    name, show = report.name, f"`bridge connections show {report.name}` tells why"
    if report.last_webhook:
        yield Finding(about="connections", state="ok", says=f"{name}: last webhook {ago(report.last_webhook, now)}")
    else:
        todo = f"enter {(given.public_url or '').rstrip('/')}{report.path} there, and send a test"
        yield Finding(about="connections", state="warning", says=f"{name}: no webhook has come yet", todo=todo)
    if report.refused_24h:
        says = f"{name}: {counted(report.refused_24h, 'webhook was', 'webhooks were')} refused in 24 hours"
        yield Finding(about="connections", state="warning", says=says, todo=show)
    if report.verification == "report" or report.set_to == "report":
        todo = f"take {setting_prefix(name)}_VERIFICATION away once its webhooks verify"
        yield Finding(about="connections", state="warning", says=f"{name}: {report.verification_words}", todo=todo)
    for secret in report.secrets:
        if secret.removable:
            says = f"{name}: {report.secret_words(secret)}"
            yield Finding(
                about="connections", state="warning", says=says, todo=f"shorten {setting_prefix(name)}_SECRETS"
            )


def examine_subscriptions(given: Settings) -> Iterator[Finding]:
    """What is wrong with the webhooks at the platforms whose API tells; it needs their credentials and PUBLIC_URL."""
    if not given.public_url or not given.public_url.startswith("https://"):
        return
    for connection in given.connections.values():
        connector = connecting.discover().get(connection.source)
        if connector and all(connection.credentials.get(suffix) for suffix in connector.required):
            yield _subscriptions(connection, connector, f"{given.public_url}/hooks/{connection.name}")


def _subscriptions(connection: Connection, connector: Connector, url: str) -> Finding:
    name, prefix = connection.name, setting_prefix(connection.name)
    words = {suffix: f"{prefix}_{suffix}" for suffix in connector.required}
    try:
        api = Api(connector, connection.credentials, words, hidden=connection.secrets, read_seconds=_READ_SECONDS)
    except ValueError as error:
        says = f"{name}: {connector.title} cannot be asked: {prefix}_{error}"
        return Finding(about="subscriptions", state="warning", says=says)
    try:
        planned = look(connector, api, url)
    except ConnectFailed as error:
        return Finding(about="subscriptions", state="warning", says=f"{name}: {error}")
    finally:
        api.close()
    if planned.changes:
        what = "; ".join(
            change.why or f"{', '.join(change.topics)}: no webhook leads here" for change in planned.changes
        )
        todo = f"`bridge connect {name}` repairs it; --dry-run shows it first"
        return Finding(about="subscriptions", state="problem", says=f"{name}: {what}", todo=todo)
    return Finding(about="subscriptions", state="ok", says=f"{name}: {connector.title} tells all that it should")
