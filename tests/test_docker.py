"""Dockerfile and compose.yaml: judged by their own tools, and their commands run as far as they can without Docker."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dynos
import pytest
import senders
import yaml
from conftest import Process, Stack, answers, wait_until

DOCKERFILE, COMPOSE = dynos.ROOT / "Dockerfile", dynos.ROOT / "compose.yaml"
_HERE = Path(sys.executable).parent


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, without comments, each on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in text.splitlines() if line]


def _of(instruction: str) -> list[str]:
    return [rest for name, rest in _instructions() if name == instruction]


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return services


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = subprocess.run([_HERE / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_one() -> None:
    command = [_HERE / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_the_python_that_is_tested_as_nobody_in_particular() -> None:
    version = (dynos.ROOT / ".python-version").read_text().strip()
    assert version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert {re.split(r"[:-]", image)[1] for image in _of("FROM")} == {version}
    (user,) = _of("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)


def test_nothing_goes_into_the_image_but_what_is_copied_by_name() -> None:
    copied = {word for line in _of("COPY") if "--from" not in line for word in line.split()[:-1]}
    lines = [line for line in (dynos.ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


def test_web_worker_and_release_may_write_nowhere_and_have_time_to_end() -> None:
    for name in ("release", "web", "worker"):
        service = _services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert int(service["stop_grace_period"].removesuffix("s")) >= dynos.KILLED_AFTER
    assert _services()["web"]["ports"] == ["127.0.0.1:8000:8000"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the Dockerfile builds, in a folder."""

    root: Path
    environment: dict[str, str]
    entry: list[str]
    health: list[str]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The Dockerfile's stages, run here: its COPY and RUN lines with a folder of ours as the root."""
    root = tmp_path_factory.mktemp("image")
    build = _instructions()[: [name for name, _ in _instructions()].index("FROM", 1)]
    environment = {
        "PATH": f"{_HERE}{os.pathsep}{os.environ['PATH']}",
        # What builds the wheel is here already.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    source = root / "src"
    for name, rest in build:
        *copied, to = rest.split()
        for path in copied if name == "COPY" else []:
            _copy(dynos.ROOT / path, source / to / (path if to.endswith("/") else ""))
        if name == "RUN":
            line = re.sub(r"(?<![\w/.])/(opt|wheels)\b", rf"{root}/\1", rest)
            subprocess.run(["sh", "-c", line], cwd=source, env=environment, check=True, capture_output=True)
    _copy(dynos.ROOT / "templates", root / "app/templates")
    variables = dict(word.split("=", 1) for line in _of("ENV") for word in shlex.split(line))
    variables["PATH"] = variables["PATH"].replace("/opt", f"{root}/opt").replace("$PATH", os.environ["PATH"])
    (entry,), (health,) = _of("ENTRYPOINT"), _of("HEALTHCHECK")
    return Image(
        root=root, environment=variables, entry=json.loads(entry), health=json.loads(health.partition("CMD ")[2])
    )


def _copy(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)


@pytest.fixture
def containers(image: Image, tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    """compose.yaml's services over the image's folder, with a PostgreSQL of ours."""
    stack = Stack(tmp_path, postgres_url)
    stack.settings |= image.environment | {"PORT": str(stack.web_port), "HOME": "/nonexistent"}
    yield stack
    stack.close()


def _run(image: Image, stack: Stack, service: str) -> Process:
    asked = _services()[service]
    given = {key: value for key, value in asked["environment"].items() if key not in ("DATABASE_URL", "PORT")}
    program = shutil.which(image.entry[0], path=stack.settings["PATH"])
    assert program is not None
    assert program.startswith(str(image.root))
    process = Process([program, *asked["command"]], stack.environment(**given), stack.directory / f"{service}.log")
    stack._processes.append(process)
    return process


def _is_healthy(image: Image, stack: Stack) -> bool:
    return subprocess.run(image.health, env=stack.environment(), capture_output=True, check=False).returncode == 0


def test_the_image_takes_a_webhook_and_sends_its_text_and_tells_whether_it_is_healthy(
    image: Image, containers: Stack
) -> None:
    containers.start_sandbox()
    assert not _is_healthy(image, containers)
    assert _run(image, containers, "release").wait() == 0
    web, worker = _run(image, containers, "web"), _run(image, containers, "worker")
    wait_until(lambda: answers(f"{containers.web_url}/health/ready") or not web.is_running, "web is ready")
    hook = senders.order()

    hook.post(containers.web_url).raise_for_status()
    wait_until(containers.texts, "the text arrives")

    assert hook.text in containers.texts()[0]["text"]
    assert _is_healthy(image, containers)
    assert (web.terminate(), worker.terminate()) == (0, 0)
    assert not _is_healthy(image, containers)
    # The folder that the commands ran in is the root's part of the image: they have left nothing there.
    assert {path.suffix for path in containers.directory.iterdir()} == {".log"}


def test_without_a_database_the_image_says_so_instead_of_keeping_webhooks_in_a_container(
    image: Image, containers: Stack
) -> None:
    program = shutil.which(image.entry[0], path=containers.settings["PATH"])
    (default,) = _of("CMD")
    env = {key: value for key, value in containers.environment().items() if key != "DATABASE_URL"}
    done = subprocess.run(
        [program, *json.loads(default)], env=env, cwd=containers.directory,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DATABASE_URL: is not set" in done.stderr
