"""Are the settings complete, and is nobody else able to read them?"""

from collections.abc import Iterator
from pathlib import Path

from bridge.doctor.finding import Finding
from bridge.settings import Settings

_FILE = Path(".env")
_FOR_OTHERS = 0o077


def examine(given: Settings) -> Iterator[Finding]:
    """What is odd about settings that could be read."""
    for warning in given.warnings:
        yield Finding(about="settings", state="warning", says=warning)
    if _FILE.exists() and _FILE.stat().st_mode & _FOR_OTHERS:
        says = "the file .env holds secrets, and other users of this machine may read it"
        yield Finding(about="settings", state="warning", says=says, todo="chmod 600 .env")
    if not given.warnings:
        yield Finding(about="settings", state="ok", says="can all be read")
