"""What the documentation says is what the code does: settings, commands, reasons, values, links, examples."""

import dataclasses
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dotenv import dotenv_values

import generate
from bridge import cli, events, setting_list, sources
from bridge.compose import TemplateFolder, read_template
from bridge.connections import CONNECTION_SUFFIXES
from bridge.environment import is_secret
from bridge.events import Delivery
from bridge.reasons import CAUSES, REASONS
from bridge.settings import NAMES, Settings
from bridge.trying import beside, rehearsal

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def _section(text: str, title: str) -> str:
    return re.split(r"^#{1,2} ", text.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _first_cells(section: str) -> list[str]:
    return [line.split("|")[1] for line in section.splitlines() if line.startswith(("| `", "| <"))]


def test_the_parts_of_the_pages_that_are_made_from_the_code_are_up_to_date() -> None:
    made = [path for path in PAGES if "<!-- made: " in path.read_text("utf-8")]
    assert {path.stem for path in made} == {"settings", "commands", "routes", "sources"}
    for path in made:
        assert path.read_text("utf-8") == generate.renewed(path.read_text("utf-8")), "run `python docs/generate.py`"


def test_every_setting_is_described_and_every_described_setting_exists() -> None:
    described = [setting for group in setting_list.groups().values() for setting in group]
    assert sorted(one.name for one in described) == sorted(
        [*NAMES, *(f"<CONNECTION>_{suffix}" for suffix in CONNECTION_SUFFIXES)]
    )
    for one in described:
        assert one.meaning, one.name
        assert one.example, one.name


def test_the_examples_of_settings_are_good_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of `.env.example`, all switched on."""
    lines = setting_list.as_env_file("SHOPIFY").splitlines()
    (tmp_path / ".env").write_text("\n".join(line.removeprefix("#") for line in lines if re.match(r"#[A-Z]", line)))
    values = dotenv_values(tmp_path / ".env", interpolate=False)
    assert {name.replace("SHOPIFY_", "<CONNECTION>_") for name in values} == {
        one.name for group in setting_list.groups().values() for one in group
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value or "")
    # They name other connections than the one that the file is written for.
    monkeypatch.delenv("CONNECTIONS")
    monkeypatch.delenv("REPLIES_TO")
    settings = Settings.from_env(sources.discover())
    assert settings.connections["shopify"].secrets == ("new-secret", "old-secret")
    assert settings.warnings == ()


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
    known = {*NAMES, *(f"SHOP_{suffix}" for suffix in CONNECTION_SUFFIXES)}
    # Heroku says with DYNO where it runs us.
    assert read <= known | {"DYNO"} | {f"{name}_FILE" for name in known if is_secret(name)}


def test_every_setting_that_may_stand_in_a_file_is_named() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    (sentence,) = re.findall(r"^A secret may stand in a file: (.+?)\.$", page, re.MULTILINE | re.DOTALL)
    secrets = [name for name in (*NAMES, *(f"<CONNECTION>_{suffix}" for suffix in CONNECTION_SUFFIXES))
               if is_secret(name)]  # fmt: skip
    assert sorted(re.findall(r"`([^`]+)_FILE`", sentence)) == sorted(secrets)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        (one.name, one.value)
        for title, group in setting_list.groups().items()
        for one in group
        if one.default == f"`{one.value}`" and title != setting_list.OF_CONNECTIONS
    ],
)
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


def test_every_command_named_on_a_page_exists_and_has_the_options_it_is_named_with() -> None:
    real = dict(generate.every_command(cli.cli, "bridge"))
    groups = {" ".join(path.split()[:2]) for path in real}
    checked = 0
    for page in PAGES:
        for code in re.findall(r"`(bridge [^`\n]+)`", page.read_text("utf-8")):
            words = code.split()
            path = next((found for size in (3, 2) if (found := " ".join(words[:size])) in real), None)
            assert path or " ".join(words[:2]) in groups or words[1] in ("--version", "--help", "COMMAND", "…"), code
            if path and not words[1].startswith("-"):
                known = {option for parameter in real[path].params for option in parameter.opts} | {"--help"}
                named = {word.split("=")[0].strip("[],") for word in words if word.startswith(("--", "[--"))}
                assert named <= known, code
                checked += 1
    assert checked > 50


def test_every_reason_and_cause_is_documented_with_its_sentence() -> None:
    reasons, _, causes = (ROOT / "docs/reasons.md").read_text("utf-8").partition("\n## Causes\n")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", reasons, re.MULTILINE)
    assert {code: sentence for code, sentence, _ in rows} == REASONS
    # What to do: enough to be a sentence.
    assert [code for code, _, cure in rows if len(cure) < 20] == []
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
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text("utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), f"{target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def test_every_page_is_on_the_first_one_or_on_that_of_platforms() -> None:
    listed = {
        target
        for page in ("README.md", "sources.md")
        for target in re.findall(r"\]\(([a-z-]+)\.md", (ROOT / "docs" / page).read_text("utf-8"))
    }
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - listed == {"README"}


def test_every_source_has_a_set_up_page() -> None:
    assert [name for name in sources.discover() if not (ROOT / f"docs/{name}.md").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_a_thing_under_one_heading(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ .*", prose, re.MULTILINE)
    assert headings
    assert len(headings) == len(set(headings))


def test_the_changelog_has_a_section_for_what_comes_and_one_for_this_version() -> None:
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    unreleased, *sections = re.findall(r"^## (.+)$", log, re.MULTILINE)
    assert unreleased == "Unreleased"
    numbers = [section.partition(" - ")[0] for section in sections]
    assert numbers[0] == version, "a version that is raised gets a section: see CONTRIBUTING.md"
    assert [tuple(map(int, number.split("."))) for number in numbers] == sorted(
        (tuple(map(int, number.split("."))) for number in numbers), reverse=True
    )
    for section in sections:
        datetime.strptime(section.partition(" - ")[2], "%Y-%m-%d").replace(tzinfo=UTC)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", log, re.MULTILINE)) <= kinds
