"""`bridge check`: are the settings and the templates right?"""

import os
import sys
from datetime import UTC, datetime

import click
from rich.markup import escape

from bridge import sms
from bridge.cli import output, rehearsal, setup
from bridge.cli.rehearsal import Rehearsal
from bridge.compose import Template, TemplateFolder, default_folder
from bridge.errors import Misconfigured
from bridge.messages import Draft
from bridge.settings import Settings

#: Reasons that lie in the template; the others lie in the sample's person.
_TEMPLATE_FAULTS = {"empty_body", "braces_in_body", "template_error"}


@click.command()
def check() -> None:
    """Check settings and templates: render every template with every sample that reaches it.

    Exit status 1 if a template has a problem, 2 if a setting has.
    """
    try:
        settings = setup.read_settings()
    except Misconfigured as error:
        # Those of the templates too, so that all are known at once.
        raise Misconfigured([*error.problems, *_unreadable_templates(os.environ.get("TEMPLATES_DIR"))]) from None
    folder_path = default_folder(settings.templates_dir)
    try:
        folder = TemplateFolder(folder_path)
    except Misconfigured as error:
        for problem in error.problems:
            click.echo(f"bridge: {problem}", err=True)
        sys.exit(1)
    _print_connections(settings)
    problems = _check_templates(folder, settings)
    for problem in problems:
        click.echo(f"bridge: {problem}", err=True)
    if problems:
        sys.exit(1)
    click.echo(f"{len(folder.current())} templates in {folder_path}, no problem.")


def _unreadable_templates(folder: str | None) -> tuple[str, ...]:
    try:
        TemplateFolder(default_folder(folder))
    except Misconfigured as error:
        return error.problems
    return ()


def _print_connections(settings: Settings) -> None:
    for connection in settings.connections.values():
        count = len(connection.secrets)
        click.echo(f"connection {connection.name}: {connection.source}, {count} secret{'s' if count > 1 else ''}")
        if connection.source == "zendesk":
            click.echo("  A trigger's `id` must be new for each occurrence: leave it out rather than use the ticket's.")
    if not settings.connections:
        click.echo("No connection is configured yet: no webhook will be accepted.")


def _check_templates(folder: TemplateFolder, settings: Settings) -> list[str]:
    now = datetime.now(UTC)
    templates = folder.current()
    found = rehearsal.texts(
        [walk for stage in rehearsal.stages(settings) for walk in rehearsal.rehearse(stage, templates, now)]
    )
    problems = []
    for template in templates:
        reached = [(walk, draft) for walk, draft in found if draft.template == template.name]
        output.console().print(f"[bold]{escape(template.name)}[/]  {', '.join(sorted(template.events))}")
        for walk, draft in reached:
            _print_line(walk, draft)
        if not reached:
            output.console().print("  [yellow]no sample reaches it[/]")
        problems += _problems(template, [draft for _, draft in reached])
        if template.shrink_media and not settings.public_url:
            problems.append(
                f"{template.path}: shrink_media needs the setting PUBLIC_URL, where Attentive gets the picture"
            )
    return problems


def _print_line(walk: Rehearsal, draft: Draft) -> None:
    if draft.body is None or draft.state == "skipped":
        why = f"{draft.reason.code}[/] {escape(draft.reason.detail)}" if draft.reason else "[/]"
        output.console().print(f"  {escape(walk.name):44} [yellow]not sent: {why}")
        return
    measure = sms.measure(sms.with_brand(draft.body, walk.brand))
    colour = "green" if measure.segments == 1 else "yellow"
    segments = f"{measure.segments} segment{'s' if measure.segments > 1 else ''} {measure.encoding}"
    output.console().print(f"  {escape(walk.name):44} [{colour}]{segments}[/]")


def _problems(template: Template, drafts: list[Draft]) -> list[str]:
    problems = []
    for draft in drafts:
        if draft.reason and draft.reason.code in _TEMPLATE_FAULTS:
            problems.append(f"{template.path}: {draft.reason.sentence}")
    missing = [draft.reason for draft in drafts if draft.reason and draft.reason.code == "missing_value"]
    if missing and len(missing) == len(drafts):
        problems.append(f"{template.path}: no sample has {missing[0].detail}, so this message would never be sent")
    return sorted(set(problems))
