"""`bridge doctor`: is everything there that the bridge needs, and what is to be done where it is not?"""

import sys
from collections.abc import Iterator
from dataclasses import asdict

import click
from rich.markup import escape

from bridge.cli import output, setup
from bridge.doctor import Finding, examine, worst
from bridge.errors import Misconfigured
from bridge.settings import Settings
from bridge.store.database import Database

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}
_ABOUT, _STATE = 14, 8


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--offline", is_flag=True, help="Ask neither Attentive, nor platforms, nor PUBLIC_URL.")
def doctor(as_json: bool, offline: bool) -> None:
    """Look at settings, database, worker, templates, connections, Attentive's token and PUBLIC_URL.

    Changes nothing and texts nobody. Exit status 1 if there is a problem, 2 if a setting cannot be read.
    """
    findings, status = [], 0
    for finding in _examine(offline):
        findings.append(finding)
        if not as_json:
            _print(finding)
        if finding.about == "setting":
            status = 2
    if worst(findings) == "problem":
        status = status or 1
    if as_json:
        output.print_json({"state": worst(findings), "findings": [asdict(one) for one in findings]})
    sys.exit(status)


def _examine(offline: bool) -> Iterator[Finding]:
    try:
        settings = setup.read_settings()
    except Misconfigured as error:
        for problem in error.problems:
            yield Finding(about="setting", state="problem", says=problem, todo="nothing else is looked at until then")
        return
    yield from examine(
        settings,
        open_database=lambda: _open_database(settings),
        open_templates=lambda: setup.open_templates(settings),
        asks_others=not offline,
    )


def _open_database(settings: Settings) -> Database:
    setup.refuse_fleeting_disk(settings)
    return setup.open_database(settings)


def _print(finding: Finding) -> None:
    colour = _COLOURS[finding.state]
    says = escape(finding.says)
    output.console().print(f"[{colour}]{finding.state:{_STATE}}[/] {finding.about:{_ABOUT}} {says}", soft_wrap=True)
    if finding.todo:
        output.console().print(f"{'':{_STATE + _ABOUT + 2}}-> {escape(finding.todo)}", soft_wrap=True)
