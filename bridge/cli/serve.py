"""The commands that run the product: serve, web, worker and sandbox."""

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import click

from bridge import faults, tracing
from bridge.cli import logs, setup
from bridge.cli.processes import Children
from bridge.errors import StoreUnavailable
from bridge.settings import Settings

if TYPE_CHECKING:
    from bridge.store.database import Database

_DEFAULT_PORT = 8000


def _bind(settings: Settings, host: str | None, port: int | None) -> str:
    """Everywhere if a platform gave us a PORT, else on this machine only: an open door must be somebody's choice."""
    host = host or ("0.0.0.0" if settings.port else "127.0.0.1")  # noqa: S104 # nosec B104 - see above
    return f"{host}:{port or settings.port or _DEFAULT_PORT}"


_host = click.option("--host", help="Address to listen on. Default 127.0.0.1, or all addresses if PORT is set.")
_port = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. Default PORT or 8000.")


@click.command()
@_host
@_port
@click.option("--no-worker", is_flag=True, help="Receive webhooks only; messages wait until a worker runs.")
def serve(host: str | None, port: int | None, no_worker: bool) -> None:
    """Run web and worker together on this machine, and migrate the database first.

    Without settings this uses bridge.db in the current directory.
    """
    settings = setup.read_settings()
    setup.refuse_fleeting_disk(settings)
    setup.open_templates(settings)
    setup.migrate(settings)
    bind = _bind(settings, host, port)
    _say_hello(settings, bind)
    environment = {"DATABASE_URL": settings.database_url}
    bound_host, _, bound_port = bind.rpartition(":")
    with Children() as children:
        children.start("web", ["web", "--host", bound_host, "--port", bound_port], env=environment)
        if not no_worker:
            children.start("worker", ["worker"], env=environment)
        status = children.run()
        if status:
            click.echo(f"bridge: {children.ended()} ended unexpectedly; stopping", err=True)
    sys.exit(status)


def _say_hello(settings: Settings, bind: str) -> None:
    # A platform that gives a PORT has an address for it, which only the user knows.
    base = settings.public_url or ("https://YOUR-ADDRESS" if bind.startswith("0.0.0.0:") else f"http://{bind}")
    if settings.connections:
        for name in settings.connections:
            click.echo(f"Paste into {name}: {base}/hooks/{name}", err=True)
    else:
        click.echo(
            "No connection is configured: set for example SHOPIFY_SECRETS to the secret that Shopify shows.", err=True
        )
    if settings.callers:
        names = ", ".join(dict.fromkeys(caller.name for caller in settings.callers))
        click.echo(f"Programs may call {base}/1/messages: {names}.", err=True)
    for account in settings.accounts.values():
        if not account.token:
            click.echo(f"Messages for the account {account.name!r} wait: it has no API token.", err=True)
    if settings.sending != "on":
        click.echo(
            f"BRIDGE_SENDING is {settings.sending}: messages wait for you (`bridge messages list`), nobody is texted.",
            err=True,
        )


@click.command()
@_host
@_port
def web(host: str | None, port: int | None) -> None:
    """Receive webhooks. Needs DATABASE_URL, and a worker beside it."""
    settings = setup.read_settings()
    setup.require_shared_database(settings)
    logs.set_up(settings.log_level)
    try:
        setup.open_database_to_work(settings).dispose()
    except StoreUnavailable as error:
        logs.log.error("web.database_unavailable", error=str(error), until_then="webhooks are answered 503")

    from flask import Flask

    from bridge.store.database import WEB_PATIENCE, Database
    from bridge.web import create_app
    from bridge.web.server import Server

    def make_app() -> Flask:
        database = Database(
            settings.database_url,
            keys=settings.data_keys,
            patience=WEB_PATIENCE,
            connections=settings.database_connections,
        )
        app = create_app(settings, database)
        app.extensions["door"].open()
        app.extensions["observer"].open()
        _begin_to_tell(settings)
        return app

    def close_app(app: Flask) -> None:
        app.extensions["observer"].close()
        _tell_the_rest()

    Server(
        make_app,
        close_app=close_app,
        bind=_bind(settings, host, port),
        workers=settings.web_concurrency,
        largest_body=settings.max_body_bytes,
        loglevel=settings.log_level.lower(),
        accesslog="-" if settings.access_log == "on" else None,
    ).run()


@click.command()
def worker() -> None:
    """Turn stored webhooks into messages and send them. Needs DATABASE_URL."""
    settings = setup.read_settings()
    setup.require_shared_database(settings)
    logs.set_up(settings.log_level)
    _begin_to_tell(settings)
    templates = setup.open_templates(settings)
    database = _wait_for_database(settings)

    from bridge.route import routes
    from bridge.store.workers import Identity
    from bridge.worker import Worker

    name = settings.worker_name or settings.dyno or socket.gethostname()
    running = Worker(
        settings=settings, database=database, templates=templates, routes=routes(settings), me=Identity(name=name)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: running.stop())
    running.run()
    _tell_the_rest()
    # A send that outlasted the drain must not keep the process: its message is given back already.
    sys.stdout.flush()
    os._exit(0)


def _begin_to_tell(settings: Settings) -> None:
    """Sentry and OpenTelemetry, as far as they are set."""
    faults.set_up(settings.telemetry.sentry_dsn)
    tracing.set_up(settings.telemetry.otlp_endpoint)


def _tell_the_rest() -> None:
    faults.close()
    tracing.close()


def _wait_for_database(settings: Settings) -> "Database":
    """Whoever restarts processes may start this one while the database is away."""
    while True:
        try:
            database = setup.open_database_to_work(settings)
            setup.refuse_unconfirmed_backup(database)
            return database
        except StoreUnavailable as error:
            logs.log.error("worker.database_unavailable", error=str(error))
            time.sleep(1.0)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8025, show_default=True, help="Port to listen on.")
@click.option(
    "--brand", envvar="ATTENTIVE_BRAND", default="Your Shop", show_default=True, help="Name put before texts."
)
@click.option(
    "--duplicate-window", type=click.FloatRange(min=0), envvar="ATTENTIVE_DUPLICATE_WINDOW", default=60.0,
    show_default=True, help="Seconds in which the same text to the same person is dropped.",
)  # fmt: skip
@click.option("--token", "tokens", multiple=True, help="Accept only this token (repeatable). Default: any.")
@click.option("--bridge", metavar="URL", help="Where the bridge is, for sending it samples from the phone's page.")
@click.option("--webhooks", metavar="URL", help="Send Attentive's own webhooks there, as http://.../hooks/attentive.")
@click.option("--signing-key", metavar="KEY", help="Sign them with this key: ATTENTIVE_SECRETS of the bridge.")
def sandbox(
    host: str,
    port: int,
    brand: str,
    duplicate_window: float,
    tokens: tuple[str, ...],
    bridge: str | None,
    webhooks: str | None,
    signing_key: str | None,
) -> None:
    """Play Attentive: POST /1/messages as its page says, and a phone to look at.

    Nothing leaves this machine. Point ATTENTIVE_URL (of the bridge, or of any program that speaks this API) at it.
    With --bridge, which needs the bridge's settings, the page sends signed samples to it at a click.
    """
    from bridge.attentive.sandbox import Target, create_app
    from bridge.cli import firing
    from bridge.web.server import Server

    logs.set_up("WARNING")
    for option, url in (("--bridge", bridge), ("--webhooks", webhooks)):
        if url and not url.startswith(("http://", "https://")):
            raise click.UsageError(f"{option} {url}: write the address with http:// or https://")
    target = Target(url=webhooks, signing_key=signing_key)
    shelf = firing.shelf_for(setup.read_settings(), bridge.rstrip("/")) if bridge else firing.shelf_of_all()
    click.echo(f"The phone: http://{host}:{port}/   The API: ATTENTIVE_URL=http://{host}:{port}", err=True)
    # One process, since the phone lives in its memory; many threads, since some faults hold a request for long.
    Server(
        lambda: create_app(
            brand=brand,
            duplicate_window=duplicate_window,
            tokens=frozenset(tokens) or None,
            shelf=shelf,
            target=target,
        ),
        bind=f"{host}:{port}",
        workers=1,
        threads=64,
        graceful_timeout=1,
        loglevel="warning",
    ).run()
