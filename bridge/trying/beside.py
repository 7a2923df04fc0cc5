"""The tests beside the templates, read from the folder and run: for `bridge check` and the console."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from bridge.compose import Template
from bridge.errors import Misconfigured
from bridge.events import PLACES
from bridge.phone import ALLOWED_REGIONS
from bridge.route import Route
from bridge.sources.samples import Sample
from bridge.trying import rehearsal
from bridge.trying.rehearsal import Stage
from bridge.trying.running import run_test
from bridge.trying.template_tests import SUFFIX, path_beside, read_tests

MAX_BYTES = 262_144
#: What others end YAML files with.
_OTHER = ".tests.yml"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How many tests of a template passed, and what is wrong with the others, as `path:line: words`."""

    passed: int = 0
    problems: tuple[str, ...] = ()


def run_beside(template: Template, stages: Sequence[Stage], now: datetime) -> Verdict | None:
    """The verdict of the tests beside a template; None where there are none."""
    path = Path(path_beside(template))
    try:
        text = _text_of(path)
        if text is None:
            return None
        tests = read_tests(text, path.as_posix(), template)
    except Misconfigured as error:
        return Verdict(problems=error.problems)
    passed, problems = 0, []
    for test in tests:
        failures = run_test(test, template, partial(_route, stages, template), now)
        passed += not failures
        problems += [f"{path.as_posix()}:{test.line}: {test.name}: {failure}" for failure in failures]
    return Verdict(passed=passed, problems=tuple(problems))


def strays(folder: Path, templates: Sequence[Template]) -> list[str]:
    """Files of tests in the folder that belong to no template, or whose name ends so that they would never run."""
    known = {path_beside(template).name for template in templates}
    return [
        f"{path.as_posix()}:1: there is no template {path.name.removesuffix(SUFFIX)} for these tests: rename the file"
        for path in sorted(folder.glob(f"*{SUFFIX}"))
        if path.name not in known and not path.name.startswith((".", "_"))
    ] + [
        f"{path.as_posix()}:1: these tests do not run: rename the file to {path.name.removesuffix(_OTHER)}{SUFFIX}"
        for path in sorted(folder.glob(f"*{_OTHER}"))
    ]


def _route(stages: Sequence[Stage], template: Template, name: str, sample: Sample | None) -> Route:
    stage = rehearsal.find_stage(stages, template, name)
    # A shop that texts one country only, or the shipping address's number only, has the shipped tests pass all the
    # same: their people are in all three countries, and an event's person has but one number.
    lenient = replace(
        stage,
        allowed_regions={*ALLOWED_REGIONS, *stage.allowed_regions},
        phone_preference=tuple(dict.fromkeys((*stage.phone_preference, *PLACES))),
    )
    return rehearsal.route_of(lenient, sample)


def _text_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Misconfigured([f"{path.as_posix()}:1: the file cannot be read ({error.strerror})"]) from None
    if len(raw) > MAX_BYTES:
        raise Misconfigured([f"{path.as_posix()}:1: the file is larger than {MAX_BYTES // 1024} KiB"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Misconfigured([f"{path.as_posix()}:{line}: this line is not UTF-8: save the file as UTF-8"]) from None
