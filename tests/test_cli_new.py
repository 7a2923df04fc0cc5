"""`bridge new`, as somebody with an idea for a message uses it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import ForkedStack

from bridge.cli.new import _STARTS
from bridge.compose import TemplateFolder, read_template
from bridge.events import KINDS


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ForkedStack]:
    stack = ForkedStack(tmp_path, "")
    del stack.settings["DATABASE_URL"]
    yield stack
    stack.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path / "templates"


def test_every_kind_of_event_has_a_text_to_start_from():
    assert tuple(_STARTS) == KINDS


def test_a_message_is_written_for_each_kind_and_all_pass_the_check(alone: ForkedStack, folder: Path):
    for kind in (*KINDS, "shopify.customers.create", "zendesk.ticket.status_changed"):
        done = alone.run("new", kind.replace(".", "-"), "--event", kind)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert f"Wrote templates/{kind.replace('.', '-')}.txt, which answers {kind}." in done.stdout
        assert f"bridge preview {kind.replace('.', '-')}" in done.stdout

    checked = alone.run("check")

    assert checked.returncode == 0, checked.stderr
    assert f"{len(KINDS) + 2} templates in templates, " in checked.stdout
    assert len(TemplateFolder(folder).current()) == len(KINDS) + 2


@pytest.mark.parametrize("kind", [*KINDS, "shopify.customers.create"])
def test_every_line_that_is_switched_off_can_be_switched_on(alone: ForkedStack, folder: Path, kind: str):
    assert alone.run("new", "mine", "--event", kind).returncode == 0
    text = (folder / "mine.txt").read_text()
    switched_on = re.sub(r"^# (source|connection|when|quiet_hours):", r"\1:", text, flags=re.MULTILINE)

    assert len(re.findall(r"^(source|connection|when|quiet_hours):", switched_on, re.MULTILINE)) == 4
    template = read_template(switched_on, "mine.txt")
    assert template.when is not None
    assert template.quiet_hours is not None


def test_a_file_that_is_there_is_never_overwritten(alone: ForkedStack, folder: Path):
    (folder / "mine.txt").write_text("---\nevent: order.paid\n---\nMine")

    done = alone.run("new", "mine", "--event", "order.shipped")

    assert done.returncode == 2
    assert "templates/mine.txt is there already, and stays as it is: choose another name" in done.stderr
    assert (folder / "mine.txt").read_text().endswith("Mine")


def test_a_second_message_about_the_same_event_is_told(alone: ForkedStack, folder: Path):
    assert alone.run("new", "one", "--event", "order.paid").stderr == ""

    done = alone.run("new", "two", "--event", "order.paid")

    assert done.returncode == 0
    assert done.stderr == "bridge: warning: one answers order.paid too: a person would get each\n"


def test_without_a_folder_one_is_made_and_the_shipped_messages_are_said_to_be_out_of_use(alone: ForkedStack):
    done = alone.run("new", "mine", "--event", "order.paid")

    assert done.returncode == 0
    assert "Made the folder templates." in done.stdout
    assert "from now on only the messages in it are sent, and no longer the shipped ones" in done.stderr
    shipped = Path(done.stderr.rstrip().rpartition(" ")[2])
    assert (shipped / "order_shipped.txt").exists()
    assert "1 template in templates" in alone.run("check").stdout


def test_the_setting_says_where_messages_are_written(alone: ForkedStack, tmp_path: Path):
    (tmp_path / "messages").mkdir()

    assert alone.run("new", "mine", "--event", "order.paid", TEMPLATES_DIR="messages").returncode == 0
    assert os.listdir(tmp_path / "messages") == ["mine.txt"]  # noqa: PTH208
    gone = alone.run("new", "mine", "--event", "order.paid", TEMPLATES_DIR="nowhere")
    assert gone.returncode == 2
    assert gone.stderr == "bridge: TEMPLATES_DIR: there is no folder nowhere; make it, or correct the setting\n"


WRONG = [
    (["mine", "--event", "order.shiped"], "order.shiped does not exist; did you mean order.shipped?"),
    (["mine", "--event", "shipped"], "shipped does not exist"),
    (["mine", "--event", "shopfy.checkouts.create"], "there is no source shopfy; did you mean shopify?"),
    (["mine", "--event", "shopify"], "shopify does not exist"),
    (["mine"], "Missing option '--event'"),
    (["../mine", "--event", "order.paid"], "'../mine' is no name for a message"),
    (["mine.txt", "--event", "order.paid"], "'mine.txt' is no name for a message"),
    (["_mine", "--event", "order.paid"], "'_mine' is no name for a message"),
    (["", "--event", "order.paid"], "'' is no name for a message"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG)
def test_a_wrong_name_or_event_is_told_and_writes_nothing(
    alone: ForkedStack, tmp_path: Path, arguments: list[str], told: str
):
    done = alone.run("new", *arguments)

    assert done.returncode == 2
    assert told in done.stderr
    assert list(tmp_path.glob("**/*.txt")) == []
    assert not (tmp_path / "templates").exists()
