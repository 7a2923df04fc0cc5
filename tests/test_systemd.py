"""The units in deploy/systemd, as systemd itself reads and judges them."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import dynos
import pytest

from bridge import cli

UNITS = sorted((dynos.ROOT / "deploy/systemd").glob("*.service"))
PROGRAM = "/opt/bridge/bin/bridge"


@pytest.fixture
def analyze() -> str:
    """systemd's own judge of units."""
    found = shutil.which("systemd-analyze")
    if found is None:
        # In CI a skipped test is a failure: see conftest.
        pytest.skip("systemd-analyze is not installed, so nobody judges the units of deploy/systemd")
    return found


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a program that exists here."""
    here = Path(sys.executable).with_name("bridge")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text("utf-8").replace(PROGRAM, str(here)))
    return sorted(tmp_path.iterdir())


def test_systemd_finds_nothing_wrong(analyze: str, units: list[Path]) -> None:
    assert len(units) == 4
    done = subprocess.run(
        [analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False, timeout=60
    )
    ours = [line for line in done.stderr.splitlines() if any(unit.name in line for unit in units)]
    assert (done.returncode, ours) == (0, [])


def test_a_mistake_would_be_found(analyze: str, units: list[Path]) -> None:
    units[0].write_text(units[0].read_text().replace("ExecStart=/", "ExecStart=/not/there/"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", units[0]], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0


def test_the_services_can_do_little(analyze: str, units: list[Path]) -> None:
    for unit in units:
        # Of 10.0 (may do all); the threshold counts in tenths.
        judged = [analyze, "security", "--offline=yes", "--threshold=20", "--no-pager", unit]
        done = subprocess.run(judged, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_of_the_bridge_and_waits_for_texts_under_way(unit: Path) -> None:
    lines = dict(line.split("=", 1) for line in unit.read_text("utf-8").splitlines() if "=" in line)
    program, *words = shlex.split(lines["ExecStart"])
    command = cli.cli
    for word in words:
        command = command.get_command(None, word)  # type: ignore[attr-defined, arg-type]
        assert command is not None, word
    assert program == PROGRAM
    if lines["Type"] != "oneshot":
        assert (lines["KillMode"], lines["TimeoutStopSec"]) == ("mixed", "35")
