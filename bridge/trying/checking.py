"""What there is to say of each template: the samples that reach it, its tests, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge import sources
from bridge.compose import Template, TemplateFolder
from bridge.compose.link_lint import link_problems, partial_problems
from bridge.compose.vocabulary import did_you_mean
from bridge.messages import Draft
from bridge.settings import Settings
from bridge.trying import beside, rehearsal
from bridge.trying.beside import Verdict
from bridge.trying.rehearsal import Rehearsal

#: A sample's walk, and the draft that a template made of it.
Reached = tuple[Rehearsal, Draft]

#: Reasons that lie in the template; the others lie in the sample's person.
_TEMPLATE_FAULTS = {"empty_body", "braces_in_body", "template_error", "too_many_segments"}


@dataclass(frozen=True, kw_only=True)
class Report:
    """One template. `problems` are `path: words`, those of its tests among them; `tests` is None where it has none."""

    template: Template
    reached: tuple[Reached, ...]
    tests: Verdict | None
    problems: tuple[str, ...]

    @property
    def walks(self) -> list[Rehearsal]:
        """The samples that reach it, each once."""
        return list({walk.name: walk for walk, _ in self.reached}.values())


def reports(templates: Sequence[Template], settings: Settings, now: datetime) -> Iterator[Report]:
    """Each template with every sample that reaches it, and its tests run."""
    stages = rehearsal.stages(settings)
    found = rehearsal.texts([walk for stage in stages for walk in rehearsal.rehearse(stage, templates, now)])
    for template in templates:
        reached = tuple((walk, draft) for walk, draft in found if draft.template == template.name)
        tests = beside.run_beside(template, stages, now)
        problems = [*link_problems(template), *_unknown_names(template, settings), *_problems(template, reached)]
        if template.shrink_media and not settings.public_url:
            problems.append(
                f"{template.path}: shrink_media needs the setting PUBLIC_URL, where Attentive gets the picture"
            )
        problems += tests.problems if tests else ()
        yield Report(template=template, reached=reached, tests=tests, problems=tuple(problems))


def problems_of_folder(folder: TemplateFolder, templates: Sequence[Template]) -> list[str]:
    """What is wrong with what belongs to no single template: partials, and tests of nothing."""
    partials = [problem for partial in folder.partials for problem in partial_problems(partial)]
    return partials + beside.strays(Path(folder.path), templates)


def _unknown_names(template: Template, settings: Settings) -> list[str]:
    """Sources and connections that there are not, so that the template would answer nothing."""
    known = {"source": set(sources.names()), "connection": settings.connections.keys()}
    named = {"source": template.sources, "connection": template.connections}
    return [
        f"{template.path}: there is no {key} {name}{did_you_mean(name, known[key])} ({', '.join(sorted(known[key]))})"
        for key, names in named.items()
        # Where no connection is configured yet nobody can tell what they will be called.
        for name in sorted(names - known[key])
        if known[key]
    ]


def _problems(template: Template, reached: Sequence[Reached]) -> list[str]:
    problems = []
    for walk, draft in reached:
        if draft.reason and draft.reason.code in _TEMPLATE_FAULTS:
            # Which sample it is says how the text comes to be so long; the others are so with any.
            where = f"{walk.name}: " if draft.reason.code == "too_many_segments" else ""
            problems.append(f"{template.path}: {where}{draft.reason.sentence}")
    missing = [draft.reason for _, draft in reached if draft.reason and draft.reason.code == "missing_value"]
    if missing and len(missing) == len(reached):
        what = f"no sample has {missing[0].detail} as a value that can stand in a text"
        problems.append(f"{template.path}: {what}, so this message would never be sent")
    return sorted(set(problems))
