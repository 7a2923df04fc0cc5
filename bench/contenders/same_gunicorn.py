"""gunicorn as it comes, set as the bridge sets it (worker class, processes, threads, time-outs), around another app."""

import sys
from typing import Any

from flask import Flask

from bridge.settings import Settings
from bridge.web.server import Server
from contenders import PROGRAMS, Contender, Running


def start(running: Running, module: str) -> None:
    """Serve the application `app` of this module of bench/programs."""
    settings = {**_settings(), "bind": f"127.0.0.1:{running.place.port}", "pythonpath": str(PROGRAMS)}
    path = running.place.directory / "gunicorn.conf.py"
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    running.start("web", [sys.executable, "-m", "gunicorn", "--config", str(path), f"{module}:app"])


def _settings() -> dict[str, Any]:
    """What the bridge sets otherwise than gunicorn does, by gunicorn's names."""
    server = Server(lambda: Flask("never"), workers=Settings.from_env(()).web_concurrency)
    chosen = {name: setting.get() for name, setting in server.cfg.settings.items() if setting.get() != setting.default}
    return {name: _spelling(value) for name, value in chosen.items() if isinstance(value, str | int | float | type)}


def _spelling(value: Any) -> Any:
    """What can stand in a file. Of a class that the bridge has derived: gunicorn's own that it comes from."""
    if not isinstance(value, type):
        return value
    stock = next(parent for parent in value.__mro__ if parent.__module__.startswith("gunicorn."))
    return f"{stock.__module__}.{stock.__qualname__}"


NOOP = Contender(
    key="noop",
    title="(a) Flask, no-op",
    sends=False,
    start=lambda running: start(running, "noop"),
)
