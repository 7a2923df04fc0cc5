"""The bridge's own web server around another application: the same kind of worker, processes, threads and time-outs."""

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
    plain = (str, int, float, bool)
    return {
        name: setting.get()
        for name, setting in server.cfg.settings.items()
        if setting.get() != setting.default and isinstance(setting.get(), plain)
    }


NOOP = Contender(
    key="noop",
    title="(a) Flask, no-op",
    sends=False,
    start=lambda running: start(running, "noop"),
)
