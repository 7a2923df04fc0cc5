"""app.json: what Heroku's button asks for and sets, against Heroku's schema and the bridge's own settings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import dynos
import jsonschema
import pytest

from bridge import sources
from bridge.connections import CONNECTION_SUFFIXES
from bridge.settings import NAMES, Settings

APP = json.loads((dynos.ROOT / "app.json").read_text("utf-8"))

_TEXT = {"type": "string", "minLength": 1}
# https://devcenter.heroku.com/articles/app-json-schema, as strict as it can be read.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "description", "env", "formation", "addons", "stack", "buildpacks"],
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 30},
        "description": {"type": "string", "maxLength": 140},
        "keywords": {"type": "array", "items": _TEXT},
        "website": {"type": "string", "format": "uri"},
        "repository": {"type": "string", "format": "uri"},
        "logo": {"type": "string", "format": "uri"},
        "success_url": _TEXT,
        "image": _TEXT,
        "scripts": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"postdeploy": _TEXT, "pr-predestroy": _TEXT},
        },
        "env": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {
                "^[A-Z][A-Z0-9_]*$": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["description"],
                    "properties": {
                        "description": _TEXT,
                        "value": {"type": "string"},
                        "required": {"type": "boolean"},
                        "generator": {"enum": ["secret"]},
                    },
                    "not": {"required": ["value", "generator"]},
                }
            },
        },
        "formation": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["quantity"],
                "properties": {
                    "quantity": {"type": "integer", "minimum": 0},
                    "size": {"enum": ["eco", "basic", "standard-1x", "standard-2x", "performance-m", "performance-l"]},
                },
            },
        },
        "addons": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["plan"],
                "properties": {
                    "plan": {"type": "string", "pattern": "^[a-z0-9-]+(:[a-z0-9-]+)?$"},
                    "as": _TEXT,
                    "options": {"type": "object"},
                },
            },
        },
        "buildpacks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["url"],
                "properties": {"url": _TEXT},
            },
        },
        "environments": {"type": "object"},
        "stack": {"enum": ["heroku-22", "heroku-24", "container"]},
    },
}


def test_the_file_is_what_heroku_says_it_must_be() -> None:
    jsonschema.validate(APP, SCHEMA, format_checker=jsonschema.FormatChecker())


def test_the_dynos_are_those_of_the_procfile_and_each_runs() -> None:
    assert set(APP["formation"]) == set(dynos.lines()) - {"release"}
    # An eco dyno sleeps, and the texts that wait for the morning with it.
    assert {about["size"] for about in APP["formation"].values()} == {"basic"}
    assert all(about["quantity"] == 1 for about in APP["formation"].values())


def test_everything_that_is_asked_for_is_a_setting_and_every_platforms_secret_is_asked_for() -> None:
    of_platforms = {f"{name.upper()}_{suffix}" for name in sources.discover() for suffix in CONNECTION_SUFFIXES}
    assert set(APP["env"]) <= {*NAMES, *of_platforms}
    assert {f"{name.upper()}_SECRETS" for name in sources.discover()} <= set(APP["env"])


def test_what_opens_a_door_is_made_up_anew_for_each_app() -> None:
    made_up = {name for name, about in APP["env"].items() if "generator" in about}
    assert made_up == {"CONSOLE_PASSWORD", "GENERIC_SECRETS"}
    with_a_value = {name for name, about in APP["env"].items() if "value" in about}
    assert not [name for name in with_a_value if re.search("SECRET|TOKEN|PASSWORD|KEY", name)]


@pytest.mark.parametrize("page", sorted(set(re.findall(r"docs/[\w-]+\.md", json.dumps(APP)))))
def test_the_pages_that_it_names_are_there(page: str) -> None:
    assert (dynos.ROOT / page).is_file()


def test_an_app_works_with_what_the_form_holds_when_nobody_has_filled_anything_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    optional = {name for name, about in APP["env"].items() if about.get("required") is False}
    assert all(about.keys() & {"value", "generator"} for name, about in APP["env"].items() if name not in optional)
    for name, value in {**dict.fromkeys(optional, ""), **dynos.presets()}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@database.example/name")
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("CONSOLE_PASSWORD", "0123456789abcdef")
    monkeypatch.setenv("GENERIC_SECRETS", "0123456789abcdef")

    read = Settings.from_env(sources.names())

    assert read.warnings == ()
    assert list(read.connections) == ["generic"]
    assert (read.sending, read.trusted_proxies, read.database_connections) == ("hold", 1, 3)


def test_what_the_buildpack_installs_has_the_command_of_the_procfile(tmp_path: Path) -> None:
    # As the buildpack does it, but that what the bridge depends on is here already.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    requirements = dynos.ROOT / "requirements.txt"
    subprocess.run([*install, "--target", tmp_path, "--requirement", requirements], cwd=dynos.ROOT, check=True)

    commands = {line.split()[0] for line in dynos.lines().values()}
    assert {path.name for path in (tmp_path / "bin").iterdir()} == commands
