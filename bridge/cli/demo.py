"""`bridge demo`: the whole product on one machine, with nothing set up."""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import requests
from rich.progress import track

from bridge import platforms, sources
from bridge.cli import demo_results, output, setup
from bridge.cli.processes import Children
from bridge.cli.recorded_answers import serve_recorded_answers
from bridge.compose import TemplateFolder
from bridge.connections import CONNECTION_SUFFIXES, setting_prefix
from bridge.events import Delivery
from bridge.settings import NAMES
from bridge.store import ledger, mistakes, sightings
from bridge.store.database import Database
from bridge.trying import rehearsal
from bridge.trying.rehearsal import Rehearsal

_SECRET = "demo-secret"  # noqa: S105 - no secret: it is printed, and good on this machine for as long as the demo runs
_PASSWORD = "demo"  # noqa: S105 - as above
_BRAND = "Juniper & Pine"
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class _Demo:
    """Where the parts of a running demo are."""

    web: str
    sandbox: str
    database_url: str
    log: Path


@click.command()
@click.option("--once", is_flag=True, help="Stop when all samples are through: exit 0 if they came out right, else 1.")
def demo(once: bool) -> None:
    """Show the whole product: webhooks in, texts on a phone. Needs no settings and sends nothing anywhere.

    Starts web, worker and the sandbox on free ports, and fires every sample webhook of every platform, signed.
    """
    folder = setup.templates_folder(os.environ.get("TEMPLATES_DIR"))
    templates = TemplateFolder(folder).current()
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as directory, serve_recorded_answers() as platform_url:
        mistakes.check_place(Path(directory, "demo.db"), setting="TMPDIR")
        _say(f"{len(templates)} message templates from {folder}/")
        with Children() as children:
            running = _start(children, Path(directory), platform_url, folder, once=once)
            _say(f"The phone: [bold]{running.sandbox}/[/]   (this is the sandbox, playing Attentive)")
            _say(f"The console: [bold]{running.web}/console/[/]   (the password is {_PASSWORD})")
            now = datetime.now(UTC)
            walks = [
                walk for stage in rehearsal.bare_stages(_BRAND) for walk in rehearsal.rehearse(stage, templates, now)
            ]
            platform_count = len({walk.stage.source.name for walk in walks})
            _say(f"Firing {len(walks)} signed sample webhooks of {platform_count} platforms at {running.web}/hooks/…")
            console = output.console()
            _tell_what_shops_told(running, walks)
            watched = track(walks, "demo ", console=console, transient=True, disable=not console.is_terminal)
            problems = [problem for walk in watched if (problem := _fire(running, walk))]
            problems += _wait_until_done(running, children)
            problems += _compare(running, walks)
            _print_results(running, len(walks))
            if not problems:
                _say("[green]Every text that was due is on the phone, once.[/]")
            for problem in problems:
                click.echo(f"bridge: {problem}", err=True)
            if problems:
                click.echo(running.log.read_text("utf-8", "replace")[-4000:], err=True)
            if once:
                sys.exit(1 if problems else 0)
            _explain(running)
            sys.exit(children.run())


def _start(children: Children, directory: Path, platform_url: str, templates: Path, *, once: bool) -> _Demo:
    # Another demo may take a usual port between the look and the use. Nobody looks at what is over at once.
    sandbox, web = (_free_port(0), _free_port(0)) if once else (_free_port(8025), _free_port(8000))
    running = _Demo(
        web=f"http://127.0.0.1:{web}",
        sandbox=f"http://127.0.0.1:{sandbox}",
        database_url=f"sqlite:///{directory / 'demo.db'}",
        log=directory / "demo.log",
    )
    environment = _environment(running, platform_url, templates)
    log = running.log.open("ab")
    # In a directory of its own, where no .env of the user's speaks into it.
    arguments = ["sandbox", "--port", str(sandbox), "--bridge", running.web]
    children.start("sandbox", arguments, env=environment, output=log, cwd=directory)
    children.start("bridge", ["serve", "--port", str(web)], env=environment, output=log, cwd=directory)
    for url in (f"{running.sandbox}/api/messages", f"{running.web}/health/ready"):
        _wait_for(url, children, running.log)
    return running


def _environment(running: _Demo, platform_url: str, templates: Path) -> dict[str, str]:
    """Only the demo's own settings: whatever the user has set for real must not be touched, texted or asked."""
    environment = dict.fromkeys((*NAMES, "DYNO"), "")
    for name in sources.names():
        prefix = setting_prefix(name)
        environment |= dict.fromkeys((f"{prefix}_{suffix}" for suffix in CONNECTION_SUFFIXES), "")
        environment |= {
            f"{prefix}_SECRETS": _SECRET,
            # All samples are about one parcel, which nobody is texted about twice: so each is a brand of its own.
            f"{prefix}_ATTENTIVE_API_TOKEN": f"demo-token-{name}",
            f"{prefix}_ATTENTIVE_BRAND": _BRAND,
        }
        if name in platforms.discover():
            environment |= {
                f"{prefix}_URL": platform_url,
                f"{prefix}_API_TOKEN": "demo:demo",
                f"{prefix}_EMAIL": "demo@example.com",
            }
    return environment | {
        "DATABASE_URL": running.database_url,
        "ATTENTIVE_URL": running.sandbox,
        "ATTENTIVE_BRAND": _BRAND,
        "CONSOLE_PASSWORD": _PASSWORD,
        "TEMPLATES_DIR": str(templates.resolve()),
        "WEB_CONCURRENCY": "1",
        # The samples are of the same few people, and the demo runs at night too.
        "CAP_PER_PERSON_PER_DAY": "0",
        "QUIET_HOURS": "off",
    }


def _tell_what_shops_told(running: _Demo, walks: Sequence[Rehearsal]) -> None:
    """Carriers know no people: the parcels of their samples are known from a shop that is not in the demo."""
    database = Database(running.database_url)
    with database.write() as connection:
        for walk in walks:
            sightings.write(connection, rehearsal.recorded_sightings(walk), datetime.now(UTC))
    database.dispose()


def _fire(running: _Demo, walk: Rehearsal) -> str | None:
    """Send one sample, signed; what is wrong with the answer, if anything."""
    source = walk.stage.source
    now = datetime.now(UTC)
    delivery = Delivery(
        connection=source.name,
        headers=walk.sample.headers,
        body=walk.sample.body,
        received_at=now,
        url=f"{running.web}/hooks/{source.name}",
    )
    answer = requests.post(
        delivery.url,
        data=delivery.body,
        headers={**delivery.headers, **source.sign(delivery, _SECRET, now=now)},
        timeout=10,
        allow_redirects=False,
    )
    return None if answer.status_code == 200 else f"{walk.name} was answered {answer.status_code}"


def _wait_until_done(running: _Demo, children: Children) -> list[str]:
    """Wait until nothing waits any more; a problem if that takes too long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and children.ended() is None:
        queue = requests.get(f"{running.web}/health/ready", timeout=10).json()["queue"]
        if not queue["deliveries"] and not queue["messages"]:
            return []
        time.sleep(0.1)
    return ["the samples are not through yet"]


def _compare(running: _Demo, walks: Sequence[Rehearsal]) -> list[str]:
    """Hold what was posted and what is on the phone against what the templates say, each event's text once."""
    expected = Counter(
        {
            (walk.stage.connection.name, draft.template, draft.identity or walk.name, draft.to): (draft.to, draft.body)
            for walk, draft in rehearsal.texts(walks)
            if draft.state == "queued"
        }.values()
    )
    expected -= _replaced(running)
    attempts = requests.get(f"{running.sandbox}/api/attempts", timeout=10).json()
    posted = Counter((attempt["to"], attempt["body"]) for attempt in attempts)
    on_phone = {(text["to"], text["body"]) for text in _texts(running)}
    if not expected:
        return ["no sample makes a text: do the templates answer any event?"]
    return [
        *(f"was not sent: {body!r}" for _, body in (expected - posted).elements()),
        *(f"was sent and should not have been: {body!r}" for _, body in (posted - expected).elements()),
        *(f"is not on the phone: {body!r}" for _, body in expected.keys() - on_phone),
    ]


def _replaced(running: _Demo) -> Counter[tuple[str, str]]:
    """The texts that did not leave because a newer one about the same, which did, took their place."""
    database = Database(running.database_url)
    with database.read() as connection:
        made = [ledger.find_message(connection, row["id"]) for row in ledger.list_messages(connection, limit=1000)]
    database.dispose()
    sent = {(row["thread"], row["to"]) for row in made if row and row["state"] == "sent"}
    superseded = (row for row in made if row and row["state"] == "superseded")
    return Counter((row["to"], row["body"]) for row in superseded if (row["thread"], row["to"]) in sent)


def _texts(running: _Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{running.sandbox}/api/messages", timeout=10).json()
    return found


def _print_results(running: _Demo, fired: int) -> None:
    database = Database(running.database_url)
    with database.read() as connection:
        deliveries = ledger.list_deliveries(connection, limit=1000)
        listed = ledger.list_messages(connection, limit=1000)
        messages = [message for row in listed if (message := ledger.find_message(connection, row["id"]))]
    database.dispose()
    demo_results.print_platforms(demo_results.by_platform(deliveries, messages))
    _say(demo_results.summary(deliveries, messages, fired=fired))


def _explain(running: _Demo) -> None:
    # From here on, so that what Attentive would tell of the samples' texts does not stand among them.
    hook = {"url": f"{running.web}/hooks/attentive", "signing_key": _SECRET}
    requests.put(f"{running.sandbox}/api/webhooks", json=hook, timeout=10).raise_for_status()
    _say(f"Now open [bold]{running.sandbox}/[/] and try, in another terminal:")
    click.echo(f"  export DATABASE_URL={running.database_url} SHOPIFY_SECRETS={_SECRET} ZENDESK_SECRETS={_SECRET}")
    # As it was called, where the environment it lives in is not activated: Linux has a `bridge` of its own (iproute2).
    found = shutil.which("bridge")
    bridge = "bridge" if found and os.path.realpath(found) == os.path.realpath(sys.argv[0]) else sys.argv[0]
    click.echo(f"  {bridge} trigger shopify orders_create --url {running.web}")
    click.echo(f"  {bridge} messages list")
    click.echo(f"  {bridge} preview order_shipped")
    _say("Write an answer below a text: it comes in as Attentive's webhook. The demo has no helpdesk to put it on.")
    click.echo("Stop with Control-C. Nothing of the demo is kept.")


def _wait_for(url: str, children: Children, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and children.ended() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    click.echo(log.read_text("utf-8", "replace")[-4000:], err=True)
    click.echo(f"bridge: the demo did not start: nothing answers at {url}", err=True)
    children.stop()
    sys.exit(1)


def _free_port(wanted: int) -> int:
    """The usual port if it is free, else any."""
    for port in dict.fromkeys((wanted, 0)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def _say(text: str) -> None:
    output.console().print(f"[bold cyan]demo[/]  {text}", soft_wrap=True)
