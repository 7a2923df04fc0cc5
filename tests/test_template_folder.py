"""The folder of templates: read whole at the start, and kept up with while people edit it."""

import math
import os
import threading
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.compose import TemplateFolder, default_folder
from bridge.compose import folder as folder_module
from bridge.errors import Misconfigured

GOOD = "---\nevent: order.shipped\n---\n{}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "one.txt").write_text(GOOD.format("First"))
    (tmp_path / "two.txt").write_text(GOOD.format("Second"))
    return tmp_path


def bodies(folder: TemplateFolder, since: float = math.inf) -> dict[str, str]:
    return {template.name: template.body.source.strip() for template in folder.current(since=since)}


def test_the_folder_gives_its_templates_by_name(path):
    for ignored in ("_signature.txt", ".hidden.txt", "notes.md", "one.txt~"):
        (path / ignored).write_text("not a template")
    (path / "folder.txt").mkdir()

    assert bodies(TemplateFolder(path)) == {"one": "First", "two": "Second"}


def test_the_problems_of_all_files_are_told_at_once(path):
    (path / "one.txt").write_text("---\nevent: order.shiped\n---\n{{ order.nmae }}")
    (path / "two.txt").write_bytes(b"---\nevent: order.shipped\n---\nHello\n\xff")
    (path / "three.fr.txt").write_text(GOOD.format("Bonjour"))
    (path / "four.txt").write_text(GOOD.format("x" * 70_000))

    with pytest.raises(Misconfigured) as raised:
        TemplateFolder(path)

    assert [problem.removeprefix(f"{path.as_posix()}/").split(" (")[0] for problem in raised.value.problems] == [
        "four.txt:1: the file is larger than 64 KiB",
        "one.txt:2: event order.shiped does not exist; did you mean order.shipped?",
        "one.txt:4: there is no order.nmae; did you mean order.name?",
        "three.fr.txt:1: there is no three.txt that this could be a translation of",
        "two.txt:5: this line is not UTF-8: save the file as UTF-8",
    ]


def test_problems_name_files_as_the_folder_was_named(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (path / "one.txt").write_text("Hello")

    with pytest.raises(Misconfigured, match=rf"^{path.name}/one\.txt:1: the file must begin"):
        TemplateFolder(Path(path.name))


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path):
    with pytest.raises(Misconfigured, match="the folder of templates cannot be read"):
        TemplateFolder(tmp_path / "none")
    with pytest.raises(Misconfigured, match="there is no template here"):
        TemplateFolder(tmp_path)


def test_a_changed_new_or_deleted_file_counts_from_the_next_delivery_on(path):
    folder = TemplateFolder(path)
    (path / "one.txt").write_text(GOOD.format("Changed"))
    (path / "three.txt").write_text(GOOD.format("Third"))
    (path / "two.txt").unlink()

    assert bodies(folder) == {"one": "Changed", "three": "Third"}
    assert folder.problems == ()


def test_one_look_at_the_folder_serves_all_that_were_claimed_before_it_and_none_after(path):
    folder = TemplateFolder(path)
    claimed = time.monotonic()
    (path / "one.txt").write_text(GOOD.format("Changed"))
    assert bodies(folder, since=claimed)["one"] == "Changed"

    (path / "one.txt").write_text(GOOD.format("Changed again"))
    assert bodies(folder, since=claimed)["one"] == "Changed"
    assert bodies(folder, since=time.monotonic())["one"] == "Changed again"


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(path):
    folder = TemplateFolder(path)
    before = (path / "one.txt").stat()
    new = path / "one.new"
    new.write_text(GOOD.format("Other"))
    os.utime(new, ns=(before.st_mtime_ns, before.st_mtime_ns))
    new.replace(path / "one.txt")

    assert bodies(folder)["one"] == "Other"


def test_a_byte_order_mark_and_windows_lines_are_no_problem(path):
    (path / "one.txt").write_bytes(b"\xef\xbb\xbf" + GOOD.format("First").replace("\n", "\r\n").encode())

    assert bodies(TemplateFolder(path))["one"] == "First"


def test_a_broken_file_keeps_its_old_version_and_is_told_once_until_it_is_mended(path):
    folder = TemplateFolder(path)
    (path / "one.txt").write_text(GOOD.format("{{ order.nmae }}"))
    (path / "three.txt").write_text("never good")

    with capture_logs() as logs:
        assert bodies(folder) == bodies(folder) == {"one": "First", "two": "Second"}

    assert [problem.rpartition("/")[2].split(";")[0] for problem in folder.problems] == [
        "one.txt:4: there is no order.nmae",
        "three.txt:1: the file must begin with a line ---, and below it event: and what else the template needs",
    ]
    told = sorted((line["event"], line["template"], line["kept"]) for line in logs)
    assert told == [("template.broken", "one.txt", True), ("template.broken", "three.txt", False)]

    (path / "one.txt").write_text(GOOD.format("Mended"))
    (path / "three.txt").unlink()
    assert bodies(folder) == {"one": "Mended", "two": "Second"}
    assert folder.problems == ()


def test_a_folder_that_cannot_be_read_any_more_keeps_its_templates(path):
    folder = TemplateFolder(path)
    away = path.rename(path.with_name("away"))

    with capture_logs() as logs:
        assert bodies(folder) == bodies(folder) == {"one": "First", "two": "Second"}

    assert [line["event"] for line in logs] == ["templates.unreadable"]
    assert "the folder of templates cannot be read" in folder.problems[0]
    away.rename(path)
    assert bodies(folder) == {"one": "First", "two": "Second"}
    assert folder.problems == ()


def test_a_folder_that_was_emptied_keeps_its_templates_and_says_so(path):
    folder = TemplateFolder(path)
    for file in path.glob("*.txt"):
        file.unlink()

    assert bodies(folder) == {"one": "First", "two": "Second"}
    assert folder.problems == (f"{path}: there is no template here any more",)


def test_a_file_that_has_not_changed_is_not_read_again(path, monkeypatch):
    folder = TemplateFolder(path)
    monkeypatch.setattr(folder_module, "read_files", None)

    assert bodies(folder) == {"one": "First", "two": "Second"}


def test_threads_share_a_folder_that_is_being_edited(path):
    folder, stop, seen = TemplateFolder(path), threading.Event(), set()

    def watch() -> None:
        while not stop.is_set():
            seen.update(template.body.source.strip() for template in folder.current())

    watchers = [threading.Thread(target=watch) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    for number in range(50):
        new = path / "one.new"
        new.write_text(GOOD.format(f"Version {number}"))
        new.replace(path / "one.txt")
    stop.set()
    for watcher in watchers:
        watcher.join()

    assert bodies(folder) == {"one": "Version 49", "two": "Second"}
    assert seen <= {"First", "Second", *(f"Version {number}" for number in range(50))}


def test_the_setting_comes_before_the_working_directory_and_that_before_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_folder("elsewhere") == Path("elsewhere")
    assert bodies(TemplateFolder(default_folder(None)))
    assert default_folder(None).is_absolute()

    (tmp_path / "templates").mkdir()
    assert default_folder(None) == default_folder("") == Path("templates")


def test_a_wheels_own_copy_of_the_shipped_templates_is_found(tmp_path, monkeypatch):
    (tmp_path / "shipped_templates").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder_module, "_PACKAGE", tmp_path)

    assert default_folder(None) == tmp_path / "shipped_templates"
