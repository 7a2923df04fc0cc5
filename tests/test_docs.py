"""What the documentation says is what the code does: settings, commands, reasons, values, links, examples."""

import dataclasses
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from bridge import cli, events, sources
from bridge.cli.sources import as_markdown
from bridge.compose import TemplateFolder, read_template
from bridge.connections import CONNECTION_SUFFIXES
from bridge.events import Delivery
from bridge.reasons import CAUSES, REASONS
from bridge.settings import NAMES, Settings
from bridge.trying import beside, rehearsal

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _section(text: str, title: str) -> str:
    return re.split(r"^#{1,2} ", text.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _first_cells(section: str) -> list[str]:
    return [line.split("|")[1] for line in section.splitlines() if line.startswith(("| `", "| <"))]


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = [
        name for cell in _first_cells(_section(README, "Settings")) for name in re.findall(r"`([^`]+)`", cell)
    ]
    assert sorted(documented) == sorted([*NAMES, *(f"<CONNECTION>_{suffix}" for suffix in CONNECTION_SUFFIXES)])


def test_the_program_reads_no_setting_but_the_documented_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()

    class Recording(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            read.add(name)
            return super().__getitem__(name)

        def __contains__(self, name: object) -> bool:
            read.add(str(name))
            return super().__contains__(name)

        def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
            read.add(name)
            return super().get(name, default)

    monkeypatch.setattr(os, "environ", Recording(os.environ, SHOP_SECRETS="secret", CONNECTIONS="shop=shopify"))
    Settings.from_env(sources.discover())
    monkeypatch.undo()
    assert read >= {"DATABASE_URL", "SHOP_SECRETS"}
    # Heroku says with DYNO where it runs us.
    assert read <= {*NAMES, "DYNO", *(f"SHOP_{suffix}" for suffix in CONNECTION_SUFFIXES)}


@pytest.mark.parametrize(("name", "default"), re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)`", README, re.MULTILINE))
def test_a_documented_default_is_the_default(name: str, default: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = Settings.from_env(sources.discover())
    if name in ("PORT", "WORKER_NAME", "BRIDGE_SENDING", "TEMPLATES_DIR"):
        return  # their default depends on where the bridge runs; the tests of the commands hold those
    monkeypatch.setenv(name, default)
    given = Settings.from_env(sources.discover())
    changed = {
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(unset, field.name) != getattr(given, field.name) and field.name != "database_url_is_explicit"
    }
    assert changed == set()


def _commands(command: click.Command, path: str) -> dict[str, click.Command]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        found = {}
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found |= _commands(child, f"{path} {name}")
        return found
    return {path: command}


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    real = _commands(cli.cli, "bridge")
    documented = set()
    for cell in _first_cells(_section(README, "Commands")):
        first, *others = re.findall(r"`([^`]+)`", cell)
        words = [word for word in first.split() if word.islower() and not word.startswith(("[", "-"))]
        documented.add(" ".join(words))
        for other in others:
            head = other.split()[0]
            documented.add(other if head == "bridge" else " ".join([*words[:2], head]))
    assert documented == set(real)


def test_every_option_named_for_a_command_exists() -> None:
    real = _commands(cli.cli, "bridge")
    checked = 0
    for line in _section(README, "Commands").splitlines():
        named = re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", line)
        names = re.match(r"\| `(bridge [a-z]+)", line)
        if not (named and names):
            continue
        known = {option for path, command in real.items() if path.startswith(names[1])
                 for parameter in command.params for option in parameter.opts}  # fmt: skip
        assert set(named) <= known, line
        checked += len(named)
    assert checked >= 10


def test_every_reason_and_cause_is_documented_with_its_sentence() -> None:
    reasons, _, causes = (ROOT / "docs/reasons.md").read_text("utf-8").partition("\n## Causes\n")
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", reasons, re.MULTILINE)) == REASONS
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", causes, re.MULTILINE)) == CAUSES


def test_the_documented_values_are_the_vocabulary() -> None:
    page = _section((ROOT / "docs/templates.md").read_text("utf-8"), "Values")
    documented = {
        row[0]: re.findall(r"`(\w+)`", row[1]) for row in re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    }
    assert documented.pop("event") == ["kind", "source", "connection", "occurred_at"]
    parts = {"customer": events.Customer, "order": events.Order, "ticket": events.Ticket, "shipment": events.Shipment}
    assert documented == {
        name: [field.name for field in dataclasses.fields(part) if field.metadata.get("template", True)]
        for name, part in parts.items()
    }


def test_every_kind_of_event_is_documented() -> None:
    page = _section((ROOT / "docs/templates.md").read_text("utf-8"), "Events")
    assert [kind for kind in events.KINDS if f"`{kind}`" not in page] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/templates.md"], ids=lambda path: path.name)
def test_the_example_of_a_template_loads(page: Path) -> None:
    examples = re.findall(r"^```\n(---\n.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        read_template(example, "templates/example.txt")


def test_the_example_of_tests_beside_a_template_passes(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/templates.md").read_text("utf-8"), re.M | re.S)
    (tmp_path / "order_shipped.txt").write_text((ROOT / "templates/order_shipped.txt").read_text("utf-8"))
    (tmp_path / "order_shipped.tests.yaml").write_text(example)
    (template,) = TemplateFolder(tmp_path).current()

    verdict = beside.run_beside(template, rehearsal.bare_stages("Juniper"), datetime(2026, 11, 23, tzinfo=UTC))

    assert verdict == beside.Verdict(passed=2)


def test_the_body_to_paste_into_zendesk_is_read_as_a_reply() -> None:
    page = (ROOT / "docs/zendesk.md").read_text("utf-8")
    (body,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    values = {"ticket.requester.phone": "+12125550123", "ticket.status": "Open"}
    filled = re.sub(r"\{\{([\w.]+)\}\}", lambda match: values.get(match[1], "words"), body)
    delivery = Delivery(
        connection="zendesk",
        headers={"content-type": "application/json"},
        body=filled.encode(),
        received_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    (event,) = sources.discover()["zendesk"].parse(delivery)  # type: ignore[misc]
    assert (event.kind, event.customer.phone, event.ticket.status) == ("ticket.replied", "+12125550123", "open")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_table_of_platforms_is_that_of_the_code() -> None:
    page = (ROOT / "docs/sources.md").read_text("utf-8")
    table = page.partition("--markdown` -->\n")[2].partition("\n<!-- end -->")[0]
    assert table == as_markdown(), "docs/sources.md: put in what `bridge sources --markdown` prints"


def test_every_source_has_a_set_up_page() -> None:
    assert [name for name in sources.discover() if not (ROOT / f"docs/{name}.md").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_a_thing_under_one_heading(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ .*", prose, re.MULTILINE)
    assert headings
    assert len(headings) == len(set(headings))
