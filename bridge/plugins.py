"""What other packages bring: objects under a group of entry points.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from bridge.errors import Misconfigured

_Brought = TypeVar("_Brought")


def brought(group: str, kind: type[_Brought]) -> list[tuple[str, _Brought]]:
    """The objects of `kind` that installed packages bring under `group`, each with what to call its package.

    Raises Misconfigured that names the package whose object cannot be loaded or is something else.
    """
    return [(_package(entry), _load(entry, kind)) for entry in sorted(entry_points(group=group))]


def _load(entry: EntryPoint, kind: type[_Brought]) -> _Brought:
    try:
        found = entry.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        problem = f"{entry.value} cannot be loaded ({type(error).__name__}: {error})"
        raise Misconfigured([f"{_package(entry)}: {problem}; mend it, or uninstall it"]) from error
    if not isinstance(found, kind):
        wanted = f"it must be a {kind.__module__}.{kind.__name__}"
        raise Misconfigured([f"{_package(entry)}: {entry.value} is a {type(found).__name__}; {wanted}"])
    return found


def _package(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist else f"the entry point {entry.name}"
