"""`bridge init` writes a project that works as it is, and overwrites nothing."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

import pytest
from test_docs import ROOT

FILES = {"Procfile", ".env.example", ".gitignore", "README.md", "requirements.txt", "templates"}


def bridge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_project_is_complete_and_passes_the_check(tmp_path: Path) -> None:
    done = bridge(tmp_path, "init", "texts")
    assert (done.returncode, done.stderr) == (0, "")
    project = tmp_path / "texts"
    assert {path.name for path in project.iterdir()} == FILES
    shipped = {path.name: path.read_bytes() for path in (ROOT / "templates").iterdir()}
    assert {path.name: path.read_bytes() for path in (project / "templates").iterdir()} == shipped
    assert (project / "requirements.txt").read_text() == f"helpdesk-bridge=={version('helpdesk-bridge')}\n"
    assert (project / "Procfile").read_bytes() == (ROOT / "Procfile").read_bytes()

    (project / ".env").write_text(
        (project / ".env.example").read_text().replace("#SHOPIFY_SECRETS=", "SHOPIFY_SECRETS=")
    )
    checked = bridge(project, "check")
    assert checked.returncode == 0, checked.stderr
    assert " templates in templates" in checked.stdout


def test_every_setting_is_switched_off_in_the_example(tmp_path: Path) -> None:
    assert bridge(tmp_path, "init").returncode == 0
    lines = (tmp_path / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    assert max(map(len, lines)) <= 110


def test_secrets_and_what_holds_people_stays_out_of_git(tmp_path: Path) -> None:
    assert bridge(tmp_path, "init").returncode == 0
    ignored = (tmp_path / ".gitignore").read_text().split()
    made = set(re.findall(r"\w+\.(?:db|dump)\b", (ROOT / "docs/backup.md").read_text("utf-8")))
    assert made == {"bridge.db", "monday.db", "monday.dump"}
    for name in made | {".env", "bridge.db-wal", "bridge.db-shm", "bridge.db.lock", "monday.db.part"}:
        assert any(fnmatch(name, pattern) for pattern in ignored), name


@pytest.mark.parametrize("there", ["Procfile", "templates/order_shipped.txt", ".env.example"])
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    done = bridge(tmp_path, "init")
    assert done.returncode == 2
    assert f". has {there} already, and stays as it is" in done.stderr
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = bridge(tmp_path, "init", "file/texts")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "file" in done.stderr


def test_the_commands_of_the_project_s_readme_exist(tmp_path: Path) -> None:
    assert bridge(tmp_path, "init").returncode == 0
    named = set(re.findall(r"^    bridge ([a-z]+) ", (tmp_path / "README.md").read_text(), re.MULTILINE))
    assert {"demo", "check", "serve"} <= named
    for name in named:
        assert bridge(tmp_path, name, "--help").returncode == 0
