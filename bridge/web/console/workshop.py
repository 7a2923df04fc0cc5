"""The templates as this web process reads them: not before somebody looks, since what composes texts costs memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from threading import Lock
from typing import TYPE_CHECKING

from bridge.errors import Misconfigured
from bridge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.compose import Template, TemplateFolder
    from bridge.trying.checking import Report


@dataclass(frozen=True, kw_only=True)
class View:
    """The folder as it stands. `texts` are those of its files; `problems` are what is wrong with it, in words.

    A file with problems is shown as it last was good, if this process has seen it so.
    """

    folder: str
    templates: "Sequence[Template]" = ()
    reports: "Mapping[str, Report]" = field(default_factory=dict)
    texts: "Mapping[str, str]" = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def find(self, name: str) -> "Template | None":
        """The template of this name."""
        return next((one for one in self.templates if one.name == name), None)

    def problems_of(self, name: str) -> list[str]:
        """What is wrong with this template's own files."""
        own = [one for one in self.problems if PurePath(one.partition(":")[0]).name.partition(".")[0] == name]
        report = self.reports.get(name)
        return own + list(report.problems if report else ())

    def files_of(self, name: str) -> dict[str, str]:
        """The template's own text, then those of its translations, by the file's name."""
        return {file: text for file, text in sorted(self.texts.items()) if file.partition(".")[0] == name}


class Workshop:
    """Reads the folder when asked, and rehearses anew only what has changed. May be asked from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._folder: TemplateFolder | None = None
        self._kept: tuple[object, View] | None = None

    def look(self) -> View:
        """The folder as it is now."""
        with self._lock:
            try:
                folder = self._opened()
            except Misconfigured as error:
                return View(folder=str(self._path), problems=error.problems)
            templates = folder.current()
            state = (templates, folder.problems, _tests_beside(folder))
            if self._kept is None or self._kept[0] != state:
                self._kept = (state, self._rehearsed(folder, templates))
            return self._kept[1]

    def glance(self) -> View:
        """The folder as it is now, with nothing rehearsed."""
        with self._lock:
            try:
                folder = self._opened()
            except Misconfigured as error:
                return View(folder=str(self._path), problems=error.problems)
            return View(folder=str(folder.path), templates=folder.current(), problems=folder.problems)

    @property
    def _path(self) -> Path:
        from bridge.compose import default_folder

        return default_folder(self._settings.templates_dir)

    def _opened(self) -> "TemplateFolder":
        """The folder. Raises Misconfigured."""
        from bridge.compose import TemplateFolder

        if self._folder is None:
            self._folder = TemplateFolder(self._path, whole=False)
        return self._folder

    def _rehearsed(self, folder: "TemplateFolder", templates: "Sequence[Template]") -> View:
        from bridge.trying import checking

        reports = checking.reports(templates, self._settings, datetime.now(UTC))
        return View(
            folder=str(folder.path),
            templates=templates,
            reports={report.template.name: report for report in reports},
            texts=folder.texts(),
            problems=(*folder.problems, *checking.problems_of_folder(folder, templates)),
        )


def _tests_beside(folder: "TemplateFolder") -> object:
    """What tells the files of tests from their older selves."""
    found = []
    for path in sorted(folder.path.glob("*.tests.*")):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((path.name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)
