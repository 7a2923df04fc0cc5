"""`bridge check`: are the settings and the templates right?"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click
from rich.markup import escape

from bridge import fulfilling, sms
from bridge.attentive.message_names import OWN_NAMES, SHARED_NAME, with_own_names
from bridge.cli import output, setup
from bridge.compose import Template, TemplateFolder
from bridge.errors import Misconfigured
from bridge.messages import Draft
from bridge.policy.posting import why_impossible
from bridge.posting import can
from bridge.route import Route, routes
from bridge.settings import Settings
from bridge.trying import checking
from bridge.trying.rehearsal import Rehearsal


@click.command()
def check() -> None:
    """Check settings and templates: render every template with every sample that reaches it, and run its tests.

    The tests of order_shipped.txt stand beside it, in order_shipped.tests.yaml. Exit status 1 if a template has a
    problem, 2 if a setting has.
    """
    try:
        settings = setup.read_settings()
    except Misconfigured as error:
        # Those of the templates too, so that all are known at once.
        raise Misconfigured([*error.problems, *_unreadable_templates(os.environ.get("TEMPLATES_DIR"))]) from None
    setup.refuse_wrong_keys(settings)
    folder_path = setup.templates_folder(settings.templates_dir)
    try:
        folder = TemplateFolder(folder_path)
    except Misconfigured as error:
        for problem in error.problems:
            click.echo(f"bridge: {problem}", err=True)
        sys.exit(1)
    _print_connections(settings)
    _print_callers(settings)
    _print_holding_back(settings)
    templates = folder.current()
    _print_ways_out(settings, templates)
    passed, problems = _check_templates(templates, settings)
    problems += checking.problems_of_folder(folder, templates)
    for problem in problems:
        click.echo(f"bridge: {problem}", err=True)
    read = f"{output.counted(len(templates), 'template')} in {folder_path}"
    end = "what stands above is to be mended" if problems else "no problem"
    click.echo(f"{read}, {output.counted(passed, 'test')} passed, {end}.")
    if problems:
        sys.exit(1)


def _unreadable_templates(folder: str | None) -> tuple[str, ...]:
    try:
        TemplateFolder(setup.templates_folder(folder))
    except Misconfigured as error:
        return error.problems
    return ()


def _print_connections(settings: Settings) -> None:
    for route in routes(settings, looks_up=False).values():
        secrets = output.counted(len(route.connection.secrets), "secret")
        click.echo(f"connection {route.connection.name}: {route.connection.source}, {secrets}")
        if route.connection.source == "zendesk":
            click.echo("  A trigger's `id` must be new for each occurrence: leave it out rather than use the ticket's.")
        if route.missing_settings and route.source.looks_up:
            missing = ", ".join(route.missing_settings)
            click.echo(f"  {route.source.title} is not asked for what its webhooks do not say: set {missing}.")
        if route.source.joins and not route.awaits_shops:
            click.echo("  It knows parcels, and seldom whose they are: connect the shop too.")
    if not settings.connections:
        click.echo("No connection is configured yet: no webhook will be accepted.")


def _print_callers(settings: Settings) -> None:
    for caller in settings.callers:
        click.echo(f"program {caller.name}: may {' and '.join(sorted(caller.scopes))}, account {caller.account}")
        if caller.name in settings.callers_without_token:
            click.echo("  Its messages wait: the account has no token of Attentive's.")


def _print_holding_back(settings: Settings) -> None:
    """What the settings say about holding back, where that is not what a person would expect."""
    if settings.sending != "on":
        click.echo(f"BRIDGE_SENDING is {settings.sending}: every message waits for a person.")
    if settings.quiet_hours == "off":
        click.echo("QUIET_HOURS is off: texts leave at night too, whatever the templates say.")
    if not settings.cap_per_person:
        click.echo("CAP_PER_PERSON_PER_DAY is 0: nothing keeps a person from getting any number of texts.")


def _print_ways_out(settings: Settings, templates: Sequence[Template]) -> None:
    """Which accounts send through the newer API, and what it does not take of the templates."""
    newer = [account.name for account in settings.accounts.values() if account.api == "text"]
    if not newer:
        return
    click.echo(f"Texts of {', '.join(newer)} leave by POST /v1/text/send.")
    if linked := [template.name for template in templates if template.link]:
        click.echo(f"  It has no link: that of {', '.join(linked)} is left out there, and the text is sent as it is.")
    names = {template.name for template in templates} | ({fulfilling.KIND} if settings.callers else set())
    if shared := sorted(names - with_own_names(names)):
        click.echo(f"  It counts {OWN_NAMES} templates by name and {', '.join(shared)} as {SHARED_NAME!r}.")


def _check_templates(templates: Sequence[Template], settings: Settings) -> tuple[int, list[str]]:
    """How many tests passed, and what is wrong."""
    passed, problems = 0, list[str]()
    ways = routes(settings, looks_up=False)
    for report in checking.reports(templates, settings, datetime.now(UTC)):
        output.console().print(f"[bold]{escape(report.template.name)}[/]  {', '.join(sorted(report.template.events))}")
        if limits := _limits(report.template):
            click.echo(f"  {limits}")
        connected = settings.connections or {walk.stage.connection.name for walk, _ in report.reached}
        for walk, draft in report.reached:
            if walk.stage.connection.name in connected:
                output.console().print(f"  {escape(walk.name):44} {_verdict(walk, draft)}")
        others = Counter(_verdict(*one) for one in report.reached if one[0].stage.connection.name not in connected)
        if others:
            told = ", ".join(f"{count} × {verdict}" for verdict, count in sorted(others.items()))
            output.console().print(f"  {'samples of platforms not connected':44} {told}")
        for line in _report_gaps(report.template, report.reached, ways):
            click.echo(f"  {line}")
        if not report.reached:
            output.console().print("  [yellow]no sample reaches it[/]")
        problems += report.problems
        if report.tests:
            click.echo(f"  {output.counted(report.tests.passed, 'test')} passed")
            passed += report.tests.passed
    return passed, problems


def _report_gaps(
    template: Template, reached: Iterable[tuple[Rehearsal, Draft]], ways: Mapping[str, Route]
) -> list[str]:
    """Where what became of a text cannot be told, and what to set where it could."""
    if template.report == "none":
        return []
    lines = []
    for walk, draft in reached:
        route = ways.get(walk.stage.connection.name)
        if route is None:
            continue
        order_id = None if draft.ticket else draft.order_id
        why = why_impossible(template.report, ticket=draft.ticket, order_id=order_id, can=can(route))
        if why is None and route.missing_settings:
            why = f"set {', '.join(route.missing_settings)}."
        if why is not None:
            lines.append(f"report: {template.report} through {route.connection.name} tells nobody: {why}")
    return list(dict.fromkeys(lines))


def _limits(template: Template) -> str:
    """What keeps a text of this template waiting or from being sent, in a line."""
    thread = f"thread {template.thread.source}" if template.thread else ""
    parts = [
        f"quiet {template.quiet_hours}" if template.quiet_hours else "",
        f"{thread}, newest only" if template.supersedes else thread,
        f"at most {output.counted(template.max_segments, 'segment')}" if template.max_segments else "",
    ]
    return "; ".join(part for part in parts if part)


def _verdict(walk: Rehearsal, draft: Draft) -> str:
    """What a text costs, or why there is none."""
    if draft.body is None or draft.state == "skipped":
        why = f"{draft.reason.code}[/] {escape(draft.reason.detail)}".rstrip() if draft.reason else "[/]"
        return f"[yellow]not sent: {why}"
    measure = sms.measure(sms.with_brand(draft.body, walk.brand))
    colour = "green" if measure.segments == 1 else "yellow"
    return f"[{colour}]{output.counted(measure.segments, 'segment')} {measure.encoding}[/]"
