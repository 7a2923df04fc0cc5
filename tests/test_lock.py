"""requirements.lock: all that a deploy installs, as pyproject.toml allows it; and what the audit makes of findings."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKED = dict(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==([^ ;\\]+)", LOCK, re.MULTILINE))

judge = runpy.run_path(str(ROOT / ".ci/audit"))["judge"]


@pytest.mark.parametrize("needed", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["oidc"]])
def test_what_the_project_needs_is_locked_at_a_version_that_it_allows(needed: str) -> None:
    requirement = Requirement(needed)
    assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)]), "run .ci/lock"


def test_every_locked_package_has_hashes_and_comes_from_no_other_place() -> None:
    entries = re.split(r"^(?=[a-z])", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
    assert len(entries) == len(LOCKED) >= len(PROJECT["dependencies"])
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?:|file:|^-", LOCK, re.MULTILINE)


def _audited(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


_CLEAN = {"name": "flask", "version": "3.1.2", "vulns": []}
_FLAWED = {"name": "jinja2", "version": "3.1.5", "vulns": [{"id": "GHSA-cpwx-vrp4-4pq7"}]}
_UNKNOWN = {"name": "babel", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("output", "errors", "status", "says"),
    [
        (_audited(_CLEAN), "", 0, "1 packages audited, 0 vulnerabilities"),
        (_audited(_CLEAN, _FLAWED), "", 1, "jinja2 3.1.5: GHSA-cpwx-vrp4-4pq7"),
        (_audited(_CLEAN, _UNKNOWN), "", 1, "babel: nobody knows it"),
        (_audited(_UNKNOWN, _UNKNOWN), "", 0, "NOT AUDITED"),
        (_audited(), "", 1, "0 packages audited"),
        ("", "requests.exceptions.ConnectionError: …", 0, "NOT AUDITED"),
        ("", "error: unrecognized arguments", 1, "NOT AUDITED"),
    ],
)
def test_an_audit_fails_for_findings_and_says_so_where_there_was_none(
    output: str, errors: str, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(output, errors) == status
    assert says in capsys.readouterr().out
