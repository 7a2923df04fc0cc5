"""docs/deploy.md: what it tells to type, set and copy is there; those of Procfile and Docker run the rest."""

import re
import shlex

import click
import dynos
import pytest
import yaml

from bridge import cli, sources
from bridge.connections import CONNECTION_SUFFIXES
from bridge.settings import NAMES

PAGE = (dynos.ROOT / "docs/deploy.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
NOT_OURS = {"POSTGRES_PASSWORD"}


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) > 25


@pytest.mark.parametrize(
    "words", re.findall(r"(?:run bridge|/bin/bridge|--rm worker|exec worker bridge) ([a-z][a-z ]*[a-z])", PAGE)
)
def test_every_command_of_the_bridge_exists(words: str) -> None:
    command: click.Command | None = cli.cli
    for word in words.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
        assert command is not None, words


def test_everything_that_it_sets_is_a_setting() -> None:
    set_there = {name for line in COMMANDS for name in re.findall(r"\b([A-Z][A-Z_]+)=", line)} - NOT_OURS
    of_platforms = {f"{name.upper()}_{suffix}" for name in sources.names() for suffix in CONNECTION_SUFFIXES}
    assert {"ATTENTIVE_API_TOKEN", "SHOPIFY_SECRETS", "CONSOLE_PASSWORD", "PUBLIC_URL"} <= set_there
    assert set_there <= {*NAMES, *of_platforms}


def test_every_file_that_it_copies_is_there() -> None:
    copied = [word for line in COMMANDS for word in re.findall(r"(?:^|/source/| )(deploy/\S+)", line)]
    assert len(copied) == 3
    for pattern in copied:
        assert list(dynos.ROOT.glob(pattern)), pattern


def test_what_it_starts_with_systemd_are_the_units() -> None:
    started = {word for line in COMMANDS if "enable" in line for word in shlex.split(line) if word.startswith("bridge")}
    assert started == {path.stem for path in (dynos.ROOT / "deploy/systemd").iterdir()}


def test_what_it_names_of_compose_are_its_services() -> None:
    services = yaml.safe_load((dynos.ROOT / "compose.yaml").read_text("utf-8"))["services"]
    named = re.findall(r"docker compose (?:run --rm|exec) (\w+)", PAGE)
    assert named
    assert set(named) <= set(services)


def test_the_table_of_connections_adds_up() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (\d) \| (\d) \| (\d+) \| (\d+) \| ([^|]+) \|$", PAGE, re.M)
    assert len(rows) == 4
    for what, processes, each, steady, in_a_deploy, fits in rows:
        # Each web dyno has so many processes; each worker is one, and so is the worker of a dyno with both.
        webs, workers = (2 if "two web" in what else 1), (2 if "two workers" in what else 1)
        assert int(steady) == (webs * int(processes) + workers) * int(each), what
        assert int(in_a_deploy) == int(steady) * (1 if "machine" in what else 2), what
        assert int(in_a_deploy) < int(re.findall(r"\((\d+)\)", fits)[0]), what
