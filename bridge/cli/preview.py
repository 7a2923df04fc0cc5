"""`bridge preview`: what the person would get."""

import sys
from datetime import UTC, datetime

import click

from bridge.cli import bubble, output, setup
from bridge.compose import Template
from bridge.messages import Draft
from bridge.settings import Settings
from bridge.trying import previewing, rehearsal


@click.command()
@click.argument("template")
@click.option(
    "--sample",
    "sample_name",
    metavar="NAME",
    help="Such as orders_create or shopify/orders_create.",
)
@click.option("--delivery", "delivery_id", type=setup.ROW_ID, metavar="ID", help="A delivery that came in.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def preview(template: str, sample_name: str | None, delivery_id: int | None, as_json: bool) -> None:
    """Show the text that TEMPLATE makes of a sample or of a received delivery. Nothing is sent."""
    if sample_name and delivery_id:
        raise click.UsageError("give --sample or --delivery, not both")
    settings = setup.read_settings()
    chosen = setup.find_template(setup.open_templates(settings).current(), template)
    if delivery_id is not None:
        drafts = _of_delivery(settings, chosen, delivery_id)
    else:
        drafts = _of_samples(settings, chosen, sample_name)
    brands = {account.name: account.brand for account in settings.accounts.values()}
    if as_json:
        output.print_json([bubble.document(draft, chosen, brands[draft.account]) for draft in drafts])
        return
    for draft in drafts:
        bubble.show(draft, chosen, brands[draft.account])


def _of_samples(settings: Settings, template: Template, name: str | None) -> list[Draft]:
    everything = [
        walk
        for stage in rehearsal.stages(settings)
        for walk in rehearsal.rehearse(stage, [template], datetime.now(UTC), keeps_quiet=settings.keeps_quiet)
    ]
    walks = [walk for walk in everything if name is None or name in (walk.sample.name, walk.name)]
    if not walks:
        reaching = ", ".join(walk.name for walk in everything if walk.result.drafts) or "none"
        raise click.UsageError(f"there is no sample {name!r}; these reach {template.name}: {reaching}")
    reached = [walk for walk in walks if walk.result.drafts]
    if not reached:
        reason = walks[0].result.reason if name else None
        _fail(f"{name or 'no sample'} does not reach this template. {reason.sentence if reason else ''}".strip())
    # A text says more than a reason why there is none.
    reached.sort(key=lambda walk: walk.result.drafts[0].state != "queued")
    click.echo(f"With the sample {reached[0].name}: {reached[0].sample.about}", err=True)
    return list(reached[0].result.drafts)


def _of_delivery(settings: Settings, template: Template, delivery_id: int) -> list[Draft]:
    database = setup.open_database(settings)
    found = previewing.of_delivery(settings, database, template, delivery_id)
    if found.problem:
        _fail(found.problem)
    return list(found.drafts)


def _fail(problem: str) -> None:
    click.echo(f"bridge: {problem}", err=True)
    sys.exit(1)
