"""`bridge new-source`, and packages that bring sources of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BRIDGE = [sys.executable, "-m", "bridge"]
CONFORMANCE = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "bridge.trying.source_tests"]


def run(command: list[str], folder: Path, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(path or ""), "MY_DESK_SECRETS": "s", "ATTENTIVE_API_TOKEN": "t"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def install(folder: Path, value: str, *, name: str = "bridge-source-my-desk") -> None:
    """What pip leaves behind of a package: its entry points."""
    info = folder / f"{name.replace('-', '_')}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[bridge.sources]\nmy_desk = {value}\n")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A new source as a package of its own, installed."""
    done = run([*BRIDGE, "new-source", "my_desk", "--title", "My Desk"], tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "bridge-source-my-desk"
    install(folder, "bridge_source_my_desk:SOURCE")
    return folder


def test_a_package_brings_a_source_and_its_samples(package: Path):
    listed = run([*BRIDGE, "sources", "--json"], package, path=package)
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert rows["my_desk"]["title"] == "My Desk"
    assert rows["my_desk"]["kinds"] == ["ticket.replied"]
    shown = run([*BRIDGE, "trigger", "my_desk"], package, path=package)
    assert "ticket_replied" in shown.stdout
    previewed = run([*BRIDGE, "preview", "agent_replied", "--sample", "my_desk/ticket_replied"], package, path=package)
    assert "Hi Maya, so sorry about that!" in previewed.stdout, previewed.stderr


def test_the_conformance_tests_tell_what_a_new_source_lacks(package: Path):
    told = run([*CONFORMANCE, "-k", "my_desk"], package, path=package)
    failed = [line for line in told.stdout.splitlines() if line.startswith("FAILED")]
    # Three of six samples are there; all else that can be written beforehand is right.
    assert len(failed) == 1, told.stdout
    assert "six_samples_or_more" in failed[0]

    module = package / "bridge_source_my_desk/__init__.py"
    module.write_text(
        module.read_text().replace('encoding="hex"', 'encoding="hex", timestamp=None, signed=lambda *_: b""')
    )
    told = run([*CONFORMANCE, "-k", "my_desk"], package, path=package)
    assert "test_a_changed_body_is_refused[my_desk]" in told.stdout


def test_in_a_checkout_a_new_source_becomes_part_of_it(tmp_path: Path):
    for name in ("bridge", "docs", "templates", "pyproject.toml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name, **({"ignore": shutil.ignore_patterns("__pycache__")} if source.is_dir() else {}))
    done = run([*BRIDGE, "new-source", "my_desk"], tmp_path, path=tmp_path)
    assert done.returncode == 0, done.stderr
    for path in ("bridge/sources/my_desk.py", "bridge/sources/samples/my_desk/ticket_replied.json", "docs/my_desk.md"):
        assert (tmp_path / path).is_file()
    told = run([*CONFORMANCE, "-k", "my_desk"], tmp_path, path=tmp_path)
    assert "1 failed" in told.stdout, told.stdout
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "bridge/sources/my_desk.py"]
    assert run(ruff, tmp_path).returncode == 0
    again = run([*BRIDGE, "new-source", "my_desk"], tmp_path, path=tmp_path)
    assert again.returncode == 2


@pytest.mark.parametrize("name", ["My", "1st", "a-b", "", "x" * 60, "../x", "shopify", "class"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str):
    done = run([*BRIDGE, "new-source", name], tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(package: Path):
    shutil.rmtree(package / "bridge_source_my_desk-0.1.dist-info", ignore_errors=True)
    before = (package / "README.md").read_text()
    done = run([*BRIDGE, "new-source", "my_desk"], package.parent)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert (package / "README.md").read_text() == before


def test_a_package_cannot_take_the_place_of_a_source(package: Path):
    entry_points = package / "bridge_source_my_desk-0.1.dist-info/entry_points.txt"
    entry_points.write_text(entry_points.read_text().replace("my_desk =", "zendesk ="))
    done = run([*BRIDGE, "sources"], package, path=package)
    assert done.returncode == 2
    assert "brings the source 'zendesk', which there is already" in done.stderr


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no_such_module:SOURCE", "cannot be loaded (ModuleNotFoundError"),
        ("bridge_source_my_desk:NOTHING", "cannot be loaded (AttributeError"),
        ("bridge_source_my_desk:KINDS", "is a dict; it must be a bridge.sources.Source"),
        ("bridge.sources.zendesk:SOURCE", "brings the source 'zendesk' under the name 'my_desk'"),
    ],
)
def test_a_package_that_is_broken_is_named(package: Path, value: str, problem: str):
    shutil.rmtree(package / "bridge_source_my_desk-0.1.dist-info")
    install(package, value, name="their-source")
    done = run([*BRIDGE, "sources"], package, path=package)
    assert done.returncode == 2
    assert "the package their-source" in done.stderr
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
