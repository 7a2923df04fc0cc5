"""The folder of templates: read whole at the start, and kept up with while people edit it."""

import math
import os
import threading
import time
from pathlib import Path

import structlog

from bridge.compose.language import Partial
from bridge.compose.library import File, Problems, read_files, templates_of
from bridge.compose.template import Template
from bridge.errors import Misconfigured

MAX_BYTES = 65_536
_PACKAGE = Path(__file__).parents[1]

#: What tells a file from its older self: time of change in nanoseconds, size, inode.
Stamp = tuple[int, int, int]
Stamps = dict[str, Stamp]

log = structlog.get_logger()


def default_folder(setting: str | None) -> Path:
    """Where the templates are: TEMPLATES_DIR if set, else ./templates if there is one, else the shipped ones."""
    if setting:
        return Path(setting)
    here = Path("templates")
    return here if here.is_dir() else shipped_folder()


def shipped_folder() -> Path:
    """Where the shipped messages are: in the package, or beside it in a checkout."""
    packaged = _PACKAGE / "shipped_templates"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "templates"


class TemplateFolder:
    """The templates of a folder: every `*.txt` whose name does not begin with `.`; with `_` it is a partial.

    Raises Misconfigured when made, with every problem of every file; or, where it need not be `whole`, only where no
    file can be read: what is good can then be had, and what is wrong stands in `problems`.
    """

    def __init__(self, path: Path, *, whole: bool = True) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        try:
            on_disk = self._on_disk()
        except OSError as error:
            raise Misconfigured([f"{path}: the folder of templates cannot be read ({error.strerror})"]) from None
        if not _has_messages(on_disk):
            raise Misconfigured([f"{path}: there is no template here (a file whose name ends in .txt)"])
        self._folder_problem: str | None = None
        self._texts = {name: _text_of(path / name) for name in on_disk}
        self._keep(read_files(self._texts, path, {}), on_disk)
        if self.problems and whole:
            raise Misconfigured(self.problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files as they are now, as `path:line: what to do`; empty when all is well."""
        found = tuple(problem for _, file in sorted(self._files.items()) for problem in file.problems)
        return (self._folder_problem, *found) if self._folder_problem else found

    @property
    def partials(self) -> tuple[Partial, ...]:
        """The pieces that the templates share, by name, as they were last read."""
        return tuple(file.good for _, file in sorted(self._files.items()) if isinstance(file.good, Partial))

    def texts(self) -> dict[str, str]:
        """The text of every file that can be read, by the file's name, as of the last look at the folder."""
        return {name: text for name, text in self._texts.items() if isinstance(text, str)}

    def current(self, *, since: float = math.inf) -> tuple[Template, ...]:
        """The templates by name, as they stand in the folder now. A broken file counts as it was when it was good.

        They may be as they stood at any moment after `since` (a time.monotonic()): deliveries that were claimed
        together share one look at the folder.
        """
        with self._lock:
            if since < self._looked_at:
                return self._templates
            self._looked_at = time.monotonic()
            try:
                on_disk = self._on_disk()
            except OSError as error:
                self._trouble(f"{self.path}: the folder of templates cannot be read ({error.strerror})")
            else:
                if _has_messages(on_disk):
                    if on_disk != self._stamps:
                        self._catch_up(on_disk)
                    self._folder_problem = None
                else:
                    # A volume that is not mounted is an empty folder too.
                    self._trouble(f"{self.path}: there is no template here any more")
            return self._templates

    def _keep(self, files: dict[str, File], on_disk: Stamps) -> None:
        self._files, self._stamps, self._templates = files, on_disk, templates_of(files)

    def _catch_up(self, on_disk: Stamps) -> None:
        """Read what has changed, and compile all anew: a changed partial changes what includes it."""
        before, old_texts, old_stamps = self._files, self._texts, self._stamps
        changed = {name for name, stamp in on_disk.items() if old_stamps.get(name) != stamp}
        self._texts = {name: _text_of(self.path / name) if name in changed else old_texts[name] for name in on_disk}
        now = read_files(self._texts, self.path, before)
        for name, file in now.items():
            old = before.get(name)
            told_before = old.problems if old and name not in changed else ()
            if file.problems and file.problems != told_before:
                kept = file.good is not None
                log.error("template.broken", template=name, problems=file.problems, kept=kept)
            elif not file.problems and (name in changed or told_before):
                log.info("template.loaded", template=name)
        for name in before.keys() - now.keys():
            log.info("template.removed", template=name)
        self._keep(now, on_disk)

    def _trouble(self, problem: str) -> None:
        # An unmounted volume is no wish to send nothing: the templates stay until there is a folder again.
        if self._folder_problem is None:
            log.error("templates.unreadable", problem=problem)
        self._folder_problem = problem

    def _on_disk(self) -> Stamps:
        found: Stamps = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                if not entry.name.endswith(".txt") or entry.name.startswith("."):
                    continue
                try:
                    if entry.is_file():
                        stat = entry.stat()
                        found[entry.name] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                except FileNotFoundError:
                    # Deleted, or replaced by an editor, while the folder was being read.
                    continue
        return found


def _has_messages(on_disk: Stamps) -> bool:
    return any(not name.startswith("_") for name in on_disk)


def _text_of(path: Path) -> str | Problems:
    """The file's text; or what is wrong: it cannot be read, is not UTF-8 or is far too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return (f"{path.as_posix()}:1: the file cannot be read ({error.strerror})",)
    if len(raw) > MAX_BYTES:
        return (f"{path.as_posix()}:1: the file is larger than {MAX_BYTES // 1024} KiB",)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return (f"{path.as_posix()}:{line}: this line is not UTF-8: save the file as UTF-8",)
