"""The pictures in the documentation come from a script, which goes on working."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS.parent / "README.md", *DOCS.glob("*.md")]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.png")}


@pytest.mark.timeout(300)
def test_the_script_takes_every_picture_light_and_dark(chromium: Browser, tmp_path: Path) -> None:
    script = [sys.executable, str(DOCS / "screenshots.py"), "--folder", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path) == names_in(DOCS / "pictures")
    for path in [*tmp_path.glob("*.png"), *(DOCS / "pictures").glob("*.png")]:
        assert 5_000 < path.stat().st_size < 150_000, path


def test_every_picture_is_shown_somewhere() -> None:
    words = "".join(page.read_text("utf-8") for page in PAGES)
    missing = {name for name in names_in(DOCS / "pictures") if f"pictures/{name}" not in words}
    assert missing == set()
