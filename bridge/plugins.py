"""What other packages bring: objects under a group of entry points.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from bridge.errors import Misconfigured

_Brought = TypeVar("_Brought")


@cache
def entries(group: str) -> tuple[EntryPoint, ...]:
    """What installed packages bring under `group`, not loaded."""
    return tuple(entry_points(group=group))


def load(entry: EntryPoint, kind: type[_Brought]) -> _Brought:
    """The object of `kind` that an entry point names. Raises Misconfigured, which names the package."""
    try:
        found = entry.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        problem = f"{entry.value} cannot be loaded ({type(error).__name__}: {error})"
        raise Misconfigured([f"{package_of(entry)}: {problem}; mend it, or uninstall it"]) from error
    if not isinstance(found, kind):
        wanted = f"it must be a {kind.__module__}.{kind.__name__}"
        raise Misconfigured([f"{package_of(entry)}: {entry.value} is a {type(found).__name__}; {wanted}"])
    return found


def package_of(entry: EntryPoint) -> str:
    """What to call the package that brings it."""
    return f"the package {entry.dist.name}" if entry.dist else f"the entry point {entry.name}"
