"""`bridge backtest`: what would have been different with the templates as they are now. Nothing is sent or written."""

import sys
from datetime import timedelta

import click

from bridge.cli import differences, output, setup, spans
from bridge.settings import Settings
from bridge.store import history
from bridge.trying.backtest import Backtest, routes_of_the_past

#: How many deliveries are in memory at a time. A webhook may have megabytes.
BATCH = 200


@click.command()
@click.argument("template", required=False)
@click.option(
    "--since", callback=spans.some, default="7d", metavar="TIME", show_default=True,
    help="How far back: 30m, 12h or 7d.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many differences to show."
)
@click.option("--look-up", "looks_up", is_flag=True, help="Ask the platforms' APIs where a webhook lacks a value.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def backtest(template: str | None, since: timedelta, limit: int, *, looks_up: bool, as_json: bool) -> None:
    """Play the received webhooks through the templates as they are now, and show what would be different.

    Against what was really made of them; for one TEMPLATE or for all. Nothing is sent or written. Exit status 1 if
    anything would be different.
    """
    settings = setup.read_settings()
    played = _play(settings, template, since, limit, looks_up=looks_up)
    if as_json:
        output.print_json(differences.document(played))
    else:
        differences.show(played)
    sys.exit(1 if played.different else 0)


def _play(settings: Settings, only: str | None, since: timedelta, limit: int, *, looks_up: bool) -> Backtest:
    templates = setup.open_templates(settings).current()
    if only is not None:
        templates = (setup.find_template(templates, only),)
    database = setup.open_database(settings)
    with database.read() as connection:
        now = database.now(connection)
    played = Backtest(
        templates=templates,
        routes=routes_of_the_past(settings, database, looks_up=looks_up),
        cap_per_person=settings.cap_per_person,
        looks_up=looks_up,
        most=limit,
        only=only,
    )
    for batch in history.since(database, now - since, batch=BATCH):
        played.look_at(batch)
    database.dispose()
    return played
