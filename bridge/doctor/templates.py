"""Do the templates load and make texts? What `bridge check` says, in short."""

from collections.abc import Iterator
from datetime import datetime

from bridge.compose import TemplateFolder
from bridge.doctor.finding import Finding
from bridge.settings import Settings
from bridge.trying import checking
from bridge.wording import counted


def examine(folder: TemplateFolder, given: Settings, now: datetime) -> Iterator[Finding]:
    """Each problem of a template, or that there is none."""
    templates = folder.current()
    problems = [problem for report in checking.reports(templates, given, now) for problem in report.problems]
    problems += checking.problems_of_folder(folder, templates)
    for problem in problems:
        yield Finding(about="templates", state="problem", says=problem, todo="`bridge check` tells more")
    if not templates:
        yield Finding(about="templates", state="warning", says="there are none", todo="`bridge new` writes one")
    elif not problems:
        yield Finding(about="templates", state="ok", says=f"{counted(len(templates), 'template')} in {folder.path}")
