"""Setting a value in the file .env, where the commands find it the next time."""

import os
from pathlib import Path

from dotenv import dotenv_values, set_key

from bridge.errors import Misconfigured

PATH = Path(".env")


def is_heard(name: str) -> bool:
    """Whether a value in the file would count: the environment goes before it, and so does a secret's own file."""
    if os.environ.get(f"{name}_FILE"):
        return False
    given = os.environ.get(name)
    return not given or dotenv_values(PATH, interpolate=False).get(name) == given


def write(name: str, value: str) -> None:
    """Set `name` in the file; all other lines stay. A new file is for its owner only. Raises Misconfigured."""
    try:
        if not PATH.exists():
            PATH.touch(mode=0o600)
        # Where it is a link, what it leads to is written.
        set_key(PATH.resolve(), name, value, quote_mode="always")
    except OSError as error:
        raise Misconfigured([f"{name}: {PATH} cannot be written ({error.strerror})"]) from error
    os.environ[name] = value
