"""The wheel holds all that the commands need: samples, templates, migrations, the sandbox's page."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]

Bridge = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Bridge:
    """Runs `bridge` from the installed wheel, in a directory of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, _ROOT],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    where = ["--python", str(python)]
    install = [sys.executable, "-m", "pip", *where, "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    # What the wheel depends on is taken from here instead of being downloaded: last on the path, so that the product
    # is the wheel's own.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    env = {"PATH": os.environ["PATH"], "SHOPIFY_SECRETS": "any"}
    empty = folder / "empty"
    empty.mkdir()

    def run(*arguments: str, folder: Path = empty, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [python, *arguments] if arguments[0] == "-c" else [environment / "bin" / "bridge", *arguments]
        return subprocess.run(
            command, cwd=folder, env={**env, **settings}, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_the_product_under_test_is_the_installed_one(bridge: Bridge) -> None:
    told = bridge("-c", "import bridge; print(bridge.__file__)").stdout

    assert "environment" in told
    assert not told.startswith(str(_ROOT))


def test_templates_and_samples_are_in_the_wheel(bridge: Bridge) -> None:
    checked = bridge("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    shipped = len([path for path in (_ROOT / "templates").glob("*.txt") if "." not in path.stem])
    assert f"\n{shipped} templates in " in checked.stdout
    assert " 0 tests passed" not in checked.stdout

    shown = bridge("preview", "order_shipped")
    assert shown.returncode == 0, shown.stderr
    assert "is on its way" in shown.stdout

    samples = bridge("trigger", "shopify")
    assert samples.returncode == 0, samples.stderr
    assert len(samples.stdout.splitlines()) == len(list((_ROOT / "bridge/sources/samples/shopify").glob("*.json")))


def test_the_demo_runs_from_the_wheel_in_an_empty_directory(bridge: Bridge) -> None:
    done = bridge("demo", "--once")

    assert done.returncode == 0, done.stderr
    assert "Every text that was due is on the phone, once." in done.stdout


def test_a_project_made_from_the_wheel_works(bridge: Bridge, tmp_path: Path) -> None:
    made = bridge("init", str(tmp_path / "texts"))
    assert (made.returncode, made.stderr) == (0, "")
    told = bridge("--version").stdout.split()[-1]
    assert (tmp_path / "texts/requirements.txt").read_text() == f"helpdesk-bridge=={told}\n"
    assert (tmp_path / "texts/Procfile").read_text() == (_ROOT / "Procfile").read_text()

    checked = bridge("check", folder=tmp_path / "texts")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert " templates in templates" in checked.stdout
    shown = bridge("demo", "--once", folder=tmp_path / "texts")
    assert shown.returncode == 0, shown.stderr


def test_the_migrations_are_in_the_wheel(bridge: Bridge) -> None:
    assert bridge("db", "upgrade").stdout.startswith("Migrated the database to ")


def test_the_pages_that_the_console_shows_are_in_the_wheel(bridge: Bridge) -> None:
    told = bridge("-c", "from bridge.web.console import guides; print(guides.find('shopify')[:9], guides._folder())")

    assert told.stdout.startswith("# Shopify")
    assert told.stdout.rstrip().endswith("shipped_docs")
