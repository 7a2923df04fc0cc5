"""SECURITY.md names for each trust boundary the tests that guard it: they are there."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "SECURITY.md").read_text("utf-8")
TABLE = PAGE.partition("## Trust boundaries")[2].partition("\n## ")[0]
BOUNDARIES = {
    cells[1].strip(): re.findall(r"`(test_\w+\.py)::(test_\w+)`", cells[4])
    for line in TABLE.splitlines()
    if len(cells := line.split("|")) == 6 and "→" in cells[1]
}


def test_there_are_boundaries() -> None:
    assert len(BOUNDARIES) >= 10
    assert sum(map(len, BOUNDARIES.values())) == len(re.findall(r"test_\w+\.py::", TABLE))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_the_tests_that_guard_a_boundary_exist(boundary: str) -> None:
    assert BOUNDARIES[boundary]
    for file, name in BOUNDARIES[boundary]:
        tree = ast.parse((TESTS / file).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
